"""What a fleet of GPU boxes adds to the account's roles; nothing where an environment has one box."""

from collections.abc import Iterator

import awacs.autoscaling as autoscaling
from awacs.aws import Statement
from troposphere import Sub

from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import allow


def own_group(environment: Environment) -> str:
    """The ARN of the environment's Auto Scaling group, as text for `Fn::Sub`."""
    # *: the group's id, which only Auto Scaling knows
    group = "arn:${AWS::Partition}:autoscaling:${AWS::Region}:${AWS::AccountId}:autoScalingGroup:*"
    return f"{group}:autoScalingGroupName/{names.model_group(environment.prefix)}"


def at_most(environment: Environment) -> Iterator[Statement]:
    """For the permissions boundary: a box says that it is ready, or drained."""
    if environment.model_server.fleet:
        yield allow("Fleet", [autoscaling.CompleteLifecycleAction], [Sub(own_group(environment))])


def linked_services(environment: Environment) -> tuple[str, ...]:
    """Services whose own role in the account the first fleet makes."""
    fleet = environment.model_server.fleet
    if fleet is None:
        return ()
    return ("autoscaling.amazonaws.com", *(["spot.amazonaws.com"] if fleet.spot_percent else []))


GROUP_ACTIONS = (
    *("CreateAutoScalingGroup", "UpdateAutoScalingGroup", "DeleteAutoScalingGroup"),
    *("AttachLoadBalancerTargetGroups", "DetachLoadBalancerTargetGroups", "AttachTrafficSources"),
    *("DetachTrafficSources", "PutLifecycleHook", "DeleteLifecycleHook", "EnableMetricsCollection"),
    *("DisableMetricsCollection", "StartInstanceRefresh", "CancelInstanceRefresh", "SuspendProcesses"),
    *("ResumeProcesses", "CreateOrUpdateTags", "DeleteTags", "PutScalingPolicy", "DeletePolicy"),
    *("PutWarmPool", "DeleteWarmPool"),
)
"""What the service role does with the group, its policies and its warm pool."""
