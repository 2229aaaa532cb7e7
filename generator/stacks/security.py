"""The security groups (SG-*).

The API's group and the model server's name each other. Rules inside the groups would be a circle that CloudFormation
refuses, so the rules between groups are resources of their own (SG-4).
"""

from troposphere import GetAtt, Template
from troposphere.ec2 import SecurityGroup, SecurityGroupIngress, SecurityGroupRule

from generator.model.environment import Environment
from generator.parts.ports import API_PORT, MODEL_SERVER_PORT
from generator.parts.tags import name_tag, tagged
from generator.parts.wiring import give_out, wired

HTTP, HTTPS, SSH = 80, 443, 22


def security(environment: Environment) -> Template:
    """Three groups: load balancer, API tasks, model server. Each reaches out freely and is reached narrowly."""
    template = Template(Description=f"{environment.prefix}: security groups")
    load_balancer = _group(
        template,
        environment,
        "Alb",
        "alb-sg",
        "Load balancer: web traffic",
        [_from_cidr(port, cidr) for port in (HTTP, HTTPS) for cidr in environment.security.http_cidrs],
    )
    api = _group(template, environment, "Ecs", "ecs-sg", "API tasks: load balancer and model server", [])
    model_server = _group(
        template,
        environment,
        "ModelServer",
        "model-server-sg",
        "Model server: API tasks and SSH",
        [_from_cidr(SSH, cidr) for cidr in environment.security.ssh_cidrs],
    )
    _between(template, "EcsIngressFromAlb", load_balancer, api, API_PORT)
    _between(template, "EcsIngressFromModelServer", model_server, api, API_PORT)
    _between(template, "ModelServerIngressFromEcs", api, model_server, MODEL_SERVER_PORT)
    return tagged(template, environment)


def _group(
    template: Template,
    environment: Environment,
    owner: str,
    name: str,
    description: str,
    ingress: list[SecurityGroupRule],
) -> SecurityGroup:
    group = template.add_resource(
        SecurityGroup(
            f"{owner}SecurityGroup",
            GroupName=name,  # unique within its VPC only, so every environment can have the specified name
            GroupDescription=description,
            VpcId=wired(template, "VpcId"),
            SecurityGroupIngress=ingress,
            SecurityGroupEgress=[SecurityGroupRule(IpProtocol="-1", CidrIp="0.0.0.0/0", Description="All")],
            Tags=name_tag(environment, name),
        )
    )
    give_out(template, **{f"{owner}SecurityGroupId": GetAtt(group, "GroupId")})
    return group


def _from_cidr(port: int, cidr: str) -> SecurityGroupRule:
    return SecurityGroupRule(IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr)


def _between(template: Template, title: str, source: SecurityGroup, target: SecurityGroup, port: int) -> None:
    template.add_resource(
        SecurityGroupIngress(
            title,
            GroupId=GetAtt(target, "GroupId"),
            IpProtocol="tcp",
            FromPort=port,
            ToPort=port,
            SourceSecurityGroupId=GetAtt(source, "GroupId"),
        )
    )
