"""Who may sign links to `/videos/*`: a public key and the group that the distribution trusts."""

from troposphere import GetAtt, Ref, Template
from troposphere.cloudfront import KeyGroup, KeyGroupConfig, PublicKey, PublicKeyConfig

from generator.model import names
from generator.model.environment import Environment, video_key_parameter
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, literal


def keys(environment: Environment) -> Template:
    """Every generation of the key in one group. A private half is never in a template."""
    template = Template(Description=f"{environment.prefix}: key group of signed video links")
    made = [_public_key(template, environment, generation) for generation in environment.cdn.video_keys]
    group = template.add_resource(
        KeyGroup(
            "VideoKeyGroup",
            KeyGroupConfig=KeyGroupConfig(Name=f"{environment.prefix}-videos", Items=[Ref(key) for key in made]),
        )
    )
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
