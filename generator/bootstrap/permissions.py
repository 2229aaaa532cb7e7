"""What CloudFormation may do for us: the service role's permissions, service by service.

AWS publishes with each resource type the actions that its handlers call (`handlers.*.permissions` of the resource
schemas); cfn-lint carries those schemas. The lists below are these actions for the types that our stacks hold, without
what belongs to features that we do not use. A test compares both, so a new resource type in a template fails there,
with the actions to add, before it fails in the account.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from awacs.aws import Action, Allow, Condition, Statement, StringEquals
from troposphere import Region, Sub

from generator.model import names
from generator.model.environment import Environment

ACCOUNT: Final = "${AWS::Region}:${AWS::AccountId}"
_REGION: Final = ":${AWS::Region}:"
READING: Final = ("Describe", "Get", "List")
"""How the actions begin that change nothing."""

_CONTENTS: Final = ("ListBucket", "ListImages", "DescribeUserPoolClient", "GetSecretValue")
"""Actions that begin so and yet show what is kept rather than how it is set up; the last two, secrets."""


@dataclass(frozen=True)
class Grant:
    """Actions of one service on some of its resources."""

    service: str
    """The prefix of its actions, such as `ec2`."""
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)
    """ARNs, as text for `Fn::Sub`."""
    regional: bool = True
    """Refused in other regions than the stack's own."""

    def names(self) -> list[Action]:
        """The actions as IAM spells them."""
        return [Action(self.service, action) for action in self.actions]

    def statement(self) -> Statement:
        """The grant as IAM takes it."""
        return allow_on(self.names(), self.resources, self.regional)

    def reads(self) -> "Grant | None":
        """The part that changes nothing and shows settings only; None where there is none."""
        kept = tuple(action for action in self.actions if action.startswith(READING) and action not in _CONTENTS)
        return replace(self, actions=kept) if kept else None


def allow_on(actions: list[Action], resources: tuple[str, ...], regional: bool) -> Statement:
    """A statement about ARNs that are text for `Fn::Sub`, without a Sid: dozens of them would say nothing new.

    A `regional` one is refused in other regions: by its ARNs where all of them name the region, else by a condition.
    """
    wide = regional and not all(_REGION in arn for arn in resources)
    limits = {"Condition": Condition(StringEquals("aws:RequestedRegion", Region))} if wide else {}
    return Statement(
        Effect=Allow, Action=actions, Resource=[Sub(arn) if "${" in arn else arn for arn in resources], **limits
    )


def by_reach(grants: Iterable[Grant]) -> list[Statement]:
    """One statement for each reach rather than for each grant: a managed policy has 6,144 characters."""
    reaches: dict[tuple[tuple[str, ...], bool], dict[tuple[str, str], Action]] = {}
    for grant in grants:
        named = zip(grant.actions, grant.names(), strict=True)
        # What two settings ask for is granted once.
        reaches.setdefault((grant.resources, grant.regional), {}).update(
            {(grant.service, action): name for action, name in named}
        )
    return [allow_on([*actions.values()], resources, regional) for (resources, regional), actions in reaches.items()]


def network(environment: Environment) -> Iterator[Grant]:
    """VPC, instances, load balancer."""
    # *: the ids of what is made are AWS's to give, so the region is the only limit that fits every call.
    yield Grant("ec2", ("Describe*", *_words(_EC2)))
    prefix = environment.prefix
    balancers = "arn:${AWS::Partition}:elasticloadbalancing:" + ACCOUNT
    yield Grant("elasticloadbalancing", ("Describe*",))  # *: these calls know no resources
    yield Grant(
        "elasticloadbalancing",
        _words(_BALANCERS),
        tuple(
            f"{balancers}:{kind}/{prefix}-*"
            for kind in ("loadbalancer/app", "listener/app", "listener-rule/app", "targetgroup")
        ),
    )


def services(environment: Environment) -> Iterator[Grant]:
    """What runs the API: registry, cluster, logs, alarms."""
    prefix = environment.prefix
    ecs = "arn:${AWS::Partition}:ecs:" + ACCOUNT
    yield Grant("ecr", ("DescribeRepositories",))  # *: it is asked before the repository exists
    yield Grant(
        "ecr", _words(_REGISTRY), (f"arn:${{AWS::Partition}}:ecr:{ACCOUNT}:repository/{names.repository(prefix)}",)
    )
    # *: a cluster is created, and a task definition taken out of use, without naming one
    yield Grant("ecs", _words("CreateCluster RegisterTaskDefinition DeregisterTaskDefinition DescribeTaskDefinition"))
    yield Grant("ecs", _words("ListClusters ListServices ListTaskDefinitions ListServiceDeployments"))
    yield Grant(
        "ecs",
        _words(_ECS),
        (
            f"{ecs}:cluster/{names.cluster(prefix)}",
            f"{ecs}:service/{names.cluster(prefix)}/*",
            f"{ecs}:service-deployment/{names.cluster(prefix)}/*",
            f"{ecs}:task-definition/{prefix}-*",
        ),
    )
    yield Grant("logs", ("DescribeLogGroups", "DescribeIndexPolicies"))  # *: these calls know no resources
    yield Grant(
        "logs",
        _words(_LOGS),
        tuple(f"arn:${{AWS::Partition}}:logs:{ACCOUNT}:log-group:/{folder}/{prefix}-*" for folder in ("ecs", "ec2")),
    )
    yield Grant("cloudwatch", ("DescribeAlarms", "ListDashboards"))  # *: these calls know no resources
    yield Grant(
        "cloudwatch",
        _words(_WATCH),
        (
            f"arn:${{AWS::Partition}}:cloudwatch:{ACCOUNT}:alarm:{prefix}-*",
            f"arn:${{AWS::Partition}}:cloudwatch::${{AWS::AccountId}}:dashboard/{prefix}*",
        ),
    )
    yield Grant("sns", ("ListTopics",))  # *: this call knows no resource
    yield Grant("sns", _words(_TOPICS), (f"arn:${{AWS::Partition}}:sns:{ACCOUNT}:{prefix}-*",))


def storage(environment: Environment) -> Iterator[Grant]:
    """Buckets, table, queues, and the edge in front of the buckets. No contents: not one object, item or message."""
    prefix = environment.prefix
    yield Grant("s3", ("ListAllMyBuckets",), regional=False)  # *: this call knows no resource
    yield Grant("s3", _words(_BUCKETS), (f"arn:${{AWS::Partition}}:s3:::{prefix}-*",), regional=False)
    yield Grant("dynamodb", ("ListTables",))  # *: this call knows no resource
    yield Grant("dynamodb", _words(_TABLES), (f"arn:${{AWS::Partition}}:dynamodb:{ACCOUNT}:table/{prefix}-*",))
    yield Grant("sqs", ("ListQueues",))  # *: this call knows no resource
    yield Grant("sqs", _words(_QUEUES), (f"arn:${{AWS::Partition}}:sqs:{ACCOUNT}:{prefix}-*",))
    # *: CloudFront gives the ids, and lives in no region
    yield Grant("cloudfront", _words(_EDGE), regional=False)


def role_names(environment: Environment) -> tuple[str, ...]:
    """The roles that our stacks make."""
    return tuple(
        names.account_wide(environment, name)
        for name in (
            *("ecs-task-execution-role", "ecs-task-role", "model-server-role", "eraser-role"),
            *(["flow-log-role"] if environment.network.flow_log_days is not None else []),
            *(["backup-role"] if environment.jobs.backup_days is not None else []),
            *(["visitor-role"] if environment.alarms.visit_minutes is not None else []),
        )
    )


def role_arns(environment: Environment) -> tuple[str, ...]:
    """Their ARNs, as text for `Fn::Sub`."""
    return tuple(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/{name}" for name in role_names(environment))


def identity(environment: Environment) -> Iterator[Grant]:
    """Roles, and the box's profile, of exactly the names that our stacks use. Handing them on is `roles.hand_on`."""
    profiles = tuple(
        arn.replace(":role/", ":instance-profile/")
        for arn in role_arns(environment)
        if arn.endswith("model-server-role")
    )
    yield Grant("iam", ("ListRoles", "ListInstanceProfiles"), regional=False)  # *: these calls know no resources
    yield Grant("iam", _words(_ROLES), role_arns(environment), regional=False)
    yield Grant("iam", _words(_PROFILES), profiles, regional=False)


def sign_in(_: Environment) -> Iterator[Grant]:
    """The user pool: its settings, groups and clients. Nobody's account, no sign-in."""
    # *: these calls know no resource
    yield Grant("cognito-idp", ("CreateUserPool", "ListUserPools", "DescribeUserPoolDomain"))
    # *: Cognito gives the ids
    yield Grant("cognito-idp", _words(_POOLS), (f"arn:${{AWS::Partition}}:cognito-idp:{ACCOUNT}:userpool/*",))


def grants(environment: Environment) -> tuple[Grant, ...]:
    """Everything that the service role is granted by name of action."""
    parts = (network, services, storage, identity, sign_in)
    return tuple(grant for part in parts for grant in part(environment))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_EC2: Final = """
    CreateVpc DeleteVpc ModifyVpcAttribute CreateSubnet DeleteSubnet ModifySubnetAttribute
    CreateInternetGateway DeleteInternetGateway AttachInternetGateway DetachInternetGateway
    CreateNatGateway DeleteNatGateway AllocateAddress ReleaseAddress AssociateAddress DisassociateAddress
    CreateRouteTable DeleteRouteTable AssociateRouteTable DisassociateRouteTable ReplaceRouteTableAssociation
    CreateRoute DeleteRoute ReplaceRoute
    CreateSecurityGroup DeleteSecurityGroup AuthorizeSecurityGroupIngress AuthorizeSecurityGroupEgress
    RevokeSecurityGroupIngress RevokeSecurityGroupEgress
    UpdateSecurityGroupRuleDescriptionsIngress UpdateSecurityGroupRuleDescriptionsEgress
    CreateLaunchTemplate DeleteLaunchTemplate CreateLaunchTemplateVersion GetLaunchTemplateData
    RunInstances StartInstances StopInstances TerminateInstances ModifyInstanceAttribute
    ModifyInstanceMetadataOptions ModifyInstanceMaintenanceOptions ModifyInstancePlacement
    ModifyPrivateDnsNameOptions MonitorInstances UnmonitorInstances
    AssociateIamInstanceProfile DisassociateIamInstanceProfile ReplaceIamInstanceProfileAssociation
    CreateTags DeleteTags
"""
_BALANCERS: Final = """
    CreateLoadBalancer DeleteLoadBalancer ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets SetIpAddressType
    CreateListener DeleteListener ModifyListener ModifyListenerAttributes
    CreateTargetGroup DeleteTargetGroup ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets DeregisterTargets
    AddTags RemoveTags
"""
_REGISTRY: Final = """
    CreateRepository DeleteRepository PutImageScanningConfiguration PutImageTagMutability
    GetLifecyclePolicy GetRepositoryPolicy BatchDeleteImage ListImages
    ListTagsForResource TagResource UntagResource
"""
_ECS: Final = """
    DescribeClusters DeleteCluster UpdateCluster UpdateClusterSettings PutClusterCapacityProviders
    CreateService DeleteService DescribeServices UpdateService DescribeServiceDeployments StopServiceDeployment
    ListTagsForResource TagResource UntagResource
"""
_LOGS: Final = """
    CreateLogGroup DeleteLogGroup PutRetentionPolicy DeleteRetentionPolicy GetDataProtectionPolicy
    ListTagsForResource TagResource UntagResource
"""
_WATCH: Final = """
    PutMetricAlarm DeleteAlarms PutDashboard DeleteDashboards GetDashboard
    ListTagsForResource TagResource UntagResource
"""
_TOPICS: Final = """
    CreateTopic DeleteTopic GetTopicAttributes SetTopicAttributes GetDataProtectionPolicy
    Subscribe Unsubscribe ListSubscriptionsByTopic ListTagsForResource TagResource UntagResource
"""
# PutBucketAcl and GetBucketAcl: CloudFront's standard logging opens its log bucket by ACL, as whoever asks for it.
_BUCKETS: Final = """
    CreateBucket DeleteBucket ListBucket
    GetBucketPolicy PutBucketPolicy DeleteBucketPolicy GetBucketAcl PutBucketAcl
    GetBucketPublicAccessBlock PutBucketPublicAccessBlock GetBucketOwnershipControls PutBucketOwnershipControls
    GetEncryptionConfiguration PutEncryptionConfiguration GetBucketVersioning PutBucketVersioning
    GetLifecycleConfiguration PutLifecycleConfiguration GetBucketCORS PutBucketCORS
    GetBucketTagging PutBucketTagging ListTagsForResource TagResource UntagResource
    GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketLogging GetBucketNotification
    GetBucketObjectLockConfiguration GetBucketWebsite GetIntelligentTieringConfiguration GetInventoryConfiguration
    GetMetricsConfiguration GetReplicationConfiguration GetBucketMetadataTableConfiguration GetBucketAbac
"""
_TABLES: Final = """
    CreateTable DeleteTable UpdateTable DescribeTable DescribeTimeToLive UpdateTimeToLive
    DescribeContinuousBackups UpdateContinuousBackups DescribeContributorInsights UpdateContributorInsights
    DescribeKinesisStreamingDestination GetResourcePolicy ListTagsOfResource TagResource UntagResource
"""
_QUEUES: Final = """
    CreateQueue DeleteQueue GetQueueUrl GetQueueAttributes SetQueueAttributes ListQueueTags TagQueue UntagQueue
"""
_EDGE: Final = """
    CreateDistribution GetDistribution GetDistributionConfig UpdateDistribution
    DeleteDistribution ListDistributions
    CreateFunction GetFunction DescribeFunction UpdateFunction PublishFunction DeleteFunction ListFunctions
    CreateKeyGroup GetKeyGroup UpdateKeyGroup DeleteKeyGroup ListKeyGroups
    CreatePublicKey GetPublicKey UpdatePublicKey DeletePublicKey ListPublicKeys
    CreateOriginAccessControl GetOriginAccessControl UpdateOriginAccessControl DeleteOriginAccessControl
    CreateResponseHeadersPolicy GetResponseHeadersPolicy UpdateResponseHeadersPolicy DeleteResponseHeadersPolicy
    ListResponseHeadersPolicies ListOriginAccessControls ListTagsForResource TagResource UntagResource
"""
_POOLS: Final = """
    DeleteUserPool DescribeUserPool UpdateUserPool AddCustomAttributes GetUserPoolMfaConfig SetUserPoolMfaConfig
    CreateUserPoolClient DeleteUserPoolClient DescribeUserPoolClient UpdateUserPoolClient ListUserPoolClients
    CreateUserPoolDomain DeleteUserPoolDomain UpdateUserPoolDomain
    CreateGroup DeleteGroup GetGroup UpdateGroup ListGroups
    CreateResourceServer DeleteResourceServer DescribeResourceServer UpdateResourceServer ListResourceServers
    ListTagsForResource TagResource UntagResource
"""
_ROLES: Final = """
    CreateRole DeleteRole GetRole UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy TagRole UntagRole
    PutRolePolicy GetRolePolicy DeleteRolePolicy ListRolePolicies ListAttachedRolePolicies
    PutRolePermissionsBoundary DeleteRolePermissionsBoundary
"""
_PROFILES: Final = """
    CreateInstanceProfile DeleteInstanceProfile GetInstanceProfile AddRoleToInstanceProfile
    RemoveRoleFromInstanceProfile
"""
