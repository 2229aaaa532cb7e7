"""OPS-* of docs/specification.md, and the alarms."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.environments.dev import ENVIRONMENT
from generator.model import names
from generator.stacks import STACKS, literals
from tests.generator.stacks.built import Built, build
from tests.generator.stacks.conftest import Case
from tests.generator.stacks.wires import waves_of


def test_ops_1_the_repository_exists_waves_before_the_service_that_runs_its_image(dev: Built) -> None:
    wave = waves_of(dev)
    assert wave["registry"] < wave["api"]
    assert wave["storage"] < wave["model-server"]  # where its packages are published
    [container] = dev.properties("api", "ApiTaskDefinition")["ContainerDefinitions"]
    assert "nginx" not in container["Image"]


def test_ops_2_tasks_run_on_the_architecture_that_images_are_built_for(dev: Built) -> None:
    assert dev.properties("api", "ApiTaskDefinition")["RuntimePlatform"]["CpuArchitecture"] == "X86_64"


def test_ops_3_the_repositorys_name_comes_from_one_place_and_is_given_out(dev: Built) -> None:
    assert dev.outputs("registry")["ApiRepositoryName"] == "${ApiRepository}"
    named = [
        stack for stack, template in dev.templates.items() if "ecg-project-pipeline-dev-api'" in str(_names(template))
    ]
    assert named == ["registry"]


def _names(template: Any) -> list[object]:
    return [one.get("Properties", {}).get("RepositoryName") for one in template["Resources"].values()]


def test_ops_6_more_tasks_are_one_line(dev: Built) -> None:
    more = build(replace(ENVIRONMENT, api=replace(ENVIRONMENT.api, desired_count=4)))
    changed = _changed(dev, more)
    assert changed == {("api", "ApiService"), ("observability", "TooFewTasks")}
    assert more.properties("api", "ApiService")["DesiredCount"] == 4


def test_ops_6_a_bigger_gpu_is_one_line_and_keeps_the_box(dev: Built) -> None:
    """InstanceType on the instance stops and starts it; in the launch template it would replace it."""
    settings = replace(ENVIRONMENT.model_server, instance_type="g5.xlarge")
    bigger = build(replace(ENVIRONMENT, model_server=settings))
    assert _changed(dev, bigger) == {("model-server", "ModelServer")}
    before, after = (one.properties("model-server", "ModelServer") for one in (dev, bigger))
    assert {name for name in after if after[name] != before[name]} == {"InstanceType"}


def _changed(one: Built, other: Built) -> set[tuple[str, str]]:
    return {
        (stack, title)
        for stack, template in one.templates.items()
        for title, resource in template["Resources"].items()
        if resource != other.templates[stack]["Resources"][title]
    }


def test_ops_7_load_balancer_and_container_ask_for_health(dev: Built) -> None:
    [container] = dev.properties("api", "ApiTaskDefinition")["ContainerDefinitions"]
    assert dev.properties("load-balancer", "ApiTargetGroup")["HealthCheckPath"] == "/health"
    assert container["HealthCheck"]["Command"][1].endswith("/health")
    assert dev.properties("api", "ApiService")["DesiredCount"] == 2


def test_ops_8_a_video_finds_its_way_from_the_browser_to_the_gpu(dev: Built) -> None:
    """Upload to the bucket; the edge, the load balancer, the task; the box. Each step names the next."""
    config = dev.properties("cdn", "Distribution")["DistributionConfig"]
    assert "${AlbDnsName}" in [origin["DomainName"] for origin in config["Origins"]]
    assert dev.properties("api", "ApiService")["LoadBalancers"][0]["TargetGroupArn"] == "${ApiTargetGroupArn}"
    [container] = dev.properties("api", "ApiTaskDefinition")["ContainerDefinitions"]
    variables = {variable["Name"]: variable["Value"] for variable in container["Environment"]}
    assert variables["S3_BUCKET_NAME"] == "${VideoBucketName}"
    assert variables["MODEL_SERVER_URL"] == "http://${ModelServerPrivateIp}:8080"
    assert dev.outputs("model-server")["ModelServerPrivateIp"] == "${ModelServer.PrivateIp}"


# Alarm: metric, statistic, seconds, periods, when it calls.
ALARMS = {
    "ApiServerErrors": ("AWS/ApplicationELB HTTPCode_Target_5XX_Count", "Sum", 300, 1, "> 9"),
    "AlbServerErrors": ("AWS/ApplicationELB HTTPCode_ELB_5XX_Count", "Sum", 300, 1, "> 9"),
    "UnhealthyTargets": ("AWS/ApplicationELB UnHealthyHostCount", "Maximum", 60, 3, "> 0"),
    "TooFewTasks": ("AWS/ApplicationELB HealthyHostCount", "Minimum", 60, 10, "< 2 or missing"),
    "JobsWaitTooLong": ("AWS/SQS ApproximateAgeOfOldestMessage", "Maximum", 300, 1, "> 1800"),
    "DeadLetters": ("AWS/SQS ApproximateNumberOfMessagesVisible", "Maximum", 300, 1, "> 0"),
    "ModelServerStatus": ("AWS/EC2 StatusCheckFailed", "Maximum", 300, 2, "> 0"),
}


@pytest.mark.parametrize("title", ALARMS)
def test_an_alarm_calls_the_topic_when_it_should(dev: Built, title: str) -> None:
    alarm = dev.properties("observability", title)
    sign = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}[alarm["ComparisonOperator"]]
    missing = {"notBreaching": "", "breaching": " or missing"}[alarm["TreatMissingData"]]
    assert ALARMS[title] == (
        f"{alarm['Namespace']} {alarm['MetricName']}",
        alarm["Statistic"],
        alarm["Period"],
        alarm["EvaluationPeriods"],
        f"{sign} {alarm['Threshold']}{missing}",
    )
    assert alarm["AlarmActions"] == alarm["OKActions"] == ["${AlarmTopic}"]


def test_every_alarm_names_its_runbook_which_there_is(every: Case) -> None:
    page = (Path(__file__).parents[3] / "docs/runbooks/alarms.md").read_text(encoding="utf-8")
    headings = {line.removeprefix("## ").lower() for line in page.splitlines() if line.startswith("## ")}
    for title, alarm in every.built.of_type("AWS::CloudWatch::Alarm").items():
        runbook = f"{every.settings.alarms.runbooks}/alarms.md#{title.lower()}"
        assert alarm["AlarmDescription"].endswith(f". Runbook: {runbook}")
        assert title.lower() in headings


def test_slow_answers_are_told_where_it_is_asked_for(every: Case) -> None:
    alarm = every.built.of_type("AWS::CloudWatch::Alarm").get("ApiSlow")
    wanted = every.settings.alarms.latency_ms
    assert (alarm is None) is (wanted is None)
    if alarm is not None and wanted is not None:
        assert (alarm["MetricName"], alarm["ExtendedStatistic"]) == ("TargetResponseTime", "p99")
        assert alarm["Threshold"] * 1000 == wanted


OWN = {
    "drift_hours": {
        "Drifted": ("DriftedResources", "Maximum", 3600, 1, "GreaterThanThreshold", 0, "ignore"),
        "DriftUnseen": ("DriftedResources", "SampleCount", 3600, None, "LessThanThreshold", 1, "breaching"),
    },
    "gpu_busy_percent": {
        "GpuBusy": ("GpuUtilization", "Average", 300, 6, "GreaterThanThreshold", None, "notBreaching"),
    },
    "gpu_idle_hours": {"GpuIdle": ("GpuUtilization", "Maximum", 3600, None, "LessThanThreshold", 1, "breaching")},
}
"""Setting -> alarms: metric, statistic, seconds, periods, comparison, threshold, missing; None: as the setting says."""


@pytest.mark.parametrize("setting", OWN)
def test_an_alarm_on_a_metric_of_our_own_is_there_where_it_is_asked_for(every: Case, setting: str) -> None:
    wanted, alarms = getattr(every.settings.alarms, setting), every.built.of_type("AWS::CloudWatch::Alarm")
    for title, (metric, statistic, seconds, periods, comparison, threshold, missing) in OWN[setting].items():
        assert (title in alarms) is (wanted is not None)
        if wanted is None:
            continue
        alarm = alarms[title]
        assert (alarm["Namespace"], alarm["MetricName"]) == (every.settings.prefix, metric)
        assert (alarm["Statistic"], alarm["Period"], alarm["TreatMissingData"]) == (statistic, seconds, missing)
        assert alarm["EvaluationPeriods"] == (wanted if periods is None else periods)
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == (
            comparison,
            wanted if threshold is None else threshold,
        )
        assert alarm["AlarmActions"] == ["${AlarmTopic}"]


def test_the_box_may_tell_its_metrics_where_alarms_watch_them_and_no_others(every: Case) -> None:
    told = [
        one
        for one in every.built.statements("model-server", "ModelServerRole")
        if one["Action"] == ["cloudwatch:PutMetricData"]
    ]
    if every.settings.alarms.gpu_busy_percent is None:
        assert told == []
    else:
        assert [one["Condition"] for one in told] == [{"StringEquals": {"cloudwatch:namespace": every.settings.prefix}}]


def test_the_boxs_agent_tells_the_metric_that_alarms_watch_in_the_namespace_where_they_look() -> None:
    """The agent imports nothing of the generator: both names are held together here."""
    agent = (Path(__file__).parents[3] / "services/ray_serve/reconciler/gpus.py").read_text(encoding="utf-8")
    assert f'METRIC = "{names.GPU_UTILIZATION}"' in agent
    assert 'rpartition("-artifacts-")[0]' in agent
    assert f"{ENVIRONMENT.prefix}-{names.ARTIFACTS_BUCKET}-0".rpartition("-artifacts-")[0] == names.metrics(
        ENVIRONMENT.prefix
    )


def test_the_dashboard_shows_what_alarms_of_our_own_watch(prod: Built) -> None:
    graphs = json.loads(prod.properties("observability", "Dashboard")["DashboardBody"])["widgets"]
    shown = {json.dumps(one["properties"]["metrics"]) for one in graphs}
    assert {
        json.dumps([["ecg-project-pipeline-prod", name]]) for name in ("GpuUtilization", "DriftedResources")
    } <= shown


def test_a_budget_of_what_carries_the_environments_tag_calls_the_topic_where_it_is_asked_for(every: Case) -> None:
    budgets = every.built.of_type("AWS::Budgets::Budget")
    wanted = every.settings.alarms.monthly_budget
    assert [one["Budget"]["BudgetLimit"]["Amount"] for one in budgets.values()] == ([] if wanted is None else [wanted])
    for one in budgets.values():
        assert one["Budget"]["CostFilters"] == {"TagKeyValue": [f"user:Environment${every.settings.name}"]}
        addresses = {who["Address"] for each in one["NotificationsWithSubscribers"] for who in each["Subscribers"]}
        assert addresses == {"${AlarmTopic}"}


def test_budgets_and_alarms_of_this_account_publish_to_the_topic_over_tls_and_nobody_else(prod: Built) -> None:
    deny, *allowed = prod.statements("observability", "AlarmTopicPolicy")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    assert [one["Principal"]["Service"] for one in allowed] == ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
    assert all(one["Condition"] == {"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}} for one in allowed)


def test_alarms_watch_what_the_stacks_made(dev: Built) -> None:
    alarms = dev.of_type("AWS::CloudWatch::Alarm")
    assert set(alarms) == set(ALARMS)
    watched = {
        title: {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
        for title, alarm in alarms.items()
    }
    balancer = {"LoadBalancer": "${AlbFullName}"}
    targets = {"TargetGroup": "${ApiTargetGroupFullName}", **balancer}
    assert watched == {
        "ApiServerErrors": targets,
        "AlbServerErrors": balancer,
        "UnhealthyTargets": targets,
        "TooFewTasks": targets,
        "JobsWaitTooLong": {"QueueName": "${JobsQueueName}"},
        "DeadLetters": {"QueueName": "${JobsDeadLetterQueueName}"},
        "ModelServerStatus": {"InstanceId": "${ModelServerInstanceId}"},
    }


def test_the_dashboard_names_parameters_of_its_stack_only(built: Built) -> None:
    body = built.properties("observability", "Dashboard")["DashboardBody"]
    parameters = built.templates["observability"]["Parameters"]
    used = {part.split("}")[0] for part in body.split("${")[1:]}
    assert used <= set(parameters)
    assert {"AlbFullName", "JobsQueueName", "DistributionId"} <= used
    assert used & {"ModelServerInstanceId", "ModelServerGroupName"}


def test_everything_that_takes_tags_says_whose_it_is(every: Case) -> None:
    owner = {"Project": "ecg-project-pipeline", "Environment": every.settings.name, "ManagedBy": "ecgctl"}
    for name, stack in STACKS.items():
        for title, resource in stack(every.settings).resources.items():
            if "Tags" in resource.props:
                tags = {tag["Key"]: tag["Value"] for tag in every.built.properties(name, title)["Tags"]}
                assert tags.items() >= owner.items(), title


def test_new_user_data_is_a_new_launch_template_and_so_a_new_box(dev: Built) -> None:
    """The environment's name is part of what user data says; so is the root volume of what a first boot finds."""
    volume = replace(ENVIRONMENT.model_server.root_volume, size=100)
    other = build(replace(ENVIRONMENT, model_server=replace(ENVIRONMENT.model_server, root_volume=volume)))
    before, after = (
        one.properties("model-server", "ModelServer")["LaunchTemplate"]["LaunchTemplateName"] for one in (dev, other)
    )
    assert before != after
    assert before.endswith("-${ArtifactsBucketName}")


def test_an_environment_other_than_dev_shares_no_account_wide_name_with_it(dev: Built) -> None:
    prod = build(replace(ENVIRONMENT, name="prod"))
    kinds = {
        "AWS::IAM::Role": "RoleName",
        "AWS::IAM::InstanceProfile": "InstanceProfileName",
        "AWS::ECR::Repository": "RepositoryName",
        "AWS::ECS::Cluster": "ClusterName",
        "AWS::Logs::LogGroup": "LogGroupName",
        "AWS::CloudFront::Function": "Name",
        "AWS::SNS::Topic": "TopicName",
        "AWS::CloudWatch::Alarm": "AlarmName",
        "AWS::CloudWatch::Dashboard": "DashboardName",
        "AWS::ElasticLoadBalancingV2::LoadBalancer": "Name",
        "AWS::ElasticLoadBalancingV2::TargetGroup": "Name",
    }
    for kind, name in kinds.items():
        ours, theirs = ({one[name] for one in dev.of_type(kind).values()} for dev in (dev, prod))
        assert not ours & theirs, kind
    access = prod.properties("cdn", "OriginAccessControl")["OriginAccessControlConfig"]
    assert access["Name"] == "ecg-project-pipeline-prod-s3-oac"


def test_literals_come_from_the_lock_and_read_unresolved_without_one() -> None:
    assert literals(ENVIRONMENT) == {
        "model-server": {"ModelServerImageId": "unresolved"},
        "keys": {"VideoPublicKeyPem": "unresolved"},
    }
    locked = replace(ENVIRONMENT, locked={"ModelServerImageId": "ami-0123456789abcdef0"})
    assert literals(locked)["model-server"] == {"ModelServerImageId": "ami-0123456789abcdef0"}
