"""Faults on a real Ray under a steady stream of jobs (`make test-faults`). One box, one fault after the other.

Requests are those that the API's own worker makes. No job may be lost, whatever happens. At Ray Serve itself no request
may fail over anything that somebody plans: a merge, also a bad one, and what only touches the agent.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from generator.model.serve import Canary, Deployment, Front, ServeApp, Slo
from tests.services.ray_serve.box import FRONT, TestBox, running_box, wait_for
from tests.services.ray_serve.load import Row, Stream

pytestmark = pytest.mark.faults

INGRESS = Deployment("Ingress", cpus=0.1, max_ongoing=64, drain_s=20)
TELLER = Deployment("Teller", replicas=2, cpus=0.1, max_ongoing=64, drain_s=20, user_config={"pause_ms": 20})
STEADY = ServeApp(
    name="steady",
    folder="services/ray_serve/apps/steady",
    deployments=[INGRESS, TELLER],
    slo=Slo(p99_ms=1000, min_windows_per_s=1),
    owner="tests",
)
S3_AWAY_S = 60.0


def with_teller(**changes: Any) -> ServeApp:
    return replace(STEADY, deployments=[INGRESS, replace(TELLER, **changes)])


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBox]:
    with running_box(tmp_path_factory.mktemp("box"), "127.0.1.80") as one:
        one.settled(one.publish([STEADY]), 180)
        yield one


@pytest.fixture(scope="module")
def stream(box: TestBox) -> Iterator[Stream]:
    one = Stream(box.http, "steady")
    one.start()
    yield one
    one.stop()


@pytest.fixture(autouse=True)
def _from_a_good_state(box: TestBox) -> Iterator[None]:
    """Each fault leaves its mark on the app's source; the next begins from what is shipped."""
    source = box.repository / "services/ray_serve/apps/steady/app.py"
    text = source.read_text()
    yield
    source.write_text(text)
    box.settled(box.publish([STEADY]), 180)


def merged(box: TestBox, *apps: ServeApp) -> dict[str, Any]:
    return box.settled(box.publish(apps or [STEADY]), 180)


def rolled_back(box: TestBox, *apps: ServeApp) -> str:
    """Merge what fails; why it is back, once it is."""
    good = box.observed()["generation"]["good"]
    wanted = box.publish(apps or [STEADY])

    def back() -> bool:
        observed = box.observed()
        return observed["generation"] == {"wanted": wanted, "applied": good, "good": good} and (
            box.condition("Degraded").get("reason") == "RolledBack"
        )

    wait_for(back, 180, "the way back")
    return box.condition("Degraded")["message"]


def nothing_lost(row: Row) -> None:
    assert row.jobs > 10
    assert row.lost == 0, row


def nothing_noticed(row: Row) -> None:
    nothing_lost(row)
    assert row.failed == 0, row


def kill(pids: Sequence[int]) -> None:
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


# --- planned changes


def test_a_code_change(box: TestBox, stream: Stream) -> None:
    box.edit("steady", "OFF_BY = 0", "OFF_BY = 0  # another version")
    with stream.during("code change") as row:
        merged(box)
    nothing_noticed(row)


def test_a_changed_user_config(box: TestBox, stream: Stream) -> None:
    before = box.processes("ray::ServeReplica:steady:Teller")
    with stream.during("user_config change") as row:
        merged(box, with_teller(user_config={"pause_ms": 30}))
    nothing_noticed(row)
    assert box.processes("ray::ServeReplica:steady:Teller") == before


def test_scaling_up_and_down(box: TestBox, stream: Stream) -> None:
    with stream.during("scale up, 2 to 4 replicas") as row:
        report = merged(box, with_teller(replicas=4))
    nothing_noticed(row)
    assert report["apps"]["steady"]["deployments"]["Teller"]["replicas"]["RUNNING"] == 4
    with stream.during("scale down, 4 to 1 replica") as row:
        merged(box, with_teller(replicas=1))
    nothing_noticed(row)


def canaried(minutes: float) -> ServeApp:
    return replace(STEADY, canary=Canary(percent=50, minutes=minutes, max_error_rate=0.0))


def test_a_canary_that_takes_over_and_one_that_is_taken_back(box: TestBox, stream: Stream) -> None:
    merged(box, canaried(0.1))
    box.edit("steady", "OFF_BY = 0", "OFF_BY = 0  # another version")
    with stream.during("canary promoted") as row:
        merged(box, canaried(0.1))
    nothing_noticed(row)
    box.edit("steady", "BREAKS = False", "BREAKS = True")
    with stream.during("canary with a bug, reverted") as row:
        assert "failed where the last good version did not" in rolled_back(box, canaried(5))
    nothing_noticed(row)


def test_an_agent_and_a_ray_that_die_over_a_canary(box: TestBox, stream: Stream) -> None:
    merged(box, canaried(0.3))
    box.edit("steady", "OFF_BY = 0", "OFF_BY = 0  # another version")
    with stream.during("canary, reconciler killed") as row:
        generation = box.publish([canaried(0.3)])
        wait_for(lambda: box.condition("Progressing").get("reason") == "Canary", 90, "the trial")
        box.restart_after_a_kill()
        box.settled(generation, 180)
    nothing_noticed(row)
    box.edit("steady", "OFF_BY = 0  # another version", "OFF_BY = 0  # and another")
    with stream.during("canary, raylet killed") as row:
        generation = box.publish([canaried(0.3)])
        wait_for(lambda: box.condition("Progressing").get("reason") == "Canary", 90, "the trial")
        kill(box.processes("/raylet"))
        box.settled(generation, 240)
    nothing_lost(row)


# --- bad merges


def test_a_module_that_cannot_be_imported(box: TestBox, stream: Stream) -> None:
    box.edit("steady", "import asyncio", "import asyncio\nimport a_module_that_is_not_there")
    with stream.during("bad import") as row:
        assert "a_module_that_is_not_there" in rolled_back(box)
    nothing_noticed(row)


def test_a_constructor_that_fails(box: TestBox, stream: Stream) -> None:
    box.edit("steady", "STARTS = True", "STARTS = False")
    with stream.during("failing constructor") as row:
        assert "this version does not start" in rolled_back(box)
    nothing_noticed(row)


def test_golden_cases_that_fail(box: TestBox, stream: Stream) -> None:
    box.edit("steady", "OFF_BY = 0", "OFF_BY = 1")
    with stream.during("failing golden") as row:
        assert rolled_back(box) == "steady: golden case name: letters is 10, expected 9"
    nothing_noticed(row)


def test_a_configuration_that_is_too_big_for_the_box(box: TestBox, stream: Stream) -> None:
    # The generator refuses it at once, so it is told a bigger box here than Ray then has.
    with stream.during("too big for the box") as row:
        good = box.observed()["generation"]["good"]
        box.publish([with_teller(memory_mb=200_000)])
        wait_for(lambda: box.condition("Degraded").get("reason") == "RolledBack", 60, "the refusal")
        assert "MB of memory are needed while new code takes over and Ray has" in box.condition("Degraded")["message"]
        assert box.observed()["generation"]["applied"] == good
    nothing_noticed(row)


# --- restarts


def test_an_http_option_that_needs_another_ray(box: TestBox, stream: Stream) -> None:
    """Planned, and not for nothing: Ray takes these only when it starts. The API carries the jobs over it."""
    before = box.ray()["pid"]
    with stream.during("HTTP option changed, Ray restarts") as row:
        box.settled(box.publish([STEADY], keep_alive_timeout_s=70), 180)
        recovered(box, stream, 60)
    nothing_lost(row)
    assert box.ray()["pid"] != before


# --- deaths


def recovered(box: TestBox, stream: Stream, seconds: float) -> None:
    """The box is ready, and results come again."""
    before = stream.results()
    wait_for(lambda: stream.results() > before + 5, seconds, "results")
    wait_for(lambda: box.condition("Ready").get("status") == "True", 60, "the box")


def test_a_replica_that_is_killed(box: TestBox, stream: Stream) -> None:
    with stream.during("replica killed, one of two") as row:
        kill(box.processes("ray::ServeReplica:steady:Teller")[:1])
        recovered(box, stream, 60)
    nothing_lost(row)
    with stream.during("ingress replica killed, the only one") as row:
        kill(box.processes("ray::ServeReplica:steady:Ingress"))
        recovered(box, stream, 60)
    nothing_lost(row)


def test_a_proxy_that_is_killed(box: TestBox, stream: Stream) -> None:
    with stream.during("proxy killed") as row:
        kill(box.processes("ray::ProxyActor" if FRONT is Front.PROXY else "bin/haproxy"))
        recovered(box, stream, 90)
    nothing_lost(row)


def test_a_controller_that_is_killed(box: TestBox, stream: Stream) -> None:
    with stream.during("controller killed") as row:
        kill(box.processes("ray::ServeController"))
        recovered(box, stream, 90)
    nothing_noticed(row)


def test_a_raylet_that_is_killed(box: TestBox, stream: Stream) -> None:
    before = box.ray()["pid"]
    with stream.during("raylet killed") as row:
        kill(box.processes("/raylet"))
        wait_for(lambda: box.ray() and box.ray()["pid"] != before, 60, "another Ray")
        recovered(box, stream, 120)
    nothing_lost(row)


def test_everything_at_once_as_in_a_reboot(box: TestBox, stream: Stream) -> None:
    with stream.during("agent and Ray killed (reboot)") as row:
        box.kill_everything()
        box.start()
        recovered(box, stream, 180)
    nothing_lost(row)


def test_an_agent_that_is_killed_while_it_applies(box: TestBox, stream: Stream) -> None:
    box.edit("steady", "OFF_BY = 0", "OFF_BY = 0  # another version")
    with stream.during("reconciler killed mid-apply") as row:
        applied = box.agent_log().count('"applying"')
        generation = box.publish([STEADY])
        wait_for(lambda: box.agent_log().count('"applying"') > applied, 60, "the apply")
        box.restart_after_a_kill()
        box.settled(generation, 120)
    nothing_noticed(row)


# --- what Ray does not know of


def test_a_package_that_is_corrupt(box: TestBox, stream: Stream) -> None:
    box.edit("steady", "OFF_BY = 0", "OFF_BY = 0  # a version that the box has never had")
    with stream.during("corrupt package") as row:
        box.publish([STEADY], corrupt=True)
        wait_for(lambda: box.condition("Degraded").get("reason") == "CannotFetch", 60, "the report")
        assert "is corrupt: its SHA-256 is" in box.condition("Degraded")["message"]
        merged(box)
    nothing_noticed(row)


def test_an_s3_that_does_not_answer(box: TestBox, stream: Stream) -> None:
    with stream.during(f"S3 unreachable for {S3_AWAY_S:g} s") as row:
        with box.without_s3():
            time.sleep(S3_AWAY_S)
        generation = box.publish([with_teller(user_config={"pause_ms": 10})])
        box.settled(generation, 120)
    nothing_noticed(row)


def test_a_ray_that_dies_while_s3_does_not_answer(box: TestBox, stream: Stream) -> None:
    before = box.ray()["pid"]
    with stream.during("raylet killed while S3 is unreachable") as row:
        with box.without_s3():
            kill(box.processes("/raylet"))
            wait_for(lambda: box.ray() and box.ray()["pid"] != before, 90, "another Ray")
            seen = stream.results()
            wait_for(lambda: stream.results() > seen + 5, 120, "results")
        recovered(box, stream, 60)
    nothing_lost(row)
