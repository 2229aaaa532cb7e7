"""Who may take which role, and what it may do.

GitHub signs a token for each job; its subject says whose it is. A job that names an environment has
`repo:OWNER/NAME:environment:ENV` as its subject, whatever its branch, so the deploy role asks for the branch as well
(`token.actions.githubusercontent.com:ref`, a condition key of AWS STS; service authorization reference, read 2026-11).
"""

from typing import Any, Final

from awacs.aws import (
    Action,
    Allow,
    Condition,
    Deny,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
    StringNotEquals,
)
from troposphere import Sub

from generator.bootstrap.fleet import linked_services
from generator.bootstrap.hardening import hardening, linked
from generator.bootstrap.permissions import by_reach, grants, role_arns
from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import document, tell_metrics

ISSUER: Final = "token.actions.githubusercontent.com"
AUDIENCE: Final = "sts.amazonaws.com"
MAIN: Final = "refs/heads/main"
CLOUDFORMATION: Final = "cloudformation.amazonaws.com"
BOOTSTRAP: Final = "bootstrap"
"""The stack's name among the environment's stacks."""


def taken_by_jobs(provider: Any, subjects: list[str], **claims: str) -> PolicyDocument:
    """Trust jobs of GitHub Actions with one of these subjects (`${Repository}` is filled in) and these claims."""
    wanted: dict[str, Any] = {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": [Sub(subject) for subject in subjects]}
    wanted |= {f"{ISSUER}:{claim}": value for claim, value in claims.items()}
    return document(
        Statement(
            Effect=Allow,
            Principal=Principal("Federated", provider),
            Action=[Action("sts", "AssumeRoleWithWebIdentity")],
            Condition=Condition(StringEquals(wanted)),
        )
    )


def pull_requests() -> list[str]:
    """Subjects of the plan role. GitHub gives a fork's pull request no token at all."""
    return ["repo:${Repository}:pull_request"]


def schedules() -> list[str]:
    """Subjects of the drift role: what runs on main without an environment, and so without a deployment."""
    return [f"repo:${{Repository}}:ref:{MAIN}"]


def deployments(environment: Environment) -> list[str]:
    """Subjects of the deploy role."""
    return [f"repo:${{Repository}}:environment:{environment.name}"]


def reading_settings(environment: Environment) -> PolicyDocument:
    """How everything is set up: what the service role may do, less what changes anything; no contents."""
    return document(*by_reach(filter(None, (grant.reads() for grant in grants(environment)))))


def reading_guards(environment: Environment) -> PolicyDocument:
    """The same of what only a hard environment has."""
    return document(*by_reach(filter(None, (grant.reads() for grant in hardening(environment)))))


def reading_state(environment: Environment, state_bucket: Any) -> PolicyDocument:
    """What the stacks say and how what they made is doing, for plan, status and drift; no video, message or secret.

    Of the GPU box that is what it was told to run and what it reports.
    """
    stacks = _stacks(environment)
    artifacts = f"arn:${{AWS::Partition}}:s3:::{environment.prefix}-{names.ARTIFACTS_BUCKET}-*"
    return document(
        _allow(
            "ReadStacks",
            "cloudformation",
            "DescribeStacks DescribeStackEvents DescribeStackResources DescribeStackResource ListStackResources "
            "DescribeChangeSet ListChangeSets DescribeEvents GetTemplate GetTemplateSummary GetStackPolicy "
            "DetectStackDrift DetectStackResourceDrift DescribeStackResourceDrifts",
            stacks,
        ),
        _allow(
            "ReadWithoutStack",
            "cloudformation",
            "ListStacks ValidateTemplate DescribeStackDriftDetectionStatus DescribeType",
            ["*"],  # *: these calls know no stack
        ),
        _allow("ReadState", "s3", "GetObject", [Sub("${Bucket}/*", Bucket=state_bucket)]),
        _allow("ListState", "s3", "ListBucket", [state_bucket]),
        _allow("ReadBox", "s3", "GetObject", [Sub(f"{artifacts}/{path}") for path in _of_the_box(environment)]),
        _allow("ListBox", "s3", "ListBucket", [Sub(artifacts)]),  # else what is absent is a refusal
        _allow("ReadTargets", "elasticloadbalancing", "DescribeTargetHealth", ["*"]),  # *: it knows no resources
        _allow("ReadTasks", "ecs", "ListTasks DescribeTasks", ["*"]),  # *: a task's id is made when it starts
        _allow("ReadImages", "ecr", "DescribeImages DescribeImageScanFindings", [_repository(environment)]),
        _allow("ReadQuotas", "servicequotas", "GetServiceQuota", ["*"]),  # *: asked by code, not by ARN
        _allow("ReadMetrics", "cloudwatch", "GetMetricData", ["*"]),  # *: it knows no resources
        _allow(
            "ReadPublicParameters",
            "ssm",
            "GetParameter",
            [Sub("arn:${AWS::Partition}:ssm:${AWS::Region}::parameter/aws/service/*")],  # AWS's own, such as AMI ids
        ),
    )


def keeping_status(environment: Environment) -> PolicyDocument:
    """What the last look found, for the API, the operations page and alarms; nothing else of the artifacts."""
    key = f"arn:${{AWS::Partition}}:s3:::{environment.prefix}-{names.ARTIFACTS_BUCKET}-*/status/*"
    return document(
        _allow("KeepStatus", "s3", "GetObject PutObject", [Sub(key)]), tell_metrics(names.metrics(environment.prefix))
    )


def deploying(environment: Environment, state_bucket: Any, service_role: Any) -> PolicyDocument:
    """Change sets on our stacks through the service role, artifacts, and the state; nothing by its own hand."""
    prefix = environment.prefix
    return document(
        _allow(
            "ChangeStacks",
            "cloudformation",
            "CreateChangeSet ExecuteChangeSet DeleteChangeSet DeleteStack ContinueUpdateRollback CancelUpdateStack "
            "RollbackStack SetStackPolicy UpdateTerminationProtection TagResource UntagResource",
            _stacks(environment),
        ),
        Statement(
            Sid="NotItsOwnStack",
            Effect=Deny,
            Action=[
                Action("cloudformation", verb)
                for verb in ("CreateChangeSet", "ExecuteChangeSet", "DeleteStack", "UpdateStack", "SetStackPolicy")
            ],
            Resource=[Sub(f"{_STACK}/{prefix}-{BOOTSTRAP}/*")],
        ),
        Statement(
            Sid="HandOver",
            Effect=Allow,
            Action=[Action("iam", "PassRole")],
            Resource=[service_role],
            Condition=Condition(StringEquals("iam:PassedToService", CLOUDFORMATION)),
        ),
        # With ReadState, also what large templates need: CloudFormation reads them with the rights of whoever asks for
        # the change set (generator/aws/templates.py), so the service role stays shut out.
        _allow("WriteState", "s3", "PutObject", [Sub("${Bucket}/*", Bucket=state_bucket)]),
        # Only the lease: the ledger is never shortened, and what is overwritten stays as a version.
        _allow("GiveTheLeaseBack", "s3", "DeleteObject", [Sub("${Bucket}/leases/*", Bucket=state_bucket)]),
        _allow(
            "WriteArtifacts",
            "s3",
            "GetObject PutObject ListBucket",
            [
                Sub(f"arn:${{AWS::Partition}}:s3:::{prefix}-{bucket}-*")
                for bucket in (names.ARTIFACTS_BUCKET, names.FRONTEND_BUCKET)
            ],
        ),
        tell_metrics(names.metrics(prefix)),  # of drift, before and after it was taken back
        _allow("RemoveOldPages", "s3", "DeleteObject", [Sub(f"arn:${{AWS::Partition}}:s3:::{prefix}-frontend-*/*")]),
        _allow("SignInToRegistry", "ecr", "GetAuthorizationToken", ["*"]),  # *: it knows no repository
        _allow(
            "PushImages",
            "ecr",
            "BatchCheckLayerAvailability InitiateLayerUpload UploadLayerPart CompleteLayerUpload PutImage "
            "BatchGetImage GetDownloadUrlForLayer DescribeImages",
            [_repository(environment)],
        ),
        _allow(
            "Invalidate",
            "cloudfront",
            "CreateInvalidation GetInvalidation",
            [Sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/*")],  # *: AWS gives the id
        ),
        # With it the proof signs in as its own client (generator/proof_token.py); it reads no person's videos.
        _allow(
            "SignInAsTheProof",
            "cognito-idp",
            "DescribeUserPoolClient",
            [Sub("arn:${AWS::Partition}:cognito-idp:${AWS::Region}:${AWS::AccountId}:userpool/*")],  # *: Cognito's id
        ),
        _allow(
            "ReadLogs",
            "logs",
            "FilterLogEvents GetLogEvents DescribeLogStreams",
            [
                Sub(f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:/{folder}/{prefix}-*")
                for folder in ("ecs", "ec2")
            ],
        ),
    )


def hand_on(environment: Environment) -> list[Statement]:
    """The service role's dealings with other roles, each narrowed to one service or one policy."""
    execution, task, box, _, *others = (Sub(arn) for arn in role_arns(environment))
    attached = [_attach("AttachOnePolicy", execution, "AmazonECSTaskExecutionRolePolicy")]
    passed = [
        _pass_to("PassToTasks", [execution, task], "ecs-tasks.amazonaws.com"),
        _pass_to("PassToInstances", [box], "ec2.amazonaws.com"),
    ]
    if environment.network.flow_log_days is not None:
        passed.append(_pass_to("PassToFlowLogs", [others.pop(0)], "vpc-flow-logs.amazonaws.com"))
    if environment.jobs.backup_days is not None:
        attached.append(_attach("AttachBackupPolicy", others[0], "AWSBackupServiceRolePolicyForBackup"))
        passed.append(_pass_to("PassToBackup", [others.pop(0)], "backup.amazonaws.com"))
    if environment.alarms.visit_minutes is not None:
        passed.append(_pass_to("PassToVisitor", [others.pop(0)], "lambda.amazonaws.com"))
    return [
        *passed,
        *attached,
        Statement(
            Sid="ServiceLinkedRoles",
            Effect=Allow,
            Action=[Action("iam", "CreateServiceLinkedRole")],
            Resource=[Sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/*")],
            Condition=Condition(
                StringEquals(
                    "iam:AWSServiceName",
                    [
                        "ecs.amazonaws.com",
                        "elasticloadbalancing.amazonaws.com",
                        *linked(environment),
                        *linked_services(environment),
                    ],
                )
            ),
        ),
        Statement(
            Sid="NotTheState",
            Effect=Deny,
            Action=[Action("s3", "*")],  # *: a refusal has no exceptions
            Resource=[Sub(f"arn:${{AWS::Partition}}:s3:::{environment.prefix}-state-*")],
        ),
    ]


def only_bounded(boundary: Any) -> PolicyDocument:
    """Refuse to make or change a role that does not carry the boundary, and to take the boundary off."""
    verbs = ("CreateRole", "PutRolePolicy", "AttachRolePolicy", "PutRolePermissionsBoundary")
    return document(
        Statement(
            Sid="OnlyBoundedRoles",
            Effect=Deny,
            Action=[Action("iam", verb) for verb in verbs],
            Resource=["*"],  # *: a refusal has no exceptions
            Condition=Condition(StringNotEquals("iam:PermissionsBoundary", boundary)),
        ),
        Statement(
            Sid="BoundariesStay", Effect=Deny, Action=[Action("iam", "DeleteRolePermissionsBoundary")], Resource=["*"]
        ),
    )


_STACK: Final = "arn:${AWS::Partition}:cloudformation:${AWS::Region}:${AWS::AccountId}:stack"


def _stacks(environment: Environment) -> list[Any]:
    return [Sub(f"{_STACK}/{environment.prefix}-*/*")]


def _of_the_box(environment: Environment) -> tuple[str, ...]:
    """What the GPU box is told and what it reports; not its packages."""
    name = environment.name
    return f"serve/{name}/desired.json", f"serve/{name}/config/*", f"observed/{name}/box.json"


def _repository(environment: Environment) -> Sub:
    name = names.repository(environment.prefix)
    return Sub(f"arn:${{AWS::Partition}}:ecr:${{AWS::Region}}:${{AWS::AccountId}}:repository/{name}")


def _allow(sid: str, service: str, actions: str, resources: list[Any]) -> Statement:
    return Statement(
        Sid=sid, Effect=Allow, Action=[Action(service, action) for action in actions.split()], Resource=resources
    )


def _attach(sid: str, role: Any, policy: str) -> Statement:
    """One role may be given one policy of AWS's."""
    arn = Sub(f"arn:${{AWS::Partition}}:iam::aws:policy/service-role/{policy}")
    return Statement(
        Sid=sid,
        Effect=Allow,
        Action=[Action("iam", "AttachRolePolicy"), Action("iam", "DetachRolePolicy")],
        Resource=[role],
        Condition=Condition(StringEquals("iam:PolicyARN", arn)),
    )


def _pass_to(sid: str, roles: list[Any], service: str) -> Statement:
    return Statement(
        Sid=sid,
        Effect=Allow,
        Action=[Action("iam", "PassRole")],
        Resource=roles,
        Condition=Condition(StringEquals("iam:PassedToService", service)),
    )
