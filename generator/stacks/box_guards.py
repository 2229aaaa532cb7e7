"""What a GPU box may beside IAM-3 where the environment asks for it: use the videos' key, open a shell to operators,
tell how busy its GPUs are."""

import awacs.ssm as ssm
import awacs.ssmmessages as ssmmessages
from troposphere import Template
from troposphere.iam import Policy

from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import allow, inline, tell_metrics, use_keys
from generator.parts.wiring import wired


def box_guards(template: Template, environment: Environment) -> list[Policy]:
    """The policies to add to the box's role."""
    policies = []
    if "videos" in environment.hardening.customer_keys:
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
    if environment.alarms.gpu_busy_percent is not None or environment.alarms.gpu_idle_hours is not None:
        policies.append(inline("metrics", tell_metrics(names.metrics(environment.prefix))))
    return policies
