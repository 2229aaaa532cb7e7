"""What the agent does next, for every state of the world that it may find."""

from dataclasses import replace

import pytest

from reconciler.actions import Accept, Apply, Fetch, Reject, StartRay, StopRay, Wait
from reconciler.decide import decide
from reconciler.desired import AppNotes, Desired, Head, Item, ServeConfig
from reconciler.front import Front
from reconciler.rollout import Told
from reconciler.snapshot import AppState, AppStatus, DeploymentState, Failure, Memory, Ray, Snapshot

ITEM = Item(key="serve/dev/packages/x.zip", sha256="a" * 64)
HEAD = Head(cpus=4, gpus=1, host="0.0.0.0", port=8080)


def config(head: Head = HEAD, version: str = "v1") -> ServeConfig:
    application = {"name": "ecg_rhythm", "route_prefix": "/ecg_rhythm", "args": {"version": version}}
    return ServeConfig({"applications": [application]}, head, {"ecg_rhythm": AppNotes(version=version)})


def desired(generation: str) -> Desired:
    return Desired(generation=generation, agent=ITEM, serve=ITEM, packages=(ITEM,))


def app(status: AppStatus, message: str = "") -> dict[str, AppState]:
    return {"ecg_rhythm": AppState(status, message, "/ecg_rhythm", "v", {})}


OLD, NEW = desired("old"), desired("new")

NOTHING = Snapshot(
    now=100.0,
    desired=None,
    configs={},
    unreadable={},
    ray=Ray.DOWN,
    apps=None,
    wanted_apps=frozenset(),
    http_ready=False,
)
ON_THE_BOX = replace(NOTHING, desired=NEW, configs={"new": config(version="v2"), "old": config()})
RAY_UP = replace(ON_THE_BOX, ray=Ray.UP, apps={}, memory=Memory(started_with=HEAD))
APPLIED = replace(
    RAY_UP,
    wanted_apps=frozenset({"ecg_rhythm"}),
    apps=app(AppStatus.DEPLOYING),
    memory=Memory(started_with=HEAD, applied=Told("new"), applied_at=90.0),
)
SETTLED = replace(APPLIED, apps=app(AppStatus.RUNNING), http_ready=True, memory=replace(APPLIED.memory, good=NEW))


def test_a_new_box_waits_for_a_desired_state() -> None:
    assert isinstance(decide(NOTHING), Wait)


def test_packages_are_fetched_before_ray_is_touched() -> None:
    assert decide(replace(NOTHING, desired=NEW)) == Fetch(NEW)


def test_ray_is_started_with_the_declared_capacity() -> None:
    assert decide(ON_THE_BOX) == StartRay(HEAD)


def test_a_starting_ray_is_waited_for() -> None:
    assert decide(replace(ON_THE_BOX, ray=Ray.STARTING)) == Wait("Ray is starting", soon=True)


def test_a_ray_that_runs_is_told_the_configuration() -> None:
    assert decide(RAY_UP) == Apply(NEW)


def test_what_was_applied_is_waited_for() -> None:
    assert decide(APPLIED) == Wait("becoming healthy", soon=True)


def test_running_apps_behind_a_silent_proxy_are_not_healthy_yet() -> None:
    assert isinstance(decide(replace(APPLIED, apps=app(AppStatus.RUNNING))), Wait)


def test_running_apps_behind_a_proxy_that_answers_are_accepted() -> None:
    assert decide(replace(APPLIED, apps=app(AppStatus.RUNNING), http_ready=True)) == Accept(NEW)


def test_a_settled_box_is_left_alone() -> None:
    assert decide(SETTLED) == Wait("healthy")


def test_a_failed_deployment_is_rejected_with_rays_own_message() -> None:
    assert decide(replace(APPLIED, apps=app(AppStatus.DEPLOY_FAILED, "ImportError: x"))) == Reject(
        "new", "ecg_rhythm: ImportError: x"
    )


def test_the_traceback_of_a_constructor_stands_with_its_deployment() -> None:
    """Of the app Ray only says which deployment it was."""
    deployments = {
        "Teller": DeploymentState("DEPLOY_FAILED", "RuntimeError: no weights", {}),
        "Ingress": DeploymentState("HEALTHY", "all is well", {}),
    }
    broken = AppState(AppStatus.DEPLOY_FAILED, "Failed to update the deployments ['Teller'].", "/r", "v", deployments)
    action = decide(replace(APPLIED, apps={"ecg_rhythm": broken}))
    assert isinstance(action, Reject)
    assert action.message == (
        "ecg_rhythm: Failed to update the deployments ['Teller'].\nTeller: RuntimeError: no weights"
    )


def test_a_deployment_that_finds_no_room_is_rejected_at_the_deadline() -> None:
    late = replace(APPLIED, now=90.0 + 601)
    action = decide(late)
    assert isinstance(action, Reject)
    assert "not healthy within 600 s" in action.message


def test_after_a_failure_the_last_good_generation_is_applied_again() -> None:
    failed = replace(RAY_UP, memory=Memory(OLD, Failure("new", "x"), Told("new"), 90.0, HEAD))
    assert decide(failed) == Apply(OLD)


def test_a_failure_with_nothing_to_go_back_to_is_not_tried_again() -> None:
    failed = replace(APPLIED, memory=replace(APPLIED.memory, failed=Failure("new", "x")))
    assert isinstance(decide(failed), Wait)


def test_a_new_commit_after_a_failure_is_tried() -> None:
    third = desired("third")
    memory = Memory(OLD, Failure("new", "x"), Told("old"), 90.0, HEAD)
    snapshot = replace(RAY_UP, desired=third, configs={"third": config(), "old": config()}, memory=memory)
    assert decide(snapshot) == Apply(third)


@pytest.mark.parametrize("status", [AppStatus.UNHEALTHY, AppStatus.DEPLOYING, AppStatus.DEPLOY_FAILED])
def test_an_accepted_generation_is_left_to_serve_to_repair(status: AppStatus) -> None:
    """A replica that was killed is no fault of the code that ran well before."""
    assert isinstance(decide(replace(SETTLED, apps=app(status))), Wait)


def test_another_port_needs_another_ray() -> None:
    """Ray ignores the change silently while it runs."""
    other = replace(SETTLED, configs={"new": config(replace(HEAD, port=9090))})
    assert isinstance(decide(other), StopRay)


def test_another_front_needs_another_ray() -> None:
    other = replace(SETTLED, configs={"new": config(replace(HEAD, front=Front.HAPROXY))})
    assert isinstance(decide(other), StopRay)


def test_a_ray_that_an_older_agent_started_without_saying_so_is_not_started_again_for_its_memory() -> None:
    assert HEAD.serves(replace(HEAD, memory_mb=12288, options="{}"))
    assert not replace(HEAD, memory_mb=4096).serves(replace(HEAD, memory_mb=12288))


def test_a_dead_ray_is_started_and_told_again() -> None:
    dead = replace(SETTLED, ray=Ray.DOWN, apps=None, memory=Memory(good=NEW))
    assert decide(dead) == StartRay(HEAD)
    up = replace(dead, ray=Ray.UP, apps={}, memory=Memory(good=NEW, started_with=HEAD))
    assert decide(up) == Apply(NEW)


def test_a_box_cut_off_from_s3_at_boot_serves_its_last_good_generation() -> None:
    assert decide(replace(NOTHING, configs={"old": config()}, memory=Memory(good=OLD))) == StartRay(HEAD)


def test_a_package_out_of_reach_leaves_the_last_good_generation_serving_until_the_next_try() -> None:
    stuck = replace(
        RAY_UP,
        configs={"old": config()},
        fetch_error="corrupt",
        fetch_again_at=120.0,
        memory=Memory(good=OLD, started_with=HEAD),
    )
    assert decide(stuck) == Apply(OLD)
    assert decide(replace(stuck, now=121.0)) == Fetch(NEW)


def test_a_package_out_of_reach_on_a_new_box_is_waited_for() -> None:
    stuck = replace(NOTHING, desired=NEW, fetch_error="no such key", fetch_again_at=120.0)
    assert isinstance(decide(stuck), Wait)
    assert decide(replace(stuck, now=121.0)) == Fetch(NEW)


def test_a_configuration_that_cannot_be_read_is_rejected_once() -> None:
    broken = replace(NOTHING, desired=NEW, unreadable={"new": "not YAML"})
    assert decide(broken) == Reject("new", "not YAML", refused=True)
    assert isinstance(decide(replace(broken, memory=Memory(failed=Failure("new", "not YAML")))), Wait)
