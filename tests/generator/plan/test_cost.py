"""What a change costs a month."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.plan.cost import cost, cost_table
from generator.plan.cost_pricers import PRICERS
from generator.plan.facts import Action, CostLine, Fate
from generator.plan.tree import Att, Call, Ref, Resource, Text, Tree
from tests.generator.plan.cost_trees import change, dev, resource, template, tree

HOURS = 730
NAMES = [
    "AwsvpcConfiguration",
    "BackupPlan",
    "BillingMode",
    "BlockDeviceMappings",
    "CapacityProviderStrategy",
    "ClusterSettings",
    "Cpu",
    "DesiredCount",
    "Ebs",
    "FifoQueue",
    "InstanceType",
    "Iops",
    "LaunchTemplate",
    "LaunchType",
    "Memory",
    "MaxSize",
    "MemorySize",
    "Metrics",
    "MinSize",
    "MixedInstancesPolicy",
    "Monitoring",
    "Name",
    "NetworkConfiguration",
    "NetworkInterfaces",
    "Period",
    "ProvisionedThroughput",
    "RetentionInDays",
    "Rules",
    "RuntimePlatform",
    "Scheme",
    "Size",
    "SubnetIds",
    "SubnetMappings",
    "Subnets",
    "TaskDefinition",
    "Throughput",
    "Type",
    "UserPoolTier",
    "Value",
    "VolumeSize",
    "VolumeType",
    "VpcEndpointType",
]
QUICK = settings(max_examples=60, deadline=None)
"""No deadline: a shared machine may be slow."""


def service(count: Any = 2, **more: Any) -> tuple[Resource, Resource]:
    return (
        resource(
            "Service",
            "AWS::ECS::Service",
            LaunchType="FARGATE",
            DesiredCount=count,
            TaskDefinition=Ref("Task"),
            **more,
        ),
        resource("Task", "AWS::ECS::TaskDefinition", Cpu="512", Memory="1024"),
    )


def box(kind: Any = "g4dn.xlarge", **disk: Any) -> tuple[Resource, Resource]:
    return (
        resource(
            "Box",
            "AWS::EC2::Instance",
            InstanceType=kind,
            LaunchTemplate={"Version": Att("Recipe", "LatestVersionNumber")},
        ),
        resource(
            "Recipe",
            "AWS::EC2::LaunchTemplate",
            LaunchTemplateData={"BlockDeviceMappings": [{"Ebs": {"VolumeType": "gp3", "VolumeSize": 50, **disk}}]},
        ),
    )


def of(*resources: Resource, **more: Any) -> Tree:
    return tree(template("s", *resources), **more)


def amounts(lines: tuple[CostLine, ...]) -> dict[str, tuple[float, float]]:
    return {line.item: (round(line.before, 2), round(line.after, 2)) for line in lines}


def test_an_environment_that_does_not_change_costs_the_same_and_has_no_lines() -> None:
    found = cost(dev(), dev(), ())
    assert (found.lines, found.unpriced, found.during) == ((), (), 0.0)
    assert found.after == found.before > 500


def test_the_lines_of_an_environment_add_up_to_its_total() -> None:
    table = cost_table(dev())
    assert sum(line.after for line in table.lines) == pytest.approx(table.after)
    assert table.before == 0


def test_nothing_of_dev_is_without_a_price() -> None:
    assert cost_table(dev()).unpriced == ()


def test_people_of_a_pool_are_paid_for_on_its_tier_plus() -> None:
    pools = [of(resource("Pool", "AWS::Cognito::UserPool", UserPoolTier=tier)) for tier in ("ESSENTIALS", "PLUS")]
    found = cost(*pools, ())
    assert amounts(found.lines) == {"people who sign in, tier PLUS": (0.0, 2.0)}


def test_copies_of_a_table_cost_by_the_days_that_each_rule_keeps_them() -> None:
    rules = [{"Lifecycle": {"DeleteAfterDays": days}} for days in (7, 35)]
    plan = resource("Plan", "AWS::Backup::BackupPlan", BackupPlan={"BackupPlanRule": rules})
    assert amounts(cost(of(), of(plan), ()).lines) == {"42 nightly copies of 1 GB": (0.0, 4.2)}
    endless = resource("Plan", "AWS::Backup::BackupPlan", BackupPlan={"BackupPlanRule": [*rules, {}]})
    assert len(cost(of(), of(endless), ()).unpriced) == 1


def test_a_bigger_box_is_one_line_with_both_types() -> None:
    found = cost(of(*box()), of(*box("g4dn.2xlarge")), ())
    assert amounts(found.lines) == {"g4dn.xlarge, on demand, 730 h -> g4dn.2xlarge, on demand, 730 h": (383.98, 548.96)}


FLEET = (
    resource(
        "Launch",
        "AWS::EC2::LaunchTemplate",
        LaunchTemplateData={
            "InstanceType": "g4dn.xlarge",
            "BlockDeviceMappings": [{"Ebs": {"VolumeType": "gp3", "VolumeSize": 50}}],
        },
    ),
    resource(
        "Fleet",
        "AWS::AutoScaling::AutoScalingGroup",
        MinSize="2",
        MaxSize="6",
        LaunchTemplate={"LaunchTemplateId": Ref("Launch")},
    ),
    resource("Warm", "AWS::AutoScaling::WarmPool", AutoScalingGroupName=Ref("Fleet"), MinSize=1),
)


def test_a_fleet_costs_its_fewest_boxes_with_their_disks_and_the_disks_of_its_stopped_ones() -> None:
    found = cost_table(tree(template("box", *FLEET)))
    amounts = {(line.resource, line.item): round(line.after, 2) for line in found.lines}
    assert amounts == {
        ("Fleet", "2 x g4dn.xlarge, on demand, 730 h"): 767.96,
        ("Fleet", "2 x 50 GB gp3"): 8.0,
        ("Warm", "50 GB gp3"): 4.0,
    }
    assert found.lines[0].assumption == "2 to 6 with the load, counted as 2"
    assert found.unpriced == ()


def test_a_volume_is_found_through_the_launch_template() -> None:
    assert "50 GB gp3" in amounts(cost_table(of(*box())).lines)


def test_iops_over_3000_and_throughput_over_125_are_paid_for() -> None:
    plain = cost_table(of(*box(Iops=3000, Throughput=125))).after
    fast = cost_table(of(*box(Iops=4000, Throughput=225))).after
    assert fast - plain == pytest.approx(1000 * 0.005 + 100 * 0.04)


def test_fargate_is_cpu_and_memory_of_each_task() -> None:
    assert cost_table(of(*service())).after == pytest.approx(2 * (0.5 * 0.04048 + 0.004445) * HOURS)


@pytest.mark.parametrize(("cpu", "memory"), [("512", "1024"), (512, 1024), (".5 vCPU", "1 GB"), ("0.5 vcpu", "1GB")])
def test_every_spelling_of_a_task_size_costs_the_same(cpu: Any, memory: Any) -> None:
    task = resource("Task", "AWS::ECS::TaskDefinition", Cpu=cpu, Memory=memory)
    assert cost_table(of(service()[0], task)).after == pytest.approx(36.04, abs=0.01)


@QUICK
@given(st.integers(0, 50), st.integers(0, 50))
def test_more_tasks_never_cost_less(fewer: int, more: int) -> None:
    low, high = sorted((fewer, more))
    assert cost_table(of(*service(low))).after <= cost_table(of(*service(high))).after


@QUICK
@given(st.lists(st.sampled_from(["t3.micro", "g4dn.xlarge", "m5.large", "no.such"]), max_size=6))
def test_one_more_instance_never_costs_less(kinds: list[str]) -> None:
    boxes = [resource(f"Box{i}", "AWS::EC2::Instance", InstanceType=kind) for i, kind in enumerate(kinds)]
    assert cost_table(of(*boxes[:-1])).after <= cost_table(of(*boxes)).after


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("AWS::EC2::NatGateway", {}),
    ("AWS::EC2::EIP", {}),
    ("AWS::S3::Bucket", {}),
    ("AWS::IAM::Role", {}),
    ("AWS::MSK::Cluster", {}),
    ("AWS::EC2::Volume", {"VolumeType": "gp3", "Size": 10}),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Subnets": [Ref("A"), Ref("B")]}),
    ("AWS::CloudWatch::Alarm", {"Period": 60}),
]
SOME = st.lists(st.sampled_from(KINDS), max_size=8).map(
    lambda found: of(*(Resource(f"R{i}", kind, properties) for i, (kind, properties) in enumerate(found)))
)


@QUICK
@given(SOME, SOME)
def test_the_lines_of_a_change_add_up_to_its_difference(before: Tree, after: Tree) -> None:
    found = cost(before, after, ())
    assert sum(line.after - line.before for line in found.lines) == pytest.approx(found.after - found.before)
    assert found.before == pytest.approx(cost_table(before).after)
    assert found.after == pytest.approx(cost_table(after).after)


@QUICK
@given(SOME)
def test_a_tree_beside_itself_has_no_lines(one: Tree) -> None:
    found = cost(one, one, ())
    assert (found.lines, found.unpriced, found.after - found.before) == ((), (), 0.0)


LITERALS = st.none() | st.booleans() | st.integers(-5, 5000) | st.sampled_from(["", "gp3", "1 vCPU", "2 GB", "x", "0"])
INTRINSICS = st.sampled_from([Ref("A"), Att("A", "Arn"), Call("If", ["C", 1, 2]), Call("GetAZs", "")])
ANYTHING = st.recursive(
    LITERALS | INTRINSICS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
    max_leaves=6,
)


@QUICK
@given(st.sampled_from(sorted(PRICERS)), st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=6))
def test_no_value_of_a_property_makes_a_price_crash_or_fall_below_zero(kind: str, properties: dict[str, Any]) -> None:
    found = cost_table(of(Resource("R", kind, properties), resource("A", "AWS::ECS::TaskDefinition", Cpu="256")))
    assert all(line.after >= 0 for line in found.lines)


def test_a_service_whose_cluster_decides_where_it_runs_is_named_unless_its_task_tells() -> None:
    one = resource("Service", "AWS::ECS::Service", DesiredCount=1, TaskDefinition=Ref("Task"))
    silent = service()[1]
    telling = Resource("Task", silent.type, {**silent.properties, "RequiresCompatibilities": ["FARGATE"]})
    assert len(cost_table(of(one, silent)).unpriced) == 1
    assert cost_table(of(one, telling)).after == pytest.approx(18.02, abs=0.01)


def test_a_service_that_scales_says_with_how_many_tasks_it_is_counted() -> None:
    target = resource(
        "Target",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        ResourceId=Text(("service/x/", Att("Service", "Name"))),
        MinCapacity=2,
        MaxCapacity=6,
    )
    (line,) = cost_table(of(*service(2), target)).lines
    assert line.assumption == "2 to 6 tasks with the load, counted as 2"


def test_an_unknown_type_is_named_and_never_counted_as_free() -> None:
    found = cost_table(of(resource("Broker", "AWS::MSK::Cluster")))
    assert (found.lines, found.unpriced) == ((), ("s.Broker (AWS::MSK::Cluster)",))


def test_a_type_that_is_known_to_be_free_is_not_named() -> None:
    assert cost_table(of(resource("Role", "AWS::IAM::Role"))).unpriced == ()


@pytest.mark.parametrize("kind", ["x9.huge", Ref("Size"), Call("If", ["Big", "g5.xlarge", "g4dn.xlarge"])])
def test_an_instance_whose_price_nobody_knows_is_named(kind: Any) -> None:
    assert any(one.startswith("s.Box (AWS::EC2::Instance") for one in cost_table(of(*box(kind))).unpriced)


def test_a_volume_of_the_image_is_named_because_its_size_is_not_in_the_tree() -> None:
    found = cost_table(of(resource("Box", "AWS::EC2::Instance", InstanceType="t3.micro")))
    assert found.unpriced == ("s.Box (AWS::EC2::Instance: its root volume, whose size is the image's)",)


def test_what_has_no_price_is_listed_in_a_change_only_where_it_changes() -> None:
    broker = resource("Broker", "AWS::MSK::Cluster")
    assert cost(of(broker), of(broker), ()).unpriced == ()
    assert cost(of(), of(broker), ()).unpriced == ("s.Broker (AWS::MSK::Cluster)",)
    touched = change("s", "Broker", "AWS::MSK::Cluster", Action.UPDATE, path="NumberOfBrokerNodes")
    assert cost(of(broker), of(broker), (touched,)).unpriced == ("s.Broker (AWS::MSK::Cluster)",)


def test_another_region_is_said_to_have_other_prices() -> None:
    assert "eu-west-1" in cost_table(of(resource("Ip", "AWS::EC2::EIP"), region="eu-west-1")).unpriced[0]


def test_an_instance_type_wired_from_another_stack_is_followed() -> None:
    source = template("base", outputs={"Size": "t3.micro"})
    user = template(
        "s",
        resource("Box", "AWS::EC2::Instance", InstanceType=Ref("Size")),
        bindings={"Size": Att("base", "Outputs.Size")},
    )
    assert any(line.item.startswith("t3.micro") for line in cost_table(tree(source, user)).lines)


def test_a_bucket_that_is_left_behind_goes_on_costing() -> None:
    bucket = resource("Bucket", "AWS::S3::Bucket")
    gone = change("s", "Bucket", "AWS::S3::Bucket", Action.DELETE, Fate.ORPHANED)
    found = cost(of(bucket), of(), (gone,))
    left = [line for line in found.lines if line.item.startswith("left behind")]
    assert [(line.before, round(line.after, 4)) for line in left] == [(0.0, 0.023)]
    assert found.after == pytest.approx(0.023)


def test_a_final_snapshot_of_a_volume_costs_its_size() -> None:
    disk = resource("Disk", "AWS::EC2::Volume", VolumeType="gp3", Size=100)
    gone = change("s", "Disk", "AWS::EC2::Volume", Action.DELETE, Fate.SNAPSHOTTED)
    assert cost(of(disk), of(), (gone,)).after == pytest.approx(100 * 0.05)


def test_a_replaced_nat_gateway_costs_a_whole_hour_twice() -> None:
    nat = resource("Nat", "AWS::EC2::NatGateway")
    swapped = change("s", "Nat", "AWS::EC2::NatGateway", Action.REPLACE, Fate.DESTROYED)
    assert cost(of(nat), of(nat), (swapped,)).during == pytest.approx(0.045)


def test_a_replaced_box_costs_the_minutes_that_both_run() -> None:
    swapped = change("s", "Box", "AWS::EC2::Instance", Action.REPLACE, Fate.DESTROYED)
    during = cost(of(*box()), of(*box()), (swapped,)).during
    assert 0 < during < 0.526


def test_new_tasks_beside_old_ones_cost_their_minutes_and_a_count_does_not() -> None:
    rolled = change("s", "Service", "AWS::ECS::Service", Action.UPDATE, path="TaskDefinition")
    counted = change("s", "Service", "AWS::ECS::Service", Action.UPDATE, path="DesiredCount")
    trees = of(*service()), of(*service())
    assert 0 < cost(*trees, (rolled,)).during < 0.05
    assert cost(*trees, (counted,)).during == 0


def test_what_stays_behind_does_not_run_twice_for_a_while_only() -> None:
    nat = resource("Nat", "AWS::EC2::NatGateway")
    kept = change("s", "Nat", "AWS::EC2::NatGateway", Action.REPLACE, Fate.RETAINED)
    found = cost(of(nat), of(nat), (kept,))
    assert found.during == 0
    assert found.after - found.before == pytest.approx(0.045 * HOURS)


@pytest.mark.parametrize(
    ("kind", "properties", "usd"),
    [
        ("AWS::EC2::EIP", {}, 3.65),
        ("AWS::KMS::Key", {}, 1.30),
        ("AWS::SecretsManager::Secret", {}, 0.45),
        ("AWS::WAFv2::WebACL", {"Rules": [{}, {}]}, 7.18),
        ("AWS::CloudWatch::Dashboard", {}, 3.00),
        (
            "AWS::Synthetics::Canary",
            {"Schedule": {"Expression": "rate(5 minutes)"}, "RunConfig": {"MemoryInMB": 960}},
            11.198,  # 8,760 runs at 0.0012, and 8,760 times 5 s of a function with 960 MB
        ),
        ("AWS::CloudWatch::Alarm", {"Period": 300}, 0.10),
        ("AWS::CloudWatch::Alarm", {"Period": 10}, 0.30),
        ("AWS::CloudWatch::Alarm", {"Metrics": [{"MetricStat": {}}, {"MetricStat": {}}, {"Expression": "a"}]}, 0.20),
        ("AWS::EC2::VPCEndpoint", {"VpcEndpointType": "Interface", "SubnetIds": [Ref("A"), Ref("B")]}, 14.65),
        ("AWS::EC2::VPCEndpoint", {}, 0.0),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Subnets": ["a", "b"]}, 24.309),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", {"Subnets": ["a", "b"], "Scheme": "internal"}, 17.009),
        ("AWS::DynamoDB::Table", {"ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}}, 3.097),
    ],
)
def test_the_month_of_one_resource(kind: str, properties: dict[str, Any], usd: float) -> None:
    found = cost_table(of(Resource("R", kind, properties)))
    assert found.after == pytest.approx(usd, abs=0.001)
    assert found.unpriced == ()
