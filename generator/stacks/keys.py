"""What is kept secret, and from whom: who may sign links to `/videos/*`; keys of our own; the header of the origin.

The private half of a signing key is never in a template, and the header's value is made by Secrets Manager.
"""

from troposphere import GetAtt, Ref, Template
from troposphere.cloudfront import KeyGroup, KeyGroupConfig, PublicKey, PublicKeyConfig
from troposphere.secretsmanager import GenerateSecretString, Secret

from generator.model import names
from generator.model.environment import Environment
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, literal
from generator.stacks.customer_keys import customer_keys


def keys(environment: Environment) -> Template:
    """One key in one group; KMS keys and secrets where the environment asks for them."""
    template = Template(Description=f"{environment.prefix}: key group of signed video links")
    pem = literal(template, "VideoPublicKeyPem", "The public key that video links are checked with, as PEM")
    key = template.add_resource(
        PublicKey(
            "VideoPublicKey",
            PublicKeyConfig=PublicKeyConfig(
                Name=f"{environment.prefix}-videos",
                # CloudFront lets nobody change a key in place: rotate by a second key in the group.
                CallerReference=f"{environment.prefix}-videos",
                EncodedKey=pem,
            ),
        )
    )
    group = template.add_resource(
        KeyGroup(
            "VideoKeyGroup",
            KeyGroupConfig=KeyGroupConfig(Name=f"{environment.prefix}-videos", Items=[Ref(key)]),
        )
    )
    if environment.hardening.customer_keys:
        customer_keys(template, environment)
    for generation in environment.load_balancer.origin_secrets:
        _origin_secret(template, environment, generation)
    give_out(template, VideoPublicKeyId=GetAtt(key, "Id"), VideoKeyGroupId=GetAtt(group, "Id"))
    return tagged(template, environment)


def _origin_secret(template: Template, environment: Environment, generation: int) -> None:
    """What CloudFront says to the load balancer in a header, so that nobody else's distribution can speak to it."""
    key = {"KmsKeyId": GetAtt("OperationKey", "Arn")} if environment.hardening.customer_keys else {}
    secret = template.add_resource(
        Secret(
            f"OriginSecret{generation}",
            Name=names.origin_secret(environment.prefix, generation),
            Description="The header by which the load balancer knows our distribution",
            GenerateSecretString=GenerateSecretString(PasswordLength=48, ExcludePunctuation=True),
            **key,
        )
    )
    give_out(template, **{f"OriginHeader{generation}Arn": Ref(secret)})
