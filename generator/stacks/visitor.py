"""Somebody who visits the site from outside every few minutes, and the alarm on what he finds.

A canary of CloudWatch Synthetics, called a visitor here, where a canary is a version of an app. He has no account: he
uploads nothing, and each deployment is proved by the sample anyway (docs/runbooks/health.md, "The proof").
"""

from pathlib import Path
from typing import ClassVar, Final

import awacs.s3 as s3
from awacs.aws import Action
from troposphere import GetAtt, Ref, Template
from troposphere.iam import Role
from troposphere.policies import PropsDictType
from troposphere.synthetics import Canary, Code, RunConfig, Schedule

from generator.model import names
from generator.model.environment import Environment
from generator.parts.alarms import alarm, below
from generator.parts.policies import allow, in_region, inline, objects, tell_metrics, trusts
from generator.parts.wiring import wired, wired_text

RUNTIME: Final = "syn-python-selenium-7.0"
"""The newest of Python (AWS CDK 2.276, aws-synthetics, 2026-11). AWS lets nobody change a visitor of an old one."""
MEMORY_MB, TIMEOUT_S = 960, 60  # as little as Synthetics takes; four answers of ten seconds each
NAMESPACE: Final = "CloudWatchSynthetics"
TWICE: Final = 2
"""So many failed visits in a row call somebody: one may be the internet's fault."""

_SCRIPT = Path(__file__).resolve().parents[2] / "services/visitor/index.py"


class _Canary(Canary):  # type: ignore[misc]
    """troposphere 4.11 knows no runtime of this year."""

    props: ClassVar[PropsDictType] = {**Canary.props, "RuntimeVersion": (str, True)}


def visitor(template: Template, environment: Environment, minutes: int) -> None:
    """He, what he may do, and the alarm."""
    name = names.visitor(environment.prefix)
    role = template.add_resource(_role(template, environment))
    canary = template.add_resource(
        _Canary(
            "Visitor",
            Name=name,
            ArtifactS3Location=wired_text(template, f"s3://${{ArtifactsBucketName}}/{names.VISITS}"),
            Code=Code(Handler="index.handler", Script=_SCRIPT.read_text(encoding="utf-8")),
            ExecutionRoleArn=GetAtt(role, "Arn"),
            RunConfig=RunConfig(
                EnvironmentVariables={"SITE": wired_text(template, "https://${DistributionDomainName}")},
                MemoryInMB=MEMORY_MB,
                TimeoutInSeconds=TIMEOUT_S,
            ),
            RuntimeVersion=RUNTIME,
            Schedule=Schedule(Expression=f"rate({minutes} minute{'s' if minutes > 1 else ''})"),
            ProvisionedResourceCleanup="AUTOMATIC",
            StartCanaryAfterCreation=True,
        )
    )
    alarm(
        template,
        environment,
        "SiteBroken",
        "The site does not answer visitors from outside as it should",
        (NAMESPACE, "SuccessPercent"),
        {"CanaryName": Ref(canary)},
        **below(100, "Average", 60 * minutes, TWICE),
    )


def _role(template: Template, environment: Environment) -> Role:
    logs = in_region("logs", f"log-group:/aws/lambda/cwsyn-{names.visitor(environment.prefix)}-*")  # *: AWS's own id
    bucket = wired(template, "ArtifactsBucketArn")
    return Role(
        "VisitorRole",
        RoleName=names.account_wide(environment, "visitor-role"),
        AssumeRolePolicyDocument=trusts("lambda.amazonaws.com"),
        Policies=[
            inline(  # docs.aws.amazon.com, "Required roles and permissions for canaries", without tracing
                "visiting",
                allow("Report", [s3.PutObject], [objects(bucket, f"{names.VISITS}/")]),
                allow("FindBucket", [s3.GetBucketLocation], [bucket]),
                allow("ListBuckets", [s3.ListAllMyBuckets], ["*"]),  # *: this call knows no resource
                allow("Log", [Action("logs", verb) for verb in _LOGS], [logs]),
                tell_metrics(NAMESPACE),
            )
        ],
    )


_LOGS: Final = ("CreateLogGroup", "CreateLogStream", "PutLogEvents")
