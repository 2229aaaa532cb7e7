"""What a GPU box may beside IAM-3 where the environment asks for it: use the videos' key, open a shell to operators."""

import awacs.ssm as ssm
import awacs.ssmmessages as ssmmessages
from troposphere import Template
from troposphere.iam import Policy

from generator.model.environment import Environment
from generator.parts.policies import allow, inline, use_keys
from generator.parts.wiring import wired


def box_guards(template: Template, environment: Environment) -> list[Policy]:
    """The policies to add to the box's role."""
    policies = []
    if environment.hardening.customer_keys:
        policies.append(inline("keys", use_keys(["s3"], [wired(template, "VideosKeyArn")])))
    if environment.model_server.session_manager:
        policies.append(
            inline(  # AmazonSSMManagedInstanceCore, without its parameters and documents
                "session-manager",
                allow(
                    "OpenShells",
                    [
                        ssm.UpdateInstanceInformation,
                        ssmmessages.CreateControlChannel,
                        ssmmessages.CreateDataChannel,
                        ssmmessages.OpenControlChannel,
                        ssmmessages.OpenDataChannel,
                    ],
                    ["*"],  # *: these calls know no resources
                ),
            )
        )
    return policies
