"""What an environment demands of every resource of a type, put on from one place, so that no stack can forget it.

Role             the permissions boundary of the bootstrap stack
LogGroup, Topic  the key of our own for operation
LaunchTemplate   instance metadata for holders of a token only
"""

from typing import Final

from troposphere import Sub, Template
from troposphere.ec2 import LaunchTemplate, MetadataOptions
from troposphere.iam import Role
from troposphere.logs import LogGroup
from troposphere.sns import Topic

from generator.model.environment import Environment
from generator.parts.wiring import wired

ONE_HOP: Final = 1
"""The token reaches the instance and no container behind a bridge of it."""


def boundary_arn(environment: Environment) -> Sub:
    """The boundary's ARN by its name: it stands in the bootstrap stack, which no stack of ours is wired from."""
    return Sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{environment.prefix}-boundary")


def guarded(template: Template, environment: Environment) -> Template:
    """The template with what `environment.hardening` asks of each resource."""
    hardening = environment.hardening
    for resource in template.resources.values():
        match resource:
            case Role() if hardening.permissions_boundary:
                resource.PermissionsBoundary = boundary_arn(environment)
            case LogGroup() if "operation" in hardening.customer_keys:
                resource.KmsKeyId = wired(template, "OperationKeyArn")
            case Topic() if "operation" in hardening.customer_keys:
                resource.KmsMasterKeyId = wired(template, "OperationKeyArn")
            case LaunchTemplate() if hardening.imdsv2_only:
                resource.LaunchTemplateData.MetadataOptions = MetadataOptions(
                    HttpEndpoint="enabled", HttpTokens="required", HttpPutResponseHopLimit=ONE_HOP
                )
    return template
