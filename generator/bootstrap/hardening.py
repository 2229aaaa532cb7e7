"""What CloudFormation may do besides where an environment is hard: the service role's permissions, setting by setting.

They stand apart from `permissions`, so that an environment without a setting has not its permissions either.
"""

from collections.abc import Iterator
from typing import Final

from generator.bootstrap.fleet import GROUP_ACTIONS, own_group
from generator.bootstrap.permissions import ACCOUNT, Grant
from generator.model import names
from generator.model.environment import Environment
from generator.model.hardening_rules import GATEWAYS

_LINKED: Final = {
    "scaling": "ecs.application-autoscaling.amazonaws.com",
    "firewall": "wafv2.amazonaws.com",
    "interfaces": "vpce.amazonaws.com",
    "backups": "backup.amazonaws.com",
}
"""Service-linked roles that AWS makes for an account with the first resource of the kind."""


def hardening(environment: Environment) -> Iterator[Grant]:
    """Grants for what the environment asks for, and for nothing else."""
    yield from keeping(environment)
    yield from guarding(environment)


def keeping(environment: Environment) -> Iterator[Grant]:
    """What keeps things secret, and safe: keys, the origin's header, backups."""
    if environment.hardening.customer_keys:
        yield from _keys(environment)
    if environment.load_balancer.origin_secrets:
        yield from _origin(environment)
    if environment.jobs.backup_days is not None:
        yield from _backups(environment)


def guarding(environment: Environment) -> Iterator[Grant]:
    """What watches and bounds: network, web ACL, access logs, scaling, fleet, visitor, budget. Two, for their size."""
    if environment.network.endpoints or environment.network.flow_log_days is not None:
        yield from _network(environment)
    if environment.cdn.firewall is not None:
        yield from _firewall(environment)
    if environment.storage.access_logs:
        buckets = f"arn:${{AWS::Partition}}:s3:::{environment.prefix}-*"
        yield Grant("s3", ("PutBucketLogging",), (buckets,), regional=False)
    if environment.api.scaling is not None:
        yield Grant("application-autoscaling", _words(_SCALING))  # *: targets have ids of AWS's own
        yield Grant("cloudwatch", ("GetMetricData",))  # *: this call knows no resource
    if environment.alarms.visit_minutes is not None:
        yield from _visitor(environment)
    if environment.model_server.fleet is not None:
        yield from _fleet(environment)
    if environment.alarms.monthly_budget is not None:
        budgets = f"arn:${{AWS::Partition}}:budgets::${{AWS::AccountId}}:budget/{environment.prefix}-*"
        yield Grant("budgets", _words(_BUDGETS), (budgets,), regional=False)


def linked(environment: Environment) -> list[str]:
    """Services for which AWS makes a role of its own when the environment first asks for them."""
    asked = {
        "scaling": environment.api.scaling is not None,
        "firewall": environment.cdn.firewall is not None,
        "interfaces": bool(set(environment.network.endpoints) - set(GATEWAYS)),
        "backups": environment.jobs.backup_days is not None,
    }
    return [service for name, service in _LINKED.items() if asked[name]]


def _fleet(environment: Environment) -> Iterator[Grant]:
    """The Auto Scaling group of the GPU boxes."""
    yield Grant("autoscaling", ("Describe*",))  # *: these calls know no resources
    yield Grant("autoscaling", GROUP_ACTIONS, (own_group(environment),))
    # *: this call knows no resources; Auto Scaling reads with it what a policy's expression comes to
    yield Grant("cloudwatch", ("GetMetricData",))


def _keys(environment: Environment) -> Iterator[Grant]:
    # *: KMS gives the ids. Creating a key makes whoever asks no user of it; its policy does.
    yield Grant("kms", _words(_KEYS))
    alias = f"arn:${{AWS::Partition}}:kms:{ACCOUNT}:alias/{environment.prefix}-*"
    yield Grant("kms", _words(_ALIASES), (alias, f"arn:${{AWS::Partition}}:kms:{ACCOUNT}:key/*"))
    yield Grant("logs", ("AssociateKmsKey", "DisassociateKmsKey"), _log_groups(environment))


def _origin(environment: Environment) -> Iterator[Grant]:
    """The secret header, which CloudFormation makes, and reads where a template refers to it; and the rule about it."""
    secret = names.origin_secret(environment.prefix, 1).removesuffix("1")
    yield Grant("secretsmanager", ("GetRandomPassword", "ListSecrets"))  # *: these calls know no resource
    yield Grant(
        "secretsmanager", _words(_SECRETS), (f"arn:${{AWS::Partition}}:secretsmanager:{ACCOUNT}:secret:{secret}*",)
    )
    balancers = "arn:${AWS::Partition}:elasticloadbalancing:" + ACCOUNT
    yield Grant(
        "elasticloadbalancing",
        _words(_RULES),
        tuple(f"{balancers}:{kind}/app/{environment.prefix}-*" for kind in ("listener", "listener-rule")),
    )


def _network(environment: Environment) -> Iterator[Grant]:
    # *: the ids of what is made are AWS's to give, so the region is the only limit that fits every call.
    actions: list[str] = []
    if environment.network.endpoints:
        actions += _words("CreateVpcEndpoint DeleteVpcEndpoints ModifyVpcEndpoint")
    if environment.network.flow_log_days is not None:
        actions += _words("CreateFlowLogs DeleteFlowLogs")
        yield Grant("logs", _words(_LOGS), (f"arn:${{AWS::Partition}}:logs:{ACCOUNT}:log-group:/vpc/*",))
    yield Grant("ec2", tuple(actions))


def _firewall(environment: Environment) -> Iterator[Grant]:
    acls = f"arn:${{AWS::Partition}}:wafv2:{ACCOUNT}:global"
    yield Grant("wafv2", ("ListLoggingConfigurations", "ListWebACLs"))  # *: these calls know no resource
    yield Grant("wafv2", _words(_ACLS), (f"{acls}/webacl/{environment.prefix}-*", f"{acls}/managedruleset/*"))
    yield Grant("logs", _words(_LOGS), (_waf_logs(environment),))
    # WAF lets itself into the log group as whoever asks for logging. *: deliveries and policies are the region's.
    yield Grant("logs", _words("CreateLogDelivery DeleteLogDelivery PutResourcePolicy DescribeResourcePolicies"))


def _backups(environment: Environment) -> Iterator[Grant]:
    yield Grant("backup", _words("ListBackupPlans ListBackupVaults CreateBackupPlan"))  # *: AWS Backup gives the ids
    yield Grant(
        "backup",
        _words(_BACKUPS),
        (
            f"arn:${{AWS::Partition}}:backup:{ACCOUNT}:backup-vault:{environment.prefix}-*",
            f"arn:${{AWS::Partition}}:backup:{ACCOUNT}:backup-plan:*",
        ),
    )
    yield Grant("backup-storage", ("MountCapsule",))  # *: this call knows no resource


def _visitor(environment: Environment) -> Iterator[Grant]:
    """The canary, and the function and layer that Synthetics makes for it as whoever asks."""
    name = names.visitor(environment.prefix)
    functions = f"arn:${{AWS::Partition}}:lambda:{ACCOUNT}"
    yield Grant("synthetics", ("DescribeCanaries",))  # *: this call knows no resource
    yield Grant("synthetics", _words(_VISITOR), (f"arn:${{AWS::Partition}}:synthetics:{ACCOUNT}:canary:{name}",))
    yield Grant(
        "lambda",
        _words(_FUNCTION),
        (
            *(f"{functions}:{kind}:cwsyn-{name}-*" for kind in ("function", "layer")),
            "arn:${AWS::Partition}:lambda:${AWS::Region}:*:layer:Synthetics*",  # *: AWS's own, of its accounts
        ),
    )
    buckets = f"arn:${{AWS::Partition}}:s3:::{environment.prefix}-*"
    yield Grant("s3", ("GetBucketLocation",), (buckets,), regional=False)


def _log_groups(environment: Environment) -> tuple[str, ...]:
    groups = f"arn:${{AWS::Partition}}:logs:{ACCOUNT}:log-group"
    return (*(f"{groups}:/{folder}/{environment.prefix}-*" for folder in ("ecs", "ec2", "vpc")), _waf_logs(environment))


def _waf_logs(environment: Environment) -> str:
    return f"arn:${{AWS::Partition}}:logs:{ACCOUNT}:log-group:aws-waf-logs-{environment.prefix}*"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_KEYS: Final = """
    CreateKey DescribeKey EnableKeyRotation GetKeyPolicy GetKeyRotationStatus ListResourceTags ListAliases
    PutKeyPolicy ScheduleKeyDeletion TagResource UntagResource UpdateKeyDescription EnableKey DisableKey
    DisableKeyRotation CreateGrant RetireGrant Decrypt GenerateDataKey
"""
_ALIASES: Final = "CreateAlias DeleteAlias UpdateAlias"
_SECRETS: Final = "CreateSecret DeleteSecret DescribeSecret GetSecretValue UpdateSecret TagResource UntagResource"
_RULES: Final = "CreateRule DeleteRule ModifyRule SetRulePriorities AddTags RemoveTags"
_LOGS: Final = """
    CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy GetDataProtectionPolicy
    ListTagsForResource TagResource UntagResource
"""
_ACLS: Final = """
    CreateWebACL DeleteWebACL GetWebACL UpdateWebACL ListTagsForResource TagResource UntagResource
    GetLoggingConfiguration PutLoggingConfiguration DeleteLoggingConfiguration
"""
_BACKUPS: Final = """
    CreateBackupVault DeleteBackupVault DescribeBackupVault GetBackupVaultAccessPolicy GetBackupVaultNotifications
    DeleteBackupPlan GetBackupPlan UpdateBackupPlan CreateBackupSelection DeleteBackupSelection GetBackupSelection
    ListBackupSelections ListTags TagResource UntagResource
"""
_SCALING: Final = """
    RegisterScalableTarget DeregisterScalableTarget DescribeScalableTargets DescribeScheduledActions
    PutScalingPolicy DeleteScalingPolicy DescribeScalingPolicies ListTagsForResource TagResource UntagResource
"""
_VISITOR: Final = """
    CreateCanary DeleteCanary GetCanary GetCanaryRuns StartCanary StartCanaryDryRun StopCanary UpdateCanary
    ListTagsForResource TagResource UntagResource
"""
_FUNCTION: Final = """
    CreateFunction DeleteFunction GetFunction GetFunctionConfiguration UpdateFunctionCode UpdateFunctionConfiguration
    AddPermission PublishVersion ListTags TagResource UntagResource
    GetLayerVersion PublishLayerVersion DeleteLayerVersion
"""
_BUDGETS: Final = "ModifyBudget ViewBudget ListTagsForResource TagResource UntagResource"
