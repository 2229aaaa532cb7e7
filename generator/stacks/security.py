"""The security groups (SG-*).

The API's group and the model server's name each other. Rules inside the groups would be a circle that CloudFormation
refuses, so the rules between groups are resources of their own (SG-4).
"""

from troposphere import GetAtt, Template
from troposphere.ec2 import SecurityGroup, SecurityGroupEgress, SecurityGroupIngress, SecurityGroupRule

from generator.model.environment import Environment
from generator.parts.ports import API_PORT, MODEL_SERVER_PORT
from generator.parts.tags import name_tag, tagged
from generator.parts.wiring import give_out, literal, wired

HTTP, HTTPS, SSH = 80, 443, 22

ANYWHERE = "0.0.0.0/0"
ALL = SecurityGroupRule(IpProtocol="-1", CidrIp=ANYWHERE, Description="All")
# Without a rule of its own EC2 would give the group one that allows everything, beside those that stand alone.
NOTHING = SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="Nothing else")
AWS_AND_PACKAGES = SecurityGroupRule(
    IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp=ANYWHERE, Description="AWS, the sign-in and packages, over TLS"
)


def security(environment: Environment) -> Template:
    """Three groups: load balancer, API tasks, model server. Each is reached narrowly, and reaches out as it may.

    Name resolution, clock and credentials are the VPC's own and pass no group.
    """
    template = Template(Description=f"{environment.prefix}: security groups")
    load_balancer = _group(
        template,
        environment,
        "Alb",
        "alb-sg",
        "Load balancer: web traffic",
        [_from_cidr(port, cidr) for port in (HTTP, HTTPS) for cidr in environment.security.http_cidrs]
        + _from_cloudfront(template, environment),
        NOTHING,
    )
    api = _group(
        template, environment, "Ecs", "ecs-sg", "API tasks: load balancer and model server", [], AWS_AND_PACKAGES
    )
    model_server = _group(
        template,
        environment,
        "ModelServer",
        "model-server-sg",
        # A group's description cannot be changed: it goes on naming SSH where that is closed.
        "Model server: API tasks and SSH",
        [_from_cidr(SSH, cidr) for cidr in environment.security.ssh_cidrs],
        AWS_AND_PACKAGES,
    )
    _between(template, "EcsIngressFromAlb", load_balancer, api, API_PORT)
    _between(template, "EcsIngressFromModelServer", model_server, api, API_PORT)
    _between(template, "ModelServerIngressFromEcs", api, model_server, MODEL_SERVER_PORT)
    if not environment.security.open_egress:
        _out(template, "AlbEgressToEcs", load_balancer, api, API_PORT)
        _out(template, "EcsEgressToModelServer", api, model_server, MODEL_SERVER_PORT)
        _out(template, "ModelServerEgressToEcs", model_server, api, API_PORT)
    return tagged(template, environment)


def _group(
    template: Template,
    environment: Environment,
    owner: str,
    name: str,
    description: str,
    ingress: list[SecurityGroupRule],
    egress: SecurityGroupRule,
) -> SecurityGroup:
    """A group whose `egress` counts where not every group may reach out to everywhere."""
    group = template.add_resource(
        SecurityGroup(
            f"{owner}SecurityGroup",
            GroupName=name,  # unique within its VPC only, so every environment can have the specified name
            GroupDescription=description,
            VpcId=wired(template, "VpcId"),
            SecurityGroupIngress=ingress,
            SecurityGroupEgress=[ALL if environment.security.open_egress else egress],
            Tags=name_tag(environment, name),
        )
    )
    give_out(template, **{f"{owner}SecurityGroupId": GetAtt(group, "GroupId")})
    return group


def _from_cidr(port: int, cidr: str) -> SecurityGroupRule:
    return SecurityGroupRule(IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr)


def _from_cloudfront(template: Template, environment: Environment) -> list[SecurityGroupRule]:
    """HTTPS from the addresses that CloudFront asks origins from. There is one list in each region."""
    if not environment.security.cloudfront_only:
        return []
    addresses = literal(
        template,
        "CloudFrontPrefixListId",
        "Id of the managed prefix list com.amazonaws.global.cloudfront.origin-facing in this region",
    )
    return [
        # CloudFront's list counts as 55 rules, and a group may have 60: one port only.
        SecurityGroupRule(
            IpProtocol="tcp", FromPort=HTTPS, ToPort=HTTPS, SourcePrefixListId=addresses, Description="CloudFront"
        )
    ]


def _between(template: Template, title: str, source: SecurityGroup, target: SecurityGroup, port: int) -> None:
    template.add_resource(
        SecurityGroupIngress(
            title,
            GroupId=GetAtt(target, "GroupId"),
            IpProtocol="tcp",
            FromPort=port,
            ToPort=port,
            SourceSecurityGroupId=GetAtt(source, "GroupId"),
            Description=f"From {_short(source)}",
        )
    )


def _out(template: Template, title: str, source: SecurityGroup, target: SecurityGroup, port: int) -> None:
    """The other half of a rule between groups: `source` may ask."""
    template.add_resource(
        SecurityGroupEgress(
            title,
            GroupId=GetAtt(source, "GroupId"),
            IpProtocol="tcp",
            FromPort=port,
            ToPort=port,
            DestinationSecurityGroupId=GetAtt(target, "GroupId"),
            Description=f"To {_short(target)}",
        )
    )


def _short(group: SecurityGroup) -> str:
    """A group's name as rules speak of it: the id in the rule says nothing to a reader."""
    return str(group.GroupName)
