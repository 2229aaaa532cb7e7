"""Who may sign links to `/videos/*`: a public key and the group that the distribution trusts."""

from troposphere import GetAtt, Ref, Template
from troposphere.cloudfront import KeyGroup, KeyGroupConfig, PublicKey, PublicKeyConfig

from generator.model.environment import Environment
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, literal


def keys(environment: Environment) -> Template:
    """One key in one group. Its private half is never in a template."""
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
    give_out(template, VideoPublicKeyId=GetAtt(key, "Id"), VideoKeyGroupId=GetAtt(group, "Id"))
    return tagged(template, environment)
