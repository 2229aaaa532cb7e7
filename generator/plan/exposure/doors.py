"""Doors to the public: the scales of what anyone on the internet can reach or read, but for routes and CloudFront."""

from collections.abc import Iterator
from typing import Any, Final

from generator.plan.exposure.scales import Level, Properties, Scale, flag, opening, present
from generator.plan.exposure.services import listed
from generator.plan.exposure.sides import Sides
from generator.plan.exposure.world import each, get, is_true
from generator.plan.facts import Direction, Exposure, ExposureKind

NETWORK, PUBLIC, PERMISSION = ExposureKind.NETWORK, ExposureKind.PUBLIC, ExposureKind.PERMISSION

BLOCKS: Final = {
    "BlockPublicAcls": "new public ACLs",
    "IgnorePublicAcls": "the effect of public ACLs",
    "BlockPublicPolicy": "public bucket policies",
    "RestrictPublicBuckets": "strangers where the policy is public",
}
"""The four settings of S3's public access block, and what each of them blocks."""

_ACLS: Final = {
    "PublicReadWrite": Level(0, "lets anyone read and write its objects (ACL PublicReadWrite)"),
    "PublicRead": Level(1, "lets anyone read its objects (ACL PublicRead)"),
    "AuthenticatedRead": Level(2, "lets anyone with an AWS account read its objects (ACL AuthenticatedRead)"),
}


def found(both: Sides) -> Iterator[Exposure]:
    """Public access blocks weakened or strengthened; one sentence for a bucket."""
    for place, old, new in both.differing({"AWS::S3::Bucket"}):
        was = _blocks(both.before.properties(place, old)) if old else dict.fromkeys(BLOCKS, 1)
        now = _blocks(both.after.properties(place, new)) if new else dict.fromkeys(BLOCKS, 1)
        new_or_gone = old is None or new is None
        for direction, here, there in ((Direction.WIDENED, was, now), (Direction.NARROWED, now, was)):
            # A bucket that comes or goes counts where it says less than S3 does by itself, not where it repeats it.
            weaker = [
                what for key, what in BLOCKS.items() if there[key] < (min(here[key], 1) if new_or_gone else here[key])
            ]
            if weaker:
                verb = "no longer blocks" if direction is Direction.WIDENED else "now blocks"
                yield Exposure(*place, PUBLIC, direction, f"{place[1]} {verb} {listed(weaker)}")


def _blocks(properties: Properties) -> dict[str, int]:
    """Of each setting: 2 on, 1 not said (a new bucket has it on, one from which it is taken has it off), 0 off."""
    given = properties.get("PublicAccessBlockConfiguration")
    if given is None:
        return dict.fromkeys(BLOCKS, 1)
    return {key: 2 if is_true(get(given, key)) else 0 for key in BLOCKS}


def _acl(properties: Properties) -> Level:
    given = properties.get("AccessControl")
    return _ACLS.get(given, Level(3, "has no public ACL")) if isinstance(given, str) else Level(3, "has no public ACL")


def _website(properties: Properties) -> Level:
    on = "WebsiteConfiguration" in properties
    return Level(0, "serves a website over plain HTTP") if on else Level(1, "serves no website")


def _scheme(properties: Properties) -> Level:
    inside = properties.get("Scheme") == "internal"
    return Level(1, "is internal") if inside else Level(0, "faces the internet (internet-facing)")


def _public_address(some: Any) -> Level | None:
    interfaces = [one for one in each(some) if get(one, "AssociatePublicIpAddress") is not None]
    if not interfaces:
        return None
    on = any(is_true(get(one, "AssociatePublicIpAddress")) for one in interfaces)
    return Level(0, "has a public IP address") if on else Level(1, "has no public IP address")


def _instance(properties: Properties) -> Level:
    data = properties.get("LaunchTemplateData", properties)
    return _public_address(get(data, "NetworkInterfaces")) or Level(1, "asks for no public IP address")


def _tasks(properties: Properties) -> Level | None:
    config = get(properties, "NetworkConfiguration", "AwsvpcConfiguration")
    if config is None:
        return None
    on = get(config, "AssignPublicIp") == "ENABLED"
    return Level(0, "gives its tasks public IP addresses") if on else Level(1, "gives its tasks no public IP addresses")


def _metadata(properties: Properties) -> Level:
    data = properties.get("LaunchTemplateData", properties)
    required = get(data, "MetadataOptions", "HttpTokens") == "required"
    how = "only with a token (IMDSv2)" if required else "without a token (IMDSv1)"
    return Level(int(required), f"gives out its role's credentials {how}")


def _listener(properties: Properties) -> Level | None:
    protocol = properties.get("Protocol")
    if protocol not in ("HTTP", "HTTPS"):
        return None
    actions = list(each(properties.get("DefaultActions")))
    redirects = actions and all(get(action, "RedirectConfig", "Protocol") == "HTTPS" for action in actions)
    port = properties.get("Port")
    if protocol == "HTTPS":
        return Level(1, f"takes HTTPS on port {port}")
    if redirects:
        return Level(1, f"sends HTTP on port {port} on to HTTPS")
    return Level(0, f"serves plain HTTP on port {port}")


def _sign_in(properties: Properties) -> Level:
    actions = each(properties.get("DefaultActions", properties.get("Actions")))
    asks = any(str(get(action, "Type")).startswith(("authenticate-", "jwt-")) for action in actions)
    return Level(int(asks), "asks callers to sign in" if asks else "asks nobody to sign in")


def _function_url(properties: Properties) -> Level:
    signed = properties.get("AuthType") == "AWS_IAM"
    return Level(1, "answers signed requests only") if signed else Level(0, "answers anyone (AuthType NONE)")


def _method(properties: Properties) -> Level:
    kind = properties.get("AuthorizationType", "NONE")
    return Level(0, "answers anyone") if kind == "NONE" else Level(1, f"asks for authorization ({kind})")


_PUBLIC_DATABASE = opening("has a public address", "has no public address", "PubliclyAccessible")

SCALES: Final = (
    Scale(("AWS::S3::Bucket",), PUBLIC, _acl, expected=3),
    Scale(("AWS::S3::Bucket",), PUBLIC, _website, expected=1),
    Scale(("AWS::ElasticLoadBalancingV2::LoadBalancer",), NETWORK, _scheme, expected=1),
    Scale(
        ("AWS::EC2::Subnet",),
        NETWORK,
        opening("gives new instances public IP addresses", "gives no public IP addresses", "MapPublicIpOnLaunch"),
        expected=1,
    ),
    Scale(("AWS::EC2::Instance", "AWS::EC2::LaunchTemplate"), NETWORK, _instance, expected=1),
    Scale(("AWS::EC2::Instance", "AWS::EC2::LaunchTemplate"), PERMISSION, _metadata),
    Scale(("AWS::ECS::Service",), NETWORK, _tasks, expected=1),
    Scale(
        ("AWS::RDS::DBInstance", "AWS::Redshift::Cluster", "AWS::DMS::ReplicationInstance", "AWS::AmazonMQ::Broker"),
        NETWORK,
        _PUBLIC_DATABASE,
        expected=1,
    ),
    Scale(
        ("AWS::EKS::Cluster",),
        NETWORK,
        opening(
            "has its API on the internet",
            "has its API inside the VPC only",
            "ResourcesVpcConfig",
            "EndpointPublicAccess",
            default=True,
        ),
    ),
    Scale(
        ("AWS::EC2::EIP",),
        NETWORK,
        lambda properties: (
            Level(0, "gives an instance a public IP address")
            if "InstanceId" in properties
            else Level(1, "is given to no instance")
        ),
        expected=1,
    ),
    Scale(
        ("AWS::EC2::EIPAssociation",),
        NETWORK,
        lambda _: Level(0, "gives an instance or interface a public IP address"),
        expected=1,
    ),
    Scale(("AWS::ElasticLoadBalancingV2::Listener",), NETWORK, _listener, expected=1),
    Scale(
        ("AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerRule"),
        PUBLIC,
        _sign_in,
    ),
    Scale(("AWS::Lambda::Url",), PUBLIC, _function_url, expected=1),
    Scale(("AWS::ApiGateway::Method", "AWS::ApiGatewayV2::Route"), PUBLIC, _method, expected=1),
    Scale(
        ("AWS::CloudFront::Distribution",),
        NETWORK,
        present("is behind a web ACL", "is behind no web ACL", "DistributionConfig", "WebACLId"),
    ),
    Scale(
        ("AWS::CloudFront::Distribution",),
        NETWORK,
        opening("answers viewers", "is switched off", "DistributionConfig", "Enabled"),
    ),
    Scale(
        ("AWS::Cognito::UserPool",),
        PUBLIC,
        flag(
            "lets only administrators add users",
            "lets anyone sign up",
            "AdminCreateUserConfig",
            "AllowAdminCreateUserOnly",
        ),
    ),
)
