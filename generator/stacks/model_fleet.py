"""A fleet of GPU boxes: an Auto Scaling group over all private subnets behind an internal load balancer.

Each box is a Ray of its own that serves the whole `serve.yaml` (docs/decisions/0008-fleet.md). It comes into service
when its agent says so, and goes when its agent has let it finish (services/ray_serve/reconciler/service.py):

    launch -> Pending:Wait -- agent: Serve is healthy --> InService -> balanced by outstanding requests
    going  -> deregistered, drained -> Terminating:Wait -- agent: nothing is under way --> gone

A change of the launch template is an instance refresh: some of the boxes at a time, a new one before an old one goes,
never fewer than `healthy_percent` of them in service.
"""

from math import ceil
from typing import Any, ClassVar, Final

import awacs.autoscaling as autoscaling_actions
import awacs.s3 as s3
from awacs.aws import Allow, Condition, Statement, StringEquals
from troposphere import AccountId, Base64, GetAtt, Join, Partition, Ref, Region, Sub, Tags, Template
from troposphere.autoscaling import (
    AutoScalingGroup,
    CustomizedMetricSpecification,
    InstanceMaintenancePolicy,
    InstancesDistribution,
    LaunchTemplateOverrides,
    LaunchTemplateSpecification,
    LifecycleHookSpecification,
    Metric,
    MetricDimension,
    MetricsCollection,
    MixedInstancesPolicy,
    ScalingPolicy,
    TargetTrackingConfiguration,
    TargetTrackingMetricDataQuery,
    TargetTrackingMetricStat,
    WarmPool,
)
from troposphere.autoscaling import LaunchTemplate as GroupLaunchTemplate
from troposphere.autoscaling import Tags as GroupTags
from troposphere.ec2 import (
    IamInstanceProfile,
    LaunchTemplate,
    LaunchTemplateBlockDeviceMapping,
    LaunchTemplateData,
    MetadataOptions,
    Monitoring,
    SecurityGroup,
    SecurityGroupEgress,
    SecurityGroupIngress,
    SecurityGroupRule,
    TagSpecifications,
)
from troposphere.elasticloadbalancingv2 import (
    Action,
    Listener,
    LoadBalancer,
    Matcher,
    TargetGroup,
    TargetGroupAttribute,
)
from troposphere.iam import InstanceProfile, Policy, Role
from troposphere.policies import PropsDictType, UpdatePolicy

from generator.model import names
from generator.model.environment import Environment, Fleet
from generator.parts.load_balancers import balancer_attributes
from generator.parts.policies import allow, inline, objects
from generator.parts.ports import MODEL_SERVER_PORT
from generator.parts.tags import name_tag, owner_tags, tagged
from generator.parts.user_data import user_data
from generator.parts.wiring import give_out, literal, wired, wired_each

READY_HOOK: Final = "ready"
DRAINED_HOOK: Final = "drained"
"""The hooks' names, which the agent knows (services/ray_serve/reconciler/service.py)."""
_START_SECONDS: Final = 3600
"""A box that is not ready by then is given up: its first start installs the Python environment with CUDA."""
_IDLE_SECONDS: Final = 300
"""A reading tells its progress far more often than the load balancer gives a silent connection up."""


class _InstanceRefresh(UpdatePolicy):  # type: ignore[misc]  # troposphere is untyped here
    """The update policy that troposphere does not know yet; cfn-lint does."""

    props: ClassVar[PropsDictType] = {**UpdatePolicy.props, "AutoScalingInstanceRefresh": (dict, True)}


def fleet(
    template: Template,
    environment: Environment,
    settings: Fleet,
    role: Role,
    profile: InstanceProfile,
    device: LaunchTemplateBlockDeviceMapping,
) -> Template:
    """Fill the model server's template with a fleet; its role and profile are there already."""
    launch = _launch_template(template, environment, settings, profile, device)
    balancer, targets = _balancer(template, environment, settings)
    role.Policies = [*role.Policies, _member(template, environment)]
    give_out(
        template,
        ModelServerDnsName=GetAtt(balancer, "DNSName"),
        ModelServerBalancerFullName=GetAtt(balancer, "LoadBalancerFullName"),
        ModelServerTargetGroupFullName=GetAtt(targets, "TargetGroupFullName"),
        ModelServerGroupName=names.model_group(environment.prefix),
    )
    tagged(template, environment)
    # After the others: a group's tags say whether its boxes get them too, in a form of their own.
    _group(template, environment, settings, launch, targets)
    return template


def _launch_template(
    template: Template,
    environment: Environment,
    settings: Fleet,
    profile: InstanceProfile,
    device: LaunchTemplateBlockDeviceMapping,
) -> LaunchTemplate:
    server = environment.model_server
    tags = name_tag(environment, "model-server") + owner_tags(environment)
    return template.add_resource(
        LaunchTemplate(
            "FleetLaunchTemplate",
            LaunchTemplateData=LaunchTemplateData(
                ImageId=literal(
                    template,
                    "ModelServerImageId",
                    f"What {server.image_parameter} resolved to",
                    "AWS::EC2::Image::Id",
                ),
                InstanceType=settings.instance_types[0],
                IamInstanceProfile=IamInstanceProfile(Arn=GetAtt(profile, "Arn")),
                SecurityGroupIds=[wired(template, "ModelServerSecurityGroupId")],
                BlockDeviceMappings=[device],
                Monitoring=Monitoring(Enabled=False),
                # The box decodes videos from strangers: whoever makes it fetch an address gets no credentials.
                MetadataOptions=MetadataOptions(
                    HttpEndpoint="enabled", HttpTokens="required", HttpPutResponseHopLimit=1
                ),
                UserData=Base64(_user_data(template, environment)),
                TagSpecifications=[TagSpecifications(ResourceType=kind, Tags=tags) for kind in ("instance", "volume")],
                **({"KeyName": server.key_name} if server.key_name else {}),
            ),
            TagSpecifications=[TagSpecifications(ResourceType="launch-template", Tags=owner_tags(environment))],
        )
    )


def _user_data(template: Template, environment: Environment) -> Sub:
    wired(template, "ArtifactsBucketName")
    return Sub(user_data(names.model_group(environment.prefix)), Environment=environment.name)


def _balancer(template: Template, environment: Environment, settings: Fleet) -> tuple[LoadBalancer, TargetGroup]:
    api, boxes = wired(template, "EcsSecurityGroupId"), wired(template, "ModelServerSecurityGroupId")
    group = template.add_resource(
        SecurityGroup(
            "ModelBalancerSecurityGroup",
            GroupDescription="Load balancer of the GPU boxes: API tasks",
            VpcId=wired(template, "VpcId"),
            SecurityGroupIngress=[_rule(SourceSecurityGroupId=api)],
            SecurityGroupEgress=[_rule(DestinationSecurityGroupId=boxes)],
            Tags=name_tag(environment, "model-balancer-sg"),
        )
    )
    template.add_resource(
        SecurityGroupIngress(
            "ModelServerIngressFromBalancer", GroupId=boxes, **_ports(SourceSecurityGroupId=Ref(group))
        )
    )
    template.add_resource(
        SecurityGroupEgress("EcsEgressToModelBalancer", GroupId=api, **_ports(DestinationSecurityGroupId=Ref(group)))
    )
    balancer = template.add_resource(
        LoadBalancer(
            "ModelBalancer",
            Name=names.model_balancer(environment.prefix),
            Type="application",
            Scheme="internal",
            IpAddressType="ipv4",
            Subnets=_subnets(template, environment),
            SecurityGroups=[Ref(group)],
            LoadBalancerAttributes=balancer_attributes(
                {
                    "idle_timeout.timeout_seconds": str(_IDLE_SECONDS),
                    "routing.http.drop_invalid_header_fields.enabled": True,
                    "deletion_protection.enabled": environment.load_balancer.deletion_protection,
                    "access_logs.s3.enabled": True,
                    "access_logs.s3.bucket": wired(template, "AlbLogsBucketName"),
                }
            ),
        )
    )
    targets = template.add_resource(
        TargetGroup(
            "ModelTargetGroup",
            Name=names.model_target_group(environment.prefix),
            TargetType="instance",
            Protocol="HTTP",
            ProtocolVersion="HTTP1",
            Port=MODEL_SERVER_PORT,
            VpcId=wired(template, "VpcId"),
            HealthCheckPath="/-/healthz",  # Serve's own: the proxy answers
            HealthCheckIntervalSeconds=10,
            HealthCheckTimeoutSeconds=5,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=3,
            Matcher=Matcher(HttpCode="200"),
            TargetGroupAttributes=[
                TargetGroupAttribute(Key=key, Value=value)
                for key, value in (
                    # A reading takes seconds and another minutes: what counts is who has fewest under way.
                    ("load_balancing.algorithm.type", "least_outstanding_requests"),
                    ("deregistration_delay.timeout_seconds", str(settings.drain_seconds)),
                )
            ],
        )
    )
    template.add_resource(
        Listener(
            "ModelListener",
            LoadBalancerArn=Ref(balancer),
            Port=MODEL_SERVER_PORT,
            Protocol="HTTP",
            DefaultActions=[Action(Type="forward", TargetGroupArn=Ref(targets))],
        )
    )
    return balancer, targets


def _group(
    template: Template, environment: Environment, settings: Fleet, launch: LaunchTemplate, targets: TargetGroup
) -> None:
    called = names.model_group(environment.prefix)
    version = LaunchTemplateSpecification(LaunchTemplateId=Ref(launch), Version=GetAtt(launch, "LatestVersionNumber"))
    group = template.add_resource(
        AutoScalingGroup(
            "Fleet",
            AutoScalingGroupName=called,
            MinSize=settings.minimum,
            MaxSize=settings.maximum,
            VPCZoneIdentifier=_subnets(template, environment),
            TargetGroupARNs=[Ref(targets)],
            HealthCheckType="ELB",
            HealthCheckGracePeriod=_IDLE_SECONDS,
            # A box in service is warm: its agent kept it back until Serve was healthy.
            DefaultInstanceWarmup=60,
            LifecycleHookSpecificationList=[
                LifecycleHookSpecification(
                    LifecycleHookName=READY_HOOK,
                    LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING",
                    HeartbeatTimeout=_START_SECONDS,
                    DefaultResult="ABANDON",
                ),
                LifecycleHookSpecification(
                    LifecycleHookName=DRAINED_HOOK,
                    LifecycleTransition="autoscaling:EC2_INSTANCE_TERMINATING",
                    HeartbeatTimeout=settings.drain_seconds + 60,
                    DefaultResult="CONTINUE",
                ),
            ],
            MetricsCollection=[MetricsCollection(Granularity="1Minute")],
            # What holds for a refresh and for a box that is replaced because it fails.
            InstanceMaintenancePolicy=InstanceMaintenancePolicy(
                MinHealthyPercentage=settings.healthy_percent, MaxHealthyPercentage=_most_percent(settings)
            ),
            UpdatePolicy=_InstanceRefresh(AutoScalingInstanceRefresh={"Strategy": "Rolling"}),
            Tags=GroupTags(
                # The launch template tags the boxes.
                **{tag["Key"]: (tag["Value"], False) for tag in _tags(owner_tags(environment))}
            ),
            **_which_boxes(settings, version),
        )
    )
    if settings.warm:
        template.add_resource(
            WarmPool("FleetWarmPool", AutoScalingGroupName=Ref(group), MinSize=settings.warm, PoolState="Stopped")
        )
    template.add_resource(
        ScalingPolicy(
            "FleetFollowsTheQueue",
            AutoScalingGroupName=Ref(group),
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration=TargetTrackingConfiguration(
                TargetValue=settings.waiting_per_box,
                CustomizedMetricSpecification=CustomizedMetricSpecification(Metrics=_waiting_per_box(template, called)),
            ),
        )
    )


def _most_percent(settings: Fleet) -> int:
    """Room for one more box: without it a small group would fall below `healthy_percent` while it is refreshed.

    The two percentages may lie 100 apart (InstanceMaintenancePolicy, Auto Scaling API reference).
    """
    return min(100 + ceil(100 / settings.minimum), 100 + settings.healthy_percent)


def _which_boxes(settings: Fleet, version: LaunchTemplateSpecification) -> dict[str, Any]:
    """The launch template alone where all boxes are of one kind (a warm pool asks for that), else a mixture."""
    if len(settings.instance_types) == 1 and not settings.spot_percent:
        return {"LaunchTemplate": version}
    return {
        "CapacityRebalance": settings.spot_percent
        > 0,  # a new box before Spot takes one back, where AWS sees it coming
        "MixedInstancesPolicy": MixedInstancesPolicy(
            InstancesDistribution=InstancesDistribution(
                OnDemandBaseCapacity=settings.on_demand,
                OnDemandPercentageAboveBaseCapacity=100 - settings.spot_percent,
                OnDemandAllocationStrategy="prioritized",
                SpotAllocationStrategy="price-capacity-optimized",
            ),
            LaunchTemplate=GroupLaunchTemplate(
                LaunchTemplateSpecification=version,
                Overrides=[LaunchTemplateOverrides(InstanceType=kind) for kind in settings.instance_types],
            ),
        ),
    }


def _waiting_per_box(template: Template, group: str) -> list[TargetTrackingMetricDataQuery]:
    """Videos in the queue for each box in service. What boxes have in work is not waiting."""
    queue = wired(template, "JobsQueueName")

    def measured(name: str, namespace: str, metric: str, dimension: str, value: Any, stat: str) -> Any:
        return TargetTrackingMetricDataQuery(
            Id=name,
            MetricStat=TargetTrackingMetricStat(
                Metric=Metric(
                    Namespace=namespace, MetricName=metric, Dimensions=[MetricDimension(Name=dimension, Value=value)]
                ),
                Stat=stat,
            ),
            ReturnData=False,
        )

    return [
        measured("waiting", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, "Average"),
        measured("boxes", "AWS/AutoScaling", "GroupInServiceInstances", "AutoScalingGroupName", group, "Average"),
        # While the first box is on its way there is none to divide by.
        TargetTrackingMetricDataQuery(Id="each", Expression="waiting / IF(boxes < 1, 1, boxes)", ReturnData=True),
    ]


def _member(template: Template, environment: Environment) -> Policy:
    """What a box may do besides: say that it is ready, or drained, and read what the others report."""
    called = names.model_group(environment.prefix)
    # *: the group's id, which only Auto Scaling knows; its name follows
    group = Join("", ["arn:", Partition, ":autoscaling:", Region, ":", AccountId, ":autoScalingGroup:*"])
    artifacts, reports = wired(template, "ArtifactsBucketArn"), f"observed/{environment.name}/boxes/"
    return inline(
        "fleet-member",
        allow(
            "CompleteOwnHooks",
            [autoscaling_actions.CompleteLifecycleAction],
            [Join("", [group, f":autoScalingGroupName/{called}"])],
        ),
        allow("ReadReports", [s3.GetObject], [objects(artifacts, reports)]),
        Statement(
            Sid="ListReports",
            Effect=Allow,
            Action=[s3.ListBucket],
            Resource=[artifacts],
            Condition=Condition(StringEquals("s3:prefix", reports)),
        ),
    )


def _subnets(template: Template, environment: Environment) -> list[Ref]:
    return wired_each(template, "PrivateSubnet{}Id", len(environment.network.private_subnets))


def _ports(**ends: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": MODEL_SERVER_PORT, "ToPort": MODEL_SERVER_PORT, **ends}


def _rule(**ends: Any) -> SecurityGroupRule:
    return SecurityGroupRule(**_ports(**ends))


def _tags(tags: Tags) -> list[dict[str, str]]:
    return tags.to_dict()  # type: ignore[no-any-return]
