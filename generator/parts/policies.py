"""IAM statements that compose; every `*` in them says why it stands there."""

from typing import Any, Final

import awacs.cloudwatch as cloudwatch
import awacs.kms as kms
import awacs.s3 as s3
import awacs.sns as sns
import awacs.sts as sts
from awacs.aws import (
    Action,
    Allow,
    Bool,
    Condition,
    Deny,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
)
from troposphere import AccountId, Join, Region, Sub
from troposphere.iam import Policy

VERSION: Final = "2012-10-17"


def document(*statements: Statement) -> PolicyDocument:
    return PolicyDocument(Version=VERSION, Statement=list(statements))


def inline(name: str, *statements: Statement) -> Policy:
    """A policy that lives and dies with its role."""
    return Policy(PolicyName=name, PolicyDocument=document(*statements))


def trusts(service: str) -> PolicyDocument:
    """The trust policy of a role that `service`, such as `ec2.amazonaws.com`, may take on."""
    return document(Statement(Effect=Allow, Principal=Principal("Service", service), Action=[sts.AssumeRole]))


def trusts_account() -> PolicyDocument:
    """The trust policy of a role that people take: whom the account's own policies let, and nobody by this alone."""
    account = Principal("AWS", Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root"))
    return document(Statement(Effect=Allow, Principal=account, Action=[sts.AssumeRole]))


def allow(sid: str, actions: list[Action], resources: list[Any]) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=actions, Resource=resources)


def in_region(service: str, resource: str) -> Sub:
    """The ARN of what a service holds for this account in this region."""
    return Sub(f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}")


def use_keys(services: list[str], keys: list[Any]) -> Statement:
    """Let a role have `services`, such as `s3`, encrypt and decrypt for it under keys of our own."""
    return Statement(
        Sid="UseKeys",
        Effect=Allow,
        Action=[kms.Decrypt, kms.GenerateDataKey],
        Resource=keys,
        Condition=Condition(
            StringEquals("kms:ViaService", [Sub(f"{service}.${{AWS::Region}}.amazonaws.com") for service in services])
        ),
    )


def tell_metrics(namespace: str) -> Statement:
    """Let a role tell CloudWatch metrics of one namespace."""
    return Statement(
        Sid="TellMetrics",
        Effect=Allow,
        Action=[cloudwatch.PutMetricData],
        Resource=["*"],  # *: the call knows no resources, but its namespace
        Condition=Condition(StringEquals("cloudwatch:namespace", namespace)),
    )


def objects(bucket_arn: Any, prefix: str = "") -> Join:
    """The ARN of every object whose key begins with `prefix`."""
    return Join("", [bucket_arn, f"/{prefix}*"])  # *: keys are made at run time


def tls_only(bucket_arn: Any) -> Statement:
    """Refuse whoever does not come over TLS, whatever else allows them."""
    return _in_the_clear(Action("s3", "*"), bucket_arn, objects(bucket_arn))  # *: nothing at all may be done


def tls_only_topic(topic_arn: Any) -> Statement:
    """Refuse whoever publishes to a topic without TLS."""
    return _in_the_clear(sns.Publish, topic_arn)


def published_by(service: str, topic_arn: Any) -> Statement:
    """Let a service that acts by itself, such as `CloudWatch`, publish to a topic for this account."""
    return Statement(
        Sid=service,
        Effect=Allow,
        Principal=Principal("Service", f"{service.lower()}.amazonaws.com"),
        Action=[sns.Publish],
        Resource=[topic_arn],
        Condition=Condition(StringEquals("aws:SourceAccount", AccountId)),
    )


def tls_only_queue(queue_arn: Any) -> Statement:
    """Refuse whoever calls a queue without TLS."""
    return _in_the_clear(Action("sqs", "*"), queue_arn)  # *: nothing at all may be done


def _in_the_clear(action: Action, *arns: Any) -> Statement:
    """Refuse an action without TLS."""
    return Statement(
        Sid="TlsOnly",
        Effect=Deny,
        Principal=Principal("*"),  # *: a refusal has no exceptions
        Action=[action],
        Resource=list(arns),
        # A boolean, not the text "false": cfn-guard's rule for TLS asks for it, and IAM takes both.
        Condition=Condition(Bool("aws:SecureTransport", False)),
    )


def read_by_distribution(bucket_arn: Any, distribution_id: Any) -> Statement:
    """Let one CloudFront distribution read, by its origin access control (OAC)."""
    return Statement(
        Sid="ReadByDistribution",
        Effect=Allow,
        Principal=Principal("Service", "cloudfront.amazonaws.com"),
        Action=[s3.GetObject],
        Resource=[objects(bucket_arn)],
        Condition=Condition(StringEquals("AWS:SourceArn", distribution(distribution_id))),
    )


def written_by_load_balancers(bucket_arn: Any) -> Statement:
    """Let this account's load balancers deliver access logs.

    Regions older than August 2022, us-east-1 among them, used to need the region's Elastic Load Balancing account as
    the principal. AWS still accepts that form but recommends this service principal for every region
    (docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html). The key holds the account
    that owns the load balancer, so the resource keeps other accounts out; a condition on `aws:SourceArn` as well is
    not in AWS's example, and people report that delivery then fails.
    """
    return Statement(
        Sid="WrittenByLoadBalancers",
        Effect=Allow,
        Principal=Principal("Service", "logdelivery.elasticloadbalancing.amazonaws.com"),
        Action=[s3.PutObject],
        Resource=[Join("", [bucket_arn, "/AWSLogs/", AccountId, "/*"])],  # *: keys carry date and host
    )


def written_by_access_logs(bucket_arn: Any) -> Statement:
    """Let S3 write down what this account's buckets are asked."""
    return Statement(
        Sid="WrittenByAccessLogs",
        Effect=Allow,
        Principal=Principal("Service", "logging.s3.amazonaws.com"),
        Action=[s3.PutObject],
        Resource=[objects(bucket_arn)],
        Condition=Condition(StringEquals("aws:SourceAccount", AccountId)),
    )


def secrets_below(prefix: str) -> Join:
    """The ARNs of the secrets whose names begin with `<prefix>/`."""
    # *: Secrets Manager ends each ARN in six characters of its own
    return Join("", ["arn:aws:secretsmanager:", Region, ":", AccountId, f":secret:{prefix}/*"])


def secret_named(name: str) -> Join:
    """The ARN of one secret, whose end only Secrets Manager knows: a hyphen and six characters."""
    return Join("", ["arn:aws:secretsmanager:", Region, ":", AccountId, f":secret:{name}-??????"])


def distribution(distribution_id: Any) -> Sub:
    """The ARN of a CloudFront distribution, which lives in no region."""
    return Sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Id}", Id=distribution_id)
