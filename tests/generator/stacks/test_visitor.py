"""Who visits the site from outside: how often, with what rights, and who is told."""

from generator.environments import dev
from generator.model.environment import Environment
from tests.generator.stacks.built import Built
from tests.generator.stacks.conftest import Case

BUCKET = "${ArtifactsBucketArn}"


def _minutes(environment: Environment) -> int:
    assert environment.alarms.visit_minutes is not None
    return environment.alarms.visit_minutes


def test_the_site_is_visited_where_it_is_asked_for(every: Case) -> None:
    wanted = every.settings.alarms.visit_minutes
    found = every.built.of_type("AWS::Synthetics::Canary")
    assert [one["Schedule"]["Expression"] for one in found.values()] == ([f"rate({wanted} minutes)"] if wanted else [])
    assert dev.ENVIRONMENT.alarms.visit_minutes is None


def test_it_is_visited_by_the_name_by_which_browsers_know_it_and_begins_by_itself(prod: Built) -> None:
    visitor = prod.properties("observability", "Visitor")
    assert visitor["RunConfig"]["EnvironmentVariables"] == {"SITE": "https://${DistributionDomainName}"}
    assert visitor["StartCanaryAfterCreation"] is True
    assert "${DistributionDomainName}" not in visitor["Code"]["Script"]


def test_two_failed_visits_in_a_row_or_none_at_all_call_the_topic(prod: Built) -> None:
    from generator.environments.prod import ENVIRONMENT

    alarm = prod.properties("observability", "SiteBroken")
    assert (alarm["Namespace"], alarm["MetricName"]) == ("CloudWatchSynthetics", "SuccessPercent")
    assert alarm["Dimensions"] == [{"Name": "CanaryName", "Value": "${Visitor}"}]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 100)
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (60 * _minutes(ENVIRONMENT), 2)
    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["AlarmActions"] == ["${AlarmTopic}"]


def test_the_visitor_reports_logs_and_measures_and_may_do_nothing_else(prod: Built) -> None:
    role = prod.properties("observability", "VisitorRole")
    assert role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
    assert "ManagedPolicyArns" not in role
    rights = {
        action: one["Resource"] for one in prod.statements("observability", "VisitorRole") for action in one["Action"]
    }
    logs = (
        "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
        "/aws/lambda/cwsyn-ecg-project-pipeline-prod-visitor-*"
    )
    assert rights == {
        "s3:PutObject": [f"{BUCKET}/visits/*"],
        "s3:GetBucketLocation": [BUCKET],
        "s3:ListAllMyBuckets": ["*"],
        "logs:CreateLogGroup": [logs],
        "logs:CreateLogStream": [logs],
        "logs:PutLogEvents": [logs],
        "cloudwatch:PutMetricData": ["*"],
    }


def test_reports_of_visits_are_forgotten_after_a_month(every: Case) -> None:
    bucket = every.built.properties("storage", "ArtifactsBucket")
    rules = bucket.get("LifecycleConfiguration", {}).get("Rules", [])
    ends = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule}
    assert ends == ({"visits/": 30} if every.settings.alarms.visit_minutes else {})


def test_the_dashboard_shows_visits(prod: Built) -> None:
    assert '"SuccessPercent"' in prod.properties("observability", "Dashboard")["DashboardBody"]
