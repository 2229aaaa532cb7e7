"""What Ray is told on the way from one generation to another, and whether it fits on the box."""

from typing import Any

import pytest

from reconciler.capacity import Resources, Room, misfit
from reconciler.desired import ServeConfig, Unreadable, parse_serve
from reconciler.rollout import Step, body, canaries, unproven

RULE = {"percent": 10, "minutes": 30, "max_error_rate": 0.01}


def application(name: str, version: str, **deployment: Any) -> dict[str, Any]:
    ingress = {"name": "Ingress", "num_replicas": 1, "max_surge_percent": 100, "ray_actor_options": {"num_cpus": 0.5}}
    return {
        "name": name,
        "route_prefix": f"/{name}",
        "args": {"version": version},
        "deployments": [{**ingress, **deployment}],
    }


def config(*applications: dict[str, Any], **notes: dict[str, Any]) -> ServeConfig:
    import yaml

    apps = {one["name"]: {"version": one["args"]["version"], **notes.get(one["name"], {})} for one in applications}
    document = {
        "http_options": {"host": "0.0.0.0", "port": 8080},
        "applications": list(applications),
        "x-ecg": {"box": {"cpus": 4, "gpus": 1}, "apps": apps},
    }
    return parse_serve(yaml.safe_dump(document).encode(), "file:///packages/")


CANARIED = {"canary": RULE}
GOOD = config(application("toy", "v1"), application("other", "v1"), toy=CANARIED)
NEW = config(application("toy", "v2"), application("other", "v2"), toy=CANARIED)


def told(step: Step, good: ServeConfig | None = GOOD, new: ServeConfig = NEW) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in body(good, new, step, canaries(good, new), "trial-1")["applications"]}


def canary_of(application: dict[str, Any]) -> Any:
    return application["deployments"][0]["user_config"]["canary"]


def version(application: dict[str, Any]) -> str:
    return str(application["args"]["version"])


def test_new_code_of_an_app_with_a_canary_stands_aside_and_the_good_one_keeps_its_name() -> None:
    apps = told(Step.ASIDE)
    assert {name: version(one) for name, one in apps.items()} == {"toy": "v1", "toy--canary": "v2", "other": "v2"}
    assert apps["toy--canary"]["route_prefix"] == "/toy--canary"
    assert canary_of(apps["toy"]) is None


def test_only_in_the_split_the_ingress_is_told_of_its_canary() -> None:
    split = canary_of(told(Step.SPLIT)["toy"])
    assert split == {"app": "toy--canary", "trial": "trial-1", "percent": 10.0, "compare": "golden"}


def test_in_the_end_there_is_no_canary_and_the_ingress_is_told_so() -> None:
    apps = told(Step.WHOLE)
    assert {name: version(one) for name, one in apps.items()} == {"toy": "v2", "other": "v2"}
    assert canary_of(apps["toy"]) is None


def test_an_app_that_declares_no_canary_is_told_of_none() -> None:
    assert "user_config" not in told(Step.WHOLE)["other"]["deployments"][0]


def test_the_rest_of_a_user_config_stays() -> None:
    good = config(application("toy", "v1", user_config={"max_mb": 5}), toy=CANARIED)
    new = config(application("toy", "v2"), toy=CANARIED)
    assert told(Step.SPLIT, good, new)["toy"]["deployments"][0]["user_config"]["max_mb"] == 5


def test_a_canary_that_follows_another_needs_no_surge() -> None:
    assert told(Step.ASIDE)["toy--canary"]["deployments"][0]["max_surge_percent"] == 0


def test_making_a_document_changes_nothing_that_was_read() -> None:
    before = str(GOOD.body) + str(NEW.body)
    told(Step.SPLIT)
    assert str(GOOD.body) + str(NEW.body) == before


SETTING = config(application("toy", "v1", max_ongoing_requests=3), toy=CANARIED)
UNDECLARED = config(application("toy", "v1"))
MOVED = config({**application("toy", "v2"), "route_prefix": "/elsewhere"}, toy=CANARIED)


@pytest.mark.parametrize(
    ("good", "new"),
    [(None, NEW), (GOOD, SETTING), (UNDECLARED, NEW), (GOOD, UNDECLARED), (GOOD, MOVED)],
    ids=["the first of all", "only a setting", "the good one cannot split", "no longer declared", "another route"],
)
def test_these_take_over_without_a_canary(good: ServeConfig | None, new: ServeConfig) -> None:
    assert canaries(good, new) == {}
    assert told(Step.ASIDE, good, new) == told(Step.WHOLE, good, new)


def test_a_good_version_that_declares_none_but_says_that_it_can_split_is_told_of_a_canary() -> None:
    tried = canaries(UNDECLARED, NEW, {"toy"})
    assert set(tried) == {"toy"}
    apps = {one["name"]: one for one in body(UNDECLARED, NEW, Step.SPLIT, tried, "t")["applications"]}
    assert canary_of(apps["toy"])["app"] == "toy--canary"
    apps = {one["name"]: one for one in body(UNDECLARED, NEW, Step.ASIDE, tried, "t")["applications"]}
    assert canary_of(apps["toy"]) is None


def test_a_canary_needs_an_ingress_that_can_split() -> None:
    one = application("toy", "v1") | {"deployments": [{"name": "Front"}]}
    with pytest.raises(Unreadable, match="toy declares a canary and has no deployment Ingress"):
        config(one, toy=CANARIED)


@pytest.mark.parametrize("rule", [{"percent": 0}, {"percent": 101}, {"max_error_rate": 1}, {"compare": "guess"}])
def test_a_rule_that_makes_no_sense_is_unreadable(rule: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        config(application("toy", "v1"), toy={"canary": {**RULE, **rule}})


def test_what_is_new_or_different_is_proven_if_it_has_golden_cases() -> None:
    golden = {"golden": True}
    good = config(application("same", "v1"), application("changed", "v1"), same=golden, changed=golden)
    new = config(
        application("same", "v1"),
        application("changed", "v1", max_ongoing_requests=3),
        application("new", "v1"),
        application("unproven", "v1"),
        same=golden,
        changed=golden,
        new=golden,
    )
    assert unproven(good, new) == {"changed", "new"}
    assert unproven(None, new) == {"same", "changed", "new"}


def fits(before: list[dict[str, Any]], after: list[dict[str, Any]], room: Room) -> str:
    return misfit(before, after, room)


def using(version: str, replicas: int = 1, surge: int = 100, cpus: float = 1, **options: Any) -> dict[str, Any]:
    return application(
        "toy",
        version,
        num_replicas=replicas,
        max_surge_percent=surge,
        ray_actor_options={"num_cpus": cpus, **options},
    )


FOUR = Room(Resources(cpus=4, gpus=1))


def test_old_and_new_must_fit_at_once() -> None:
    assert fits([using("v1", 2)], [using("v2", 2)], FOUR) == ""
    assert fits([using("v1", 2)], [using("v2", 3)], FOUR) == (
        "6 CPUs are needed while new code takes over and the box is declared to have 4: toy Ingress (3 + 3 beside) x 1"
    )


def test_without_a_surge_only_the_new_ones_must() -> None:
    assert fits([using("v1", 3, surge=0)], [using("v2", 3, surge=0)], FOUR) == ""


def test_part_of_a_surge_is_rounded_up_as_ray_does() -> None:
    assert fits([using("v1", 3, surge=33)], [using("v2", 3, surge=33)], FOUR) == ""
    assert "(3 + 2 beside)" in fits([using("v1", 3, surge=34)], [using("v2", 3, surge=34)], FOUR)


def test_a_setting_that_is_taken_in_place_needs_no_room() -> None:
    assert fits([using("v1", 4)], [{**using("v1", 4), "route_prefix": "/x"}], FOUR) == ""
    assert fits([], [using("v1", 4)], FOUR) == ""


def test_other_resources_of_a_deployment_replace_it() -> None:
    assert "beside" in fits([using("v1", 2)], [using("v1", 2, cpus=1.5)], FOUR)


def test_the_most_replicas_count_where_their_number_follows_the_load() -> None:
    scaled = application("toy", "v1", autoscaling_config={"max_replicas": 5}, ray_actor_options={"num_cpus": 1})
    assert "toy Ingress 5 x 1" in fits([], [scaled], FOUR)


def test_what_ray_really_has_counts_too() -> None:
    room = Room(Resources(cpus=4, gpus=1), (Resources(cpus=2, gpus=1),))
    assert fits([], [using("v1", 3)], room) == "3 CPUs are needed and Ray has 2: toy Ingress 3 x 1"


def test_a_replica_must_fit_on_one_node() -> None:
    room = Room(Resources(cpus=8), (Resources(cpus=4), Resources(cpus=4)))
    assert fits([], [using("v1", cpus=6)], room) == "a replica of toy Ingress takes 6 CPUs and no node has more than 4"


def test_memory_counts_where_it_is_declared_or_known() -> None:
    one = [using("v1", memory=3 * 2**30)]
    assert fits([], one, FOUR) == ""
    assert "3072 MB of memory are needed and the box is declared to have 2048" in fits(
        [], one, Room(Resources(4, 1, 2048))
    )
    assert "and Ray has 1024" in fits([], one, Room(Resources(4, 1, 0), (Resources(4, 1, 1024),)))


def test_everything_that_is_short_is_told() -> None:
    assert len(fits([], [using("v1", cpus=5, num_gpus=2)], FOUR).splitlines()) == 2


def test_a_canary_counts_as_an_app_of_its_own() -> None:
    good, new = config(using("v1", 3), toy=CANARIED), config(using("v2", 3), toy=CANARIED)
    running = body(None, good, Step.WHOLE)["applications"]
    assert fits(running, body(good, new, Step.ASIDE, canaries(good, new))["applications"], FOUR) == (
        "6 CPUs are needed and the box is declared to have 4: toy Ingress 3 x 1 + toy--canary Ingress 3 x 1"
    )
