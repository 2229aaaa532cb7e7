"""In which order a change reaches the world, how long it takes, and what stands still."""

import copy
from dataclasses import replace
from typing import Any

import pytest

from generator.model.manifest import Artifact, ArtifactKind
from generator.model.wiring import Wire
from generator.plan.changes import changes
from generator.plan.facts import Action, Effect, Fate, ResourceChange, Rollout
from generator.plan.rollout import rollout
from generator.plan.rollout_durations import Durations, durations
from generator.plan.tree import Att, Ref, Tree
from tests.generator.plan.cost_trees import change, dev, resource, template, tree

TIMES = durations()
EVEN = replace(
    TIMES,
    stack=0.0,
    default={"create": 1.0, "update": 1.0, "interrupt": 1.0, "delete": 1.0},
    types={},
)
"""Everything takes a minute, so that chains can be counted."""


def chain(*edges: tuple[str, str], stack: str = "s", names: str = "abcd") -> Tree:
    """Resources that refer to each other: `("a", "b")` is a Ref of a to b."""
    return tree(
        template(stack, *(resource(n, "X::Y::Z", Needs=[Ref(to) for one, to in edges if one == n]) for n in names))
    )


def created(*names: str) -> tuple[ResourceChange, ...]:
    return tuple(change("s", name, "X::Y::Z", Action.CREATE) for name in names)


def minutes(
    after: Tree, found: tuple[ResourceChange, ...], before: Tree | None = None, times: Durations = EVEN
) -> float:
    return rollout(before or Tree(), after, found, times).minutes


def test_no_change_is_no_rollout() -> None:
    assert rollout(dev(), dev(), ()) == Rollout((), 0.0, ())


def test_resources_that_do_not_know_each_other_go_side_by_side() -> None:
    assert minutes(chain(), created("a", "b", "c")) == 1.0


def test_a_resource_waits_for_what_it_refers_to() -> None:
    assert minutes(chain(("a", "b"), ("b", "c")), created("a", "b", "c")) == 3.0


def test_a_chain_goes_through_resources_that_do_not_change() -> None:
    assert minutes(chain(("a", "b"), ("b", "c")), created("a", "c")) == 2.0


def test_depends_on_counts_like_a_reference() -> None:
    one = tree(template("s", resource("a", "X::Y::Z", depends_on=("b",)), resource("b", "X::Y::Z")))
    assert minutes(one, created("a", "b")) == 2.0


def test_a_circle_is_counted_once_and_does_not_hang() -> None:
    assert minutes(chain(("a", "b"), ("b", "a")), created("a", "b")) == 2.0


def test_what_is_removed_goes_after_everything_new_is_there() -> None:
    found = (*created("a"), change("s", "b", "X::Y::Z", Action.DELETE, Fate.DESTROYED))
    assert minutes(chain(names="a"), found, before=chain(names="b")) == 2.0


def test_a_replacement_is_a_creation_and_a_removal() -> None:
    found = (change("s", "a", "X::Y::Z", Action.REPLACE, Fate.DESTROYED),)
    assert minutes(chain(), found, before=chain()) == 2.0


def two_stacks(waves: dict[str, int]) -> Tree:
    return tree(*(template(name, *(resource(n, "X::Y::Z") for n in "ab")) for name in ("s", "t")), waves=waves)


def test_stacks_of_a_wave_go_side_by_side_and_waves_one_after_the_other() -> None:
    found = (change("s", "a", "X::Y::Z", Action.CREATE), change("t", "a", "X::Y::Z", Action.CREATE))
    together = rollout(Tree(), two_stacks({"s": 0, "t": 0}), found, EVEN)
    apart = rollout(Tree(), two_stacks({"s": 0, "t": 1}), found, EVEN)
    assert [(step.wave, step.stacks, step.minutes) for step in together.steps] == [(0, ("s", "t"), 1.0)]
    assert [(step.wave, step.stacks, step.minutes) for step in apart.steps] == [(0, ("s",), 1.0), (1, ("t",), 1.0)]


def test_the_whole_lasts_as_long_as_its_longest_chain_of_stacks() -> None:
    """`late` needs `short` alone, so it does not wait for `long`, which is in the wave before it."""
    needs = (resource("a", "X::Y::Z"), resource("b", "X::Y::Z", depends_on=("a",)))
    after = tree(
        template("late", needs[0]),
        template("long", *needs),
        template("short", needs[0]),
        waves={"late": 1},
        parameters={"late": {"Out": Wire("short", "Out")}},
    )
    places = [("late", "a"), ("long", "a"), ("long", "b"), ("short", "a")]
    found = rollout(Tree(), after, [change(*place, "X::Y::Z", Action.CREATE) for place in places], EVEN)
    assert [step.minutes for step in found.steps] == [2.0, 1.0]
    assert found.minutes == 2.0


def test_stacks_that_leave_go_last_and_in_reverse() -> None:
    found = tuple(change(name, "a", "X::Y::Z", Action.DELETE, Fate.DESTROYED) for name in ("s", "t"))
    gone = rollout(two_stacks({"s": 0, "t": 3}), tree(template("u")), found, EVEN)
    assert [(step.wave, step.stacks) for step in gone.steps] == [(1, ("t",)), (2, ("s",))]


def test_a_new_image_is_published_after_its_stores_wave() -> None:
    def of(address: str) -> Tree:
        store = Wire("registry", "ApiRepositoryName")
        artifacts = [Artifact("api", ArtifactKind.IMAGE, "services/api", address, store)]
        return tree(template("registry"), waves={"registry": 2}, artifacts=artifacts)

    (step,) = rollout(of("src-1"), of("src-2"), ()).steps
    assert (step.wave, step.actions) == (2, ("publish image api (src-2)",))


def actions(*found: ResourceChange, before: Tree | None = None) -> tuple[str, ...]:
    after = tree(template("s", *(resource(one.resource, one.type) for one in found)))
    return tuple(action for step in rollout(before or after, after, found).steps for action in step.actions)


def test_a_new_stack_is_one_line() -> None:
    assert actions(change("s", "Ip", "AWS::EC2::EIP", Action.CREATE), before=Tree()) == (
        "s: create the stack, 1 resource",
    )


def test_few_are_named_and_many_are_counted() -> None:
    ips = [change("s", f"Ip{i}", "AWS::EC2::EIP", Action.CREATE) for i in range(4)]
    old = tree(template("s"))
    assert actions(*ips[:2], before=old) == ("s: create Ip0, Ip1",)
    assert actions(*ips, before=old) == ("s: create 4 resources",)


@pytest.mark.parametrize(
    ("kind", "action", "effect", "words"),
    [
        ("AWS::EC2::Instance", Action.REPLACE, Effect.REPLACEMENT, "s: replace It (1 min)"),
        ("AWS::EC2::Instance", Action.UPDATE, Effect.INTERRUPTION, "s: stop and start It (4 min)"),
        ("AWS::ECS::TaskDefinition", Action.REPLACE, Effect.REPLACEMENT, "s: new revision of It"),
        ("AWS::ECS::Service", Action.UPDATE, Effect.IN_PLACE, "s: roll It (5 min)"),
        ("AWS::CloudFront::Distribution", Action.UPDATE, Effect.IN_PLACE, "s: bring It to the edge (5 min)"),
        ("AWS::EC2::EIP", Action.UPDATE, Effect.IN_PLACE, "s: update 1 resource in place"),
    ],
)
def test_each_action_in_words(kind: str, action: Action, effect: Effect, words: str) -> None:
    assert actions(change("s", "It", kind, action, path="Property", effect=effect)) == (words,)


def with_box(serve: dict[str, Any] | None = None) -> Tree:
    """A box whose address the API's stack gets; an alarm watches it from a later stack."""
    return tree(
        template(
            "box",
            resource("Box", "AWS::EC2::Instance", InstanceType="g4dn.xlarge"),
            outputs={"Ip": Att("Box", "PrivateIp"), "Id": Ref("Box")},
        ),
        template(
            "api",
            resource("Task", "AWS::ECS::TaskDefinition", Environment=Ref("Ip")),
            resource("Service", "AWS::ECS::Service", DesiredCount=2, TaskDefinition=Ref("Task")),
        ),
        template("watch", resource("Alarm", "AWS::CloudWatch::Alarm", Dimensions=[Ref("Id")])),
        waves={"box": 0, "api": 1, "watch": 2},
        parameters={"api": {"Ip": Wire("box", "Ip")}, "watch": {"Id": Wire("box", "Id")}},
        serve={"applications": [], "x-ecg": {"box": {"cpus": 4, "gpus": 1}}} if serve is None else serve,
    )


def box_change(action: Action, effect: Effect, fate: Fate | None = Fate.DESTROYED) -> tuple[ResourceChange, ...]:
    return (
        change("box", "Box", "AWS::EC2::Instance", action, fate, "ImageId", effect),
        change("api", "Task", "AWS::ECS::TaskDefinition", Action.REPLACE, Fate.DESTROYED, "Environment"),
        change("api", "Service", "AWS::ECS::Service", Action.UPDATE, path="TaskDefinition"),
        change("watch", "Alarm", "AWS::CloudWatch::Alarm", Action.UPDATE, path="Dimensions"),
    )


def test_a_replaced_box_makes_analyses_wait_until_the_new_one_serves() -> None:
    found = rollout(with_box(), with_box(), box_change(Action.REPLACE, Effect.REPLACEMENT))
    (only,) = found.downtime
    assert (only.what, only.minutes) == ("video analyses", TIMES.box_ready)
    assert "jobs wait in the queue and none is lost" in only.why


def test_analyses_wait_as_long_as_the_api_needs_to_learn_the_new_address() -> None:
    """The gap is from the old box's end, in its own stack's clean-up, to the end of the API's update."""
    slow = replace(TIMES, box_ready=1.0)
    found = rollout(with_box(), with_box(), box_change(Action.REPLACE, Effect.REPLACEMENT), slow)
    removal = TIMES.minutes("AWS::EC2::Instance", "delete")
    api = (
        TIMES.stack + TIMES.minutes("AWS::ECS::TaskDefinition", "create") + TIMES.minutes("AWS::ECS::Service", "update")
    )
    assert found.downtime[0].minutes == pytest.approx(removal + api)
    assert "api learns its address" in found.downtime[0].why


def test_a_replaced_box_is_handed_over_step_by_step() -> None:
    found = rollout(with_box(), with_box(), box_change(Action.REPLACE, Effect.REPLACEMENT))
    assert "another private IP" in found.handover[0]
    assert any(step.startswith("api is updated with the new address") for step in found.handover)
    assert "no job reaches the dead-letter queue" in found.handover[-1]


def test_a_box_that_stops_and_starts_keeps_its_address_and_is_not_handed_over() -> None:
    found = rollout(with_box(), with_box(), box_change(Action.UPDATE, Effect.INTERRUPTION, None))
    assert found.downtime[0].minutes == TIMES.minutes("AWS::EC2::Instance", "interrupt") + TIMES.ray_restart
    assert "at the same address" in found.downtime[0].why
    assert found.handover == ()


def test_a_box_that_may_be_replaced_counts_as_the_longer_of_both() -> None:
    found = rollout(with_box(), with_box(), box_change(Action.UPDATE, Effect.MAY_REPLACE, None))
    assert found.downtime[0].minutes >= TIMES.box_ready


def test_a_replaced_box_that_stays_goes_on_answering() -> None:
    found = rollout(with_box(), with_box(), box_change(Action.REPLACE, Effect.REPLACEMENT, Fate.RETAINED))
    assert (found.downtime, found.handover) == ((), ())


def test_creating_and_removing_an_environment_is_no_downtime() -> None:
    for before, after in ((Tree(), dev()), (dev(), Tree())):
        assert rollout(before, after, changes(before, after).resources).downtime == ()


def service(desired: int, least: int, most: int) -> Tree:
    configuration = {"MinimumHealthyPercent": least, "MaximumPercent": most}
    return tree(
        template("s", resource("Api", "AWS::ECS::Service", DesiredCount=desired, DeploymentConfiguration=configuration))
    )


@pytest.mark.parametrize(
    ("desired", "least", "most", "down"),
    [
        (2, 50, 200, False),
        (1, 50, 200, False),
        (2, 50, 100, False),
        (1, 0, 200, True),
        (2, 0, 100, True),
        (0, 0, 200, False),
    ],
)
def test_a_rolling_service_is_away_only_where_every_task_may_stop(
    desired: int, least: int, most: int, down: bool
) -> None:
    """AWS rounds the least up: 50 % of one task is one task."""
    one = service(desired, least, most)
    rolled = (change("s", "Api", "AWS::ECS::Service", Action.UPDATE, path="TaskDefinition"),)
    assert bool(rollout(one, one, rolled).downtime) is down


def test_a_service_that_may_neither_stop_nor_start_a_task_cannot_roll() -> None:
    one = service(1, 100, 100)
    rolled = (change("s", "Api", "AWS::ECS::Service", Action.UPDATE, path="TaskDefinition"),)
    (action,) = rollout(one, one, rolled).steps[0].actions
    assert "cannot end" in action


def wired(kind: str) -> tuple[Tree, tuple[ResourceChange, ...]]:
    """A replaced resource of a type that a later stack's distribution is wired to."""
    one = tree(
        template("s", resource("It", kind), outputs={"Name": Ref("It")}),
        template("cdn", resource("Cdn", "AWS::CloudFront::Distribution", Origin=Ref("Name"))),
        waves={"cdn": 1},
        parameters={"cdn": {"Name": Wire("s", "Name")}},
    )
    return one, (
        change("s", "It", kind, Action.REPLACE, Fate.DESTROYED),
        change("cdn", "Cdn", "AWS::CloudFront::Distribution", Action.UPDATE, path="Origin"),
    )


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "the API (/api/*)"),
        ("AWS::DynamoDB::Table", "jobs"),
        ("AWS::SQS::Queue", "new jobs"),
        ("AWS::S3::Bucket", "uploads and results"),
    ],
)
def test_what_is_replaced_is_away_until_those_who_use_it_know_the_new_one(kind: str, what: str) -> None:
    one, found = wired(kind)
    (only,) = rollout(one, one, found).downtime
    assert only.what == what
    assert only.minutes >= TIMES.minutes("AWS::CloudFront::Distribution", "update")


def test_an_update_of_the_distribution_reaches_the_edge_without_downtime() -> None:
    one, found = wired("AWS::S3::Bucket")
    assert rollout(one, one, found[1:]).downtime == ()


def test_a_replaced_nat_gateway_breaks_open_connections() -> None:
    one = tree(template("s", resource("Nat", "AWS::EC2::NatGateway")))
    (only,) = rollout(one, one, (change("s", "Nat", "AWS::EC2::NatGateway", Action.REPLACE, Fate.DESTROYED),)).downtime
    assert only.what == "outgoing connections of private subnets"


def test_any_other_interrupted_resource_is_named() -> None:
    one = tree(template("s", resource("Db", "AWS::X::Db")))
    interrupted = change("s", "Db", "AWS::X::Db", Action.UPDATE, path="Size", effect=Effect.INTERRUPTION)
    assert rollout(one, one, (interrupted,)).downtime[0].what == "Db (AWS::X::Db)"


def test_serve_comes_last_and_a_batch_size_is_no_downtime() -> None:
    new = copy.deepcopy(dict(dev().serve))
    (ecg_rhythm,) = (app for app in new["applications"] if app["name"] == "ecg_rhythm")
    ecg_rhythm["deployments"][-1]["user_config"]["batching"]["max_size"] = 64
    found = rollout(dev(), replace(dev(), serve=new), ())
    assert [step.actions for step in found.steps] == [("serve: reconfigure ecg_rhythm in place",)]
    assert found.downtime == ()


def test_a_restart_of_ray_is_counted_once_beside_a_replaced_box() -> None:
    """Both make analyses wait, at the same time: the longer one is told."""
    port = {"http_options": {"port": 9090}, "x-ecg": {"box": {"cpus": 4, "gpus": 1}}}
    old = {**port, "http_options": {"port": 8080}}
    found = rollout(with_box(old), with_box(port), box_change(Action.REPLACE, Effect.REPLACEMENT))
    assert [one.what for one in found.downtime] == ["video analyses"]
    alone = rollout(with_box(old), with_box(port), ())
    assert [(one.what, one.minutes) for one in alone.downtime] == [("video analyses", TIMES.ray_restart)]


def test_the_whole_of_dev_comes_up_in_less_than_an_hour_of_typical_minutes() -> None:
    found = rollout(Tree(), dev(), changes(Tree(), dev()).resources)
    assert [step.wave for step in found.steps] == sorted(step.wave for step in found.steps)
    assert 20 < found.minutes < sum(step.minutes for step in found.steps)
    assert 15 < found.minutes < 60
