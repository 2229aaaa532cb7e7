"""Pricers of what AWS charges mostly by use: storage, queues, delivery, logs, keys. How much is the profile's."""

import re
from collections.abc import Mapping
from typing import Any

from generator.plan.cost_charges import Billing, Kind, Meter, Priced
from generator.plan.cost_values import is_true, number

_FREE_GB_OF_DELIVERY = 1024
_FREE_REQUESTS_OF_DELIVERY = 10_000_000
_FREE_FUNCTION_CALLS = 2_000_000
_FREE_USERS = 10_000
_DAYS_A_MONTH = 30
_THOUSAND = 1e3
_MILLION = 1e6


def bucket(meter: Meter) -> Priced:
    """An S3 bucket: what lies in it, and the requests."""
    use = meter.usage
    yield meter.charge(
        Kind.STORAGE, f"{use['gb']:g} GB in S3", ("s3.gb", use["gb"]), assumption=f"{use['gb']:g} GB kept"
    )
    yield meter.charge(
        Kind.REQUESTS,
        "S3 requests",
        ("s3.put", use["puts"] / 1000),
        ("s3.get", use["gets"] / 1000),
        assumption=f"{use['puts']:,.0f} writes and {use['gets']:,.0f} reads a month",
        stays=False,
    )


def table(meter: Meter) -> Priced:
    """A DynamoDB table, on demand or provisioned."""
    use = meter.usage
    yield meter.charge(
        Kind.STORAGE, f"{use['gb']:g} GB in DynamoDB", ("dynamodb.gb", use["gb"]), assumption=f"{use['gb']:g} GB kept"
    )
    if meter.get("BillingMode", "PROVISIONED") == "PAY_PER_REQUEST":
        yield meter.charge(
            Kind.REQUESTS,
            "DynamoDB requests",
            ("dynamodb.write", use["writes"] / _MILLION),
            ("dynamodb.read", use["reads"] / _MILLION),
            assumption=f"{use['writes']:,.0f} writes and {use['reads']:,.0f} reads a month",
            stays=False,
        )
    else:
        throughput = meter.mapping("ProvisionedThroughput")
        writes, reads = number(throughput.get("WriteCapacityUnits")), number(throughput.get("ReadCapacityUnits"))
        if writes is None or reads is None:
            yield meter.unpriced("AWS::DynamoDB::Table: its capacity is not in the tree")
        else:
            yield meter.charge(
                Kind.CAPACITY_UNITS,
                f"{writes:g} WCU, {reads:g} RCU, {meter.hours:g} h",
                ("dynamodb.wcu", writes * meter.hours),
                ("dynamodb.rcu", reads * meter.hours),
                billing=Billing.HOUR,
            )
    if is_true(meter.mapping("PointInTimeRecoverySpecification").get("PointInTimeRecoveryEnabled")):
        yield meter.charge(
            Kind.BACKUP,
            f"{use['gb']:g} GB of continuous backup",
            ("dynamodb.backup", use["gb"]),
            assumption=f"{use['gb']:g} GB kept",
            stays=False,
        )


def backup_plan(meter: Meter) -> Priced:
    """Copies of a table in a vault, one a night by each rule, kept for the rule's days."""
    gigabytes, rules = meter.usage["gb"], meter.mapping("BackupPlan").get("BackupPlanRule")
    kept = [_kept_days(rule) for rule in rules] if isinstance(rules, list) else [None]
    days = [one for one in kept if one is not None]
    if len(days) < len(kept):
        yield meter.unpriced("AWS::Backup::BackupPlan: how long copies are kept is not in the tree")
        return
    yield meter.charge(
        Kind.BACKUP,
        f"{sum(days):g} nightly copies of {gigabytes:g} GB",
        ("backup.dynamodb", sum(days) * gigabytes),
        assumption=f"{gigabytes:g} GB a copy",
        stays=False,
    )


def _kept_days(rule: Any) -> float | None:
    lifecycle = rule.get("Lifecycle") if isinstance(rule, Mapping) else None
    return number(lifecycle.get("DeleteAfterDays")) if isinstance(lifecycle, Mapping) else None


def queue(meter: Meter) -> Priced:
    """An SQS queue."""
    requests = meter.usage["requests"]
    rate = "sqs.fifo" if is_true(meter.get("FifoQueue")) else "sqs.request"
    yield meter.charge(
        Kind.REQUESTS,
        "SQS requests",
        (rate, requests / _MILLION),
        assumption=f"{requests:,.0f} requests a month",
        stays=False,
    )


def topic(meter: Meter) -> Priced:
    """An SNS topic that writes e-mails."""
    emails = meter.usage["emails"]
    yield meter.charge(
        Kind.REQUESTS, "SNS e-mails", ("sns.email", emails / 1e5), assumption=f"{emails:g} e-mails a month", stays=False
    )


def repository(meter: Meter) -> Priced:
    """An ECR repository."""
    gigabytes = meter.usage["gb"]
    yield meter.charge(
        Kind.STORAGE, f"{gigabytes:g} GB of images", ("ecr.gb", gigabytes), assumption=f"{gigabytes:g} GB kept"
    )


def distribution(meter: Meter) -> Priced:
    """A CloudFront distribution; the first TB and the first 10 million requests of an account are free."""
    use = meter.usage
    yield meter.charge(
        Kind.TRANSFER,
        f"{use['gb']:g} GB delivered",
        ("cloudfront.gb", max(0.0, use["gb"] - _FREE_GB_OF_DELIVERY)),
        ("cloudfront.request", max(0.0, use["requests"] - _FREE_REQUESTS_OF_DELIVERY) / _MILLION),
        assumption=f"{use['gb']:g} GB and {use['requests']:,.0f} requests a month; the first 1,024 GB are free",
        stays=False,
    )


def edge_function(meter: Meter) -> Priced:
    """A CloudFront Function."""
    calls = meter.usage["requests"]
    yield meter.charge(
        Kind.REQUESTS,
        "function calls",
        ("cloudfront.function", max(0.0, calls - _FREE_FUNCTION_CALLS) / _MILLION),
        assumption=f"{calls:,.0f} calls a month; the first 2 million are free",
        stays=False,
    )


def log_group(meter: Meter) -> Priced:
    """A log group: what comes in, and what is kept for its retention (for ever counts as a year)."""
    gigabytes = meter.usage["gb"]
    days = meter.number("RetentionInDays", 365.0) or 365.0
    rate = "logs.infrequent" if meter.get("LogGroupClass") == "INFREQUENT_ACCESS" else "logs.in"
    yield meter.charge(
        Kind.LOGS,
        f"{gigabytes:g} GB of logs, kept {days:g} days",
        (rate, gigabytes),
        ("logs.kept", gigabytes * days / _DAYS_A_MONTH),
        assumption=f"{gigabytes:g} GB written a month",
        stays=False,
    )


def alarm(meter: Meter) -> Priced:
    """A CloudWatch alarm, by the metrics that it watches. The account's ten free ones are not taken off."""
    metrics = [one for one in meter.items("Metrics") if isinstance(one, Mapping) and "MetricStat" in one]
    count = max(1, len(metrics))
    period = meter.number("Period", 60.0) or 60.0
    rate = "cloudwatch.alarm.fast" if period < 60 else "cloudwatch.alarm"
    yield meter.charge(Kind.ALARM, f"alarm over {count} {'metric' if count == 1 else 'metrics'}", (rate, count))


def composite_alarm(meter: Meter) -> Priced:
    """A composite alarm; the alarms that it combines pay for themselves."""
    yield meter.charge(Kind.ALARM, "composite alarm", ("cloudwatch.alarm.composite", 1))


def dashboard(meter: Meter) -> Priced:
    """A dashboard. The account's three free ones are not taken off."""
    yield meter.charge(Kind.DASHBOARD, "dashboard", ("cloudwatch.dashboard", 1))


def key(meter: Meter) -> Priced:
    """A customer-managed KMS key. It is charged until its deletion is scheduled."""
    requests = meter.usage["requests"]
    yield meter.charge(Kind.KEY, "customer-managed key", ("kms.key", 1))
    yield meter.charge(
        Kind.REQUESTS,
        "KMS requests",
        ("kms.request", requests / _MILLION),
        assumption=f"{requests:,.0f} requests a month",
        stays=False,
    )


def secret(meter: Meter) -> Priced:
    """A secret of Secrets Manager."""
    calls = meter.usage["calls"]
    yield meter.charge(Kind.SECRET, "secret", ("secret.month", 1))
    yield meter.charge(
        Kind.REQUESTS,
        "calls of Secrets Manager",
        ("secret.call", calls / _MILLION),
        assumption=f"{calls:,.0f} calls a month",
        stays=False,
    )


def firewall(meter: Meter) -> Priced:
    """A web ACL with its rules."""
    rules, requests = len(meter.items("Rules")), meter.usage["requests"]
    yield meter.charge(Kind.FIREWALL, f"web ACL with {rules} rules", ("waf.acl", 1), ("waf.rule", rules))
    yield meter.charge(
        Kind.REQUESTS,
        "WAF requests",
        ("waf.request", requests / _MILLION),
        assumption=f"{requests:,.0f} requests a month",
        stays=False,
    )


def function(meter: Meter) -> Priced:
    """A Lambda function."""
    use = meter.usage
    memory = (meter.number("MemorySize", 128.0) or 128.0) / 1024
    yield meter.charge(
        Kind.REQUESTS,
        "Lambda calls",
        ("lambda.request", use["requests"] / _MILLION),
        ("lambda.gb_second", use["requests"] * use["seconds"] * memory),
        assumption=f"{use['requests']:,.0f} calls of {use['seconds']:g} s a month",
        stays=False,
    )


def visits(meter: Meter) -> Priced:
    """A canary of CloudWatch Synthetics, by its runs, and the function that runs it; one on another schedule, not."""
    said = re.fullmatch(r"rate\((\d+) minutes?\)", str(meter.mapping("Schedule").get("Expression")))
    if said is None or said[1] == "0":  # rate(0 minutes): once
        yield meter.unpriced("AWS::Synthetics::Canary: its schedule")
        return
    runs, seconds = meter.hours * 60 / int(said[1]), meter.usage["seconds"]
    memory = (number(meter.mapping("RunConfig").get("MemoryInMB"), 1000.0) or 1000.0) / 1024
    yield meter.charge(
        Kind.REQUESTS,
        f"visits, one in {said[1]} minutes",
        ("synthetics.run", runs),
        ("lambda.request", runs / _MILLION),
        ("lambda.gb_second", runs * seconds * memory),
        assumption=f"{seconds:g} s each",
        stays=False,
    )


def hosted_zone(meter: Meter) -> Priced:
    """A Route 53 hosted zone."""
    yield meter.charge(Kind.ZONE, "hosted zone", ("route53.zone", 1))


def user_pool(meter: Meter) -> Priced:
    """A Cognito user pool, free for the first 10,000 active users of a month; of the tier PLUS for none."""
    users = meter.usage["users"]
    if meter.get("UserPoolTier") == "PLUS":
        yield meter.charge(
            Kind.REQUESTS,
            "people who sign in, tier PLUS",
            ("cognito.plus", users),
            assumption=f"{users:g} a month",
            stays=False,
        )
    elif users > _FREE_USERS:
        yield meter.unpriced(f"AWS::Cognito::UserPool with {users:g} users")


def user_pool_client(meter: Meter) -> Priced:
    """A client of a user pool: free for people; one that signs in by itself costs by the month and by the token."""
    if "client_credentials" not in meter.items("AllowedOAuthFlows"):
        return
    tokens = meter.usage["tokens"]
    yield meter.charge(
        Kind.CLIENT,
        "client that signs in by itself",
        ("cognito.client", 1),
        ("cognito.token", tokens / _THOUSAND),
        assumption=f"{tokens:,.0f} tokens a month",
    )


def cluster(meter: Meter) -> Priced:
    """An ECS cluster: free, unless Container Insights charges for its metrics."""
    for setting in meter.items("ClusterSettings"):
        insights = isinstance(setting, Mapping) and setting.get("Name") == "containerInsights"
        if insights and setting.get("Value") != "disabled":
            yield meter.unpriced("AWS::ECS::Cluster: metrics of Container Insights")
