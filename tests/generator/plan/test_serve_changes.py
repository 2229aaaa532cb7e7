"""What Ray Serve does with a changed serve.yaml. The facts are those of Ray 2.60, measured and read in its source."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.plan.facts import ServeAction, ServeChange
from generator.plan.serve import WHOLE_BOX, interruptions, restarts_ray, route_collisions, serve
from generator.plan.tree import Tree
from tests.generator.plan.cost_trees import dev

Data = dict[str, Any]


def deployment(name: str = "Model", replicas: int = 1, cpus: float = 1.0, gpus: float = 0.0, **more: Any) -> Data:
    return {
        "name": name,
        "num_replicas": replicas,
        "max_surge_percent": 100,
        "ray_actor_options": {"num_cpus": cpus, "num_gpus": gpus},
        **more,
    }


def app(name: str, *deployments: Data, version: str = "a" * 64, **more: Any) -> Data:
    return {
        "name": name,
        "route_prefix": f"/{name}",
        "import_path": f"apps.{name}.app:build",
        "runtime_env": {"working_dir": f"file:///packages/{version}.zip"},
        "args": {"name": name, "version": f"{version}.zip"},
        "deployments": list(deployments or (deployment(),)),
        **more,
    }


def file(*apps: Data, cpus: int = 4, gpus: int = 1, port: int = 8080, **notes: Data) -> Tree:
    return Tree(
        serve={
            "http_options": {"host": "0.0.0.0", "port": port, "keep_alive_timeout_s": 65},
            "applications": list(apps),
            "x-ecg": {"box": {"cpus": cpus, "gpus": gpus}, "apps": notes},
        }
    )


def only(before: Tree, after: Tree) -> ServeChange:
    (found,) = serve(before, after)
    return found


def edited(edit: Callable[[Data], None]) -> ServeChange:
    """The change of one app, one deployment of two replicas, after an edit of the file's data."""
    data = file(app("a", deployment(replicas=2, cpus=0.5))).serve
    new = copy.deepcopy(dict(data))
    edit(new)
    return only(Tree(serve=data), Tree(serve=new))


def set_in(where: str, key: str, value: Any) -> Callable[[Data], None]:
    def edit(data: Data) -> None:
        target = data["applications"][0]
        (target["deployments"][0] if where == "deployment" else target)[key] = value

    return edit


def test_the_same_file_changes_nothing() -> None:
    assert serve(dev(), dev()) == ()


def test_notes_of_ours_change_nothing() -> None:
    new = copy.deepcopy(dict(dev().serve))
    new["x-ecg"]["apps"]["ecg_rhythm"]["owner"] = "somebody-else"
    assert serve(dev(), Tree(serve=new)) == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("user_config", {"batching": {"max_size": 8}}),
        ("num_replicas", 3),
        ("max_ongoing_requests", 8),
        ("max_queued_requests", 8),
        ("backpressure_config", {"status_code": 503}),
        ("graceful_shutdown_timeout_s", 5.0),
        ("health_check_period_s", 5.0),
        ("max_surge_percent", 0),
    ],
)
def test_settings_of_a_deployment_are_reconfigured_in_place(key: str, value: Any) -> None:
    found = edited(set_in("deployment", key, value))
    assert found.action is ServeAction.RECONFIGURE
    assert found.reasons[0].startswith(f"Model.{key}")


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("app", "import_path", "apps.b.app:build"),
        ("app", "args", {"name": "b"}),
        ("app", "runtime_env", {"working_dir": "file:///packages/b.zip"}),
        ("app", "runtime_env", {"working_dir": f"file:///packages/{'a' * 64}.zip", "env_vars": {"A": "1"}}),
        ("deployment", "ray_actor_options", {"num_cpus": 0.75}),
        ("deployment", "max_replicas_per_node", 1),
        ("deployment", "placement_group_bundles", [{"CPU": 1}]),
    ],
)
def test_code_arguments_and_actor_options_restart_replicas(where: str, key: str, value: Any) -> None:
    found = edited(set_in(where, key, value))
    assert found.action is ServeAction.RESTART
    assert "new replicas start beside the old ones: Model" in found.reasons


def test_a_package_is_one_reason_though_its_address_stands_in_two_places() -> None:
    found = only(file(app("a")), file(app("a", version="b" * 64)))
    assert found.reasons == (
        f"new code: {'a' * 12} -> {'b' * 12}",
        "new replicas start beside the old ones: Model",
    )


def test_new_bounds_of_autoscaling_are_set_in_place() -> None:
    scaling = {"min_replicas": 1, "max_replicas": 2}
    old = app("a", deployment(autoscaling_config=scaling))
    new = app("a", deployment(autoscaling_config={**scaling, "max_replicas": 3}))
    assert only(file(old), file(new)).action is ServeAction.RECONFIGURE


def test_from_a_number_of_replicas_to_autoscaling_is_new_code_for_ray() -> None:
    """Ray 2.60 hashes the list of autoscaling policies, one entry per deployment that autoscales, into the version."""
    old = app("a", deployment())
    new = app("a", {**deployment(), "autoscaling_config": {"min_replicas": 1, "max_replicas": 2}})
    found = only(file(old), file(new))
    assert found.action is ServeAction.RESTART
    assert any("new code" in reason for reason in found.reasons)


def test_an_app_that_the_file_leaves_out_is_deleted() -> None:
    found = only(file(app("a"), app("b")), file(app("a")))
    assert (found.app, found.action) == ("b", ServeAction.DELETE)


def test_a_new_app_is_started_and_the_others_are_left_alone() -> None:
    found = only(file(app("a")), file(app("a"), app("b")))
    assert (found.app, found.action, found.needs["cpus"]) == ("b", ServeAction.CREATE, 2.0)


def test_a_moved_route_is_in_place_and_its_old_address_ends_at_once() -> None:
    found = only(file(app("a")), file(app("a", route_prefix="/other")))
    assert found.action is ServeAction.RECONFIGURE
    assert found.reasons == ("route_prefix: /a -> /other; the old address answers 404 at once",)


def test_two_apps_on_one_route_are_named() -> None:
    after = file(app("a"), app("b", route_prefix="/a"))
    assert route_collisions(after) == ("route /a belongs to a and b; Ray refuses the whole file",)
    assert any(reason.startswith("route collision: /a") for reason in only(file(app("a")), after).reasons)


def test_a_change_of_the_port_restarts_ray_itself() -> None:
    trees = file(app("a")), file(app("a"), port=9090)
    found = only(*trees)
    assert (found.app, found.action) == (WHOLE_BOX, ServeAction.RESTART)
    assert restarts_ray(*trees)


@pytest.mark.parametrize(
    ("section", "setting"),
    [("http_options", {"keep_alive_timeout_s": 5}), ("proxy_location", "HeadOnly"), ("grpc_options", {"port": 9000})],
)
def test_whatever_ray_takes_only_when_it_starts_restarts_it(section: str, setting: Any) -> None:
    new = copy.deepcopy(dict(file(app("a")).serve))
    new[section] = {**new.get(section, {}), **setting} if isinstance(setting, dict) else setting
    assert restarts_ray(file(app("a")), Tree(serve=new))


def test_another_box_restarts_ray_itself() -> None:
    found = only(file(app("a")), file(app("a"), cpus=8))
    assert found.has["cpus"] == 8
    assert found.action is ServeAction.RESTART


@pytest.mark.parametrize(("what", "value"), [("front", "haproxy"), ("memory_mb", 4096)])
def test_whatever_ray_is_started_with_restarts_it(what: str, value: Any) -> None:
    new = copy.deepcopy(dict(file(app("a")).serve))
    new["x-ecg"]["box"][what] = value
    trees = file(app("a")), Tree(serve=new)
    assert restarts_ray(*trees)
    (reason,) = (one for one in only(*trees).reasons if what in one)
    assert reason.startswith(f"box {what}: not set -> {value}")


def surge(old: Data, new: Data) -> ServeChange:
    return only(file(app("a", old)), file(app("a", new, version="b" * 64)))


def test_a_full_surge_needs_room_for_twice_as_many() -> None:
    found = surge(deployment(replicas=2, cpus=1.0), deployment(replicas=2, cpus=1.0))
    assert (found.needs["cpus"], found.fits) == (4.0, True)


def test_a_surge_that_does_not_fit_says_what_is_short() -> None:
    found = surge(deployment(gpus=1.0), deployment(gpus=1.0))
    assert not found.fits
    assert found.reasons[-1].startswith("does not fit: old and new together want 2 of 1 gpus")


def test_half_a_surge_rounds_up_to_whole_replicas() -> None:
    one = deployment(replicas=3, cpus=1.0, max_surge_percent=50)
    assert surge(one, one).needs["cpus"] == 5.0


def test_in_place_needs_no_room_beside_the_old_one() -> None:
    one = deployment(gpus=1.0, max_surge_percent=0)
    found = surge(one, one)
    assert (found.needs["gpus"], found.fits) == (1.0, True)
    assert "handover in place, old replicas stop first: Model" in found.reasons


def test_autoscaling_counts_its_most_replicas() -> None:
    one = {**deployment(cpus=0.5), "autoscaling_config": {"min_replicas": 1, "max_replicas": 4}}
    one.pop("num_replicas")
    assert surge(one, one).needs["cpus"] == 4.0


CANARY = {"canary": {"percent": 10, "minutes": 30, "max_error_rate": 0.01, "compare": "golden"}}


def test_a_canary_needs_room_beside_the_stable_one_even_where_the_handover_is_in_place() -> None:
    one = deployment(replicas=2, cpus=1.0, max_surge_percent=0)
    found = only(file(app("a", one), a=CANARY), file(app("a", one, version="b" * 64), a=CANARY))
    assert (found.needs["cpus"], found.fits) == (4.0, True)
    assert (
        "canary first: 10 % of the requests for 30 min, compare golden; then it takes over or is taken back"
        in found.reasons
    )


def test_a_canary_and_its_stable_one_that_do_not_fit_together_are_told_before_the_merge() -> None:
    one = deployment(gpus=1.0, max_surge_percent=0)
    found = only(file(app("a", one)), file(app("a", one, version="b" * 64), a=CANARY))
    assert not found.fits
    assert found.reasons[-1].startswith("does not fit: old and new together want 2 of 1 gpus")


def test_a_setting_that_restarts_nothing_needs_no_canary() -> None:
    found = only(file(app("a", deployment()), a=CANARY), file(app("a", deployment(max_queued_requests=3)), a=CANARY))
    assert found.needs["cpus"] == 1.0
    assert not any("canary" in reason for reason in found.reasons)


def test_other_resources_of_the_same_code_are_no_canary() -> None:
    found = only(file(app("a", deployment(cpus=0.5)), a=CANARY), file(app("a", deployment(cpus=0.6)), a=CANARY))
    assert found.action is ServeAction.RESTART
    assert not any("canary" in reason for reason in found.reasons)


def test_what_each_replica_reserves_may_differ_between_old_and_new() -> None:
    found = surge(deployment(replicas=2, cpus=0.5), deployment(replicas=2, cpus=1.0))
    assert found.needs["cpus"] == 2 * 0.5 + 2 * 1.0


def test_a_replica_that_says_nothing_reserves_a_whole_cpu() -> None:
    silent = {"name": "Model", "max_surge_percent": 100}
    assert surge(silent, silent).needs["cpus"] == 2.0


def test_memory_is_counted_and_compared_where_the_box_says_what_it_has() -> None:
    one = deployment(cpus=0.5)
    one["ray_actor_options"]["memory"] = 3 * 1024**3
    found = surge(one, one)
    assert found.needs["memory_gib"] == 6.0
    assert "memory_gib" not in found.has
    assert found.fits


def test_apps_that_do_not_change_keep_their_room() -> None:
    others = app("b", deployment(cpus=2.0))
    found = only(file(app("a"), others), file(app("a", version="b" * 64), others))
    assert found.needs["cpus"] == 1.0 * 2 + 2.0


def test_an_only_replica_that_is_replaced_in_place_answers_nobody_meanwhile() -> None:
    one = deployment(max_surge_percent=0)
    trees = file(app("a", one)), file(app("a", one, version="b" * 64))
    assert interruptions(*trees) == ("a.Model",)


def test_several_replicas_that_are_replaced_in_place_go_one_by_one() -> None:
    several = deployment(replicas=5, max_surge_percent=0)
    trees = file(app("a", several)), file(app("a", several, version="b" * 64))
    assert interruptions(*trees) == ()


def test_new_code_of_the_committed_app_fits_on_the_box() -> None:
    new = copy.deepcopy(dict(dev().serve))
    new["applications"][0]["runtime_env"]["working_dir"] = f"file:///packages/{'b' * 64}.zip"
    found = only(dev(), Tree(serve=new))
    assert found.action is ServeAction.RESTART
    assert found.fits


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 6), st.sampled_from([0, 25, 50, 100]), st.sampled_from([0.25, 1.0]), st.booleans()
)
def test_a_handover_never_needs_less_than_what_runs_before_or_after(
    old: int, new: int, percent: int, cpus: float, code: bool
) -> None:
    before = file(app("a", deployment(replicas=old, cpus=cpus, max_surge_percent=percent)))
    version = ("b" if code else "a") * 64
    after = file(app("a", deployment(replicas=new, cpus=cpus, max_surge_percent=percent), version=version))
    for found in serve(before, after):
        assert found.needs["cpus"] >= new * cpus
        if found.action is ServeAction.RESTART:
            assert old * cpus <= found.needs["cpus"] <= (old + new) * cpus


SCALARS = st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["a", "/a", "auto", ""])
KEYS = st.sampled_from(
    ["name", "applications", "deployments", "num_replicas", "ray_actor_options", "num_cpus", "x-ecg"]
)
MORE = st.sampled_from(["box", "cpus", "http_options", "port", "route_prefix", "autoscaling_config", "max_replicas"])
FILES = st.dictionaries(
    KEYS | MORE,
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | MORE, inner, max_size=4),
        max_leaves=8,
    ),
    max_size=4,
)


@settings(max_examples=100, deadline=None)
@given(FILES, FILES)
def test_no_file_makes_the_comparison_crash(before: Data, after: Data) -> None:
    serve(Tree(serve=before), Tree(serve=after))
    assert serve(Tree(serve=before), Tree(serve=before)) == ()
