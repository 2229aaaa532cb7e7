"""What is kept secret, and from whom: who may sign links to `/videos/*`; keys of our own; the header of the origin.

The private half of a signing key is never in a template, and the header's value is made by Secrets Manager.
"""

from troposphere import GetAtt, Ref, Template
from troposphere.cloudfront import KeyGroup, KeyGroupConfig, PublicKey, PublicKeyConfig
from troposphere.secretsmanager import GenerateSecretString, Secret

from generator.model import names
from generator.model.environment import Environment, video_key_parameter
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, literal
from generator.stacks.customer_keys import customer_keys


def keys(environment: Environment) -> Template:
    """Every generation of the key in one group; KMS keys and secrets where the environment asks for them."""
    template = Template(Description=f"{environment.prefix}: key group of signed video links")
    made = [_public_key(template, environment, generation) for generation in environment.cdn.video_keys]
    group = template.add_resource(
        KeyGroup(
            "VideoKeyGroup",
            KeyGroupConfig=KeyGroupConfig(Name=f"{environment.prefix}-videos", Items=[Ref(key) for key in made]),
        )
    )
    customer_keys(template, environment)
    for generation in environment.load_balancer.origin_secrets:
        _origin_secret(template, environment, generation)
    give_out(template, VideoPublicKeyId=GetAtt(made[0], "Id"), VideoKeyGroupId=GetAtt(group, "Id"))
    return tagged(template, environment)


def _public_key(template: Template, environment: Environment, generation: int) -> PublicKey:
    parameter, name = video_key_parameter(generation), names.video_key(environment.prefix, generation)
    pem = literal(template, parameter, "The public key that video links are checked with, as PEM")
    return template.add_resource(
        PublicKey(
            parameter.removesuffix("Pem"),
            # CloudFront lets nobody change a key in place: a rotation is another key in the group.
            PublicKeyConfig=PublicKeyConfig(Name=name, CallerReference=name, EncodedKey=pem),
        )
    )


def _origin_secret(template: Template, environment: Environment, generation: int) -> None:
    """What CloudFront says to the load balancer in a header, so that nobody else's distribution can speak to it."""
    key = {"KmsKeyId": GetAtt("OperationKey", "Arn")} if "operation" in environment.hardening.customer_keys else {}
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
