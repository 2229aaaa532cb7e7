"""The application load balancer, its listener and the API's target group (ALB-*)."""

from troposphere import GetAtt, Ref, Template
from troposphere.elasticloadbalancingv2 import (
    Action,
    Listener,
    LoadBalancer,
    LoadBalancerAttributes,
    Matcher,
    TargetGroup,
)

from generator.model import names
from generator.model.environment import Environment
from generator.parts.ports import API_PORT
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, wired


def load_balancer(environment: Environment) -> Template:
    """An internet-facing load balancer that logs every request and forwards it to the API's tasks."""
    template = Template(Description=f"{environment.prefix}: load balancer")
    balancer = template.add_resource(
        LoadBalancer(
            "Alb",
            Name=names.load_balancer(environment.prefix),
            Type="application",
            Scheme="internet-facing",
            IpAddressType="ipv4",
            Subnets=[
                wired(template, f"PublicSubnet{number}Id")
                for number in range(1, len(environment.network.public_subnets) + 1)
            ],
            SecurityGroups=[wired(template, "AlbSecurityGroupId")],
            LoadBalancerAttributes=[
                _attribute("deletion_protection.enabled", _switch(environment.load_balancer.deletion_protection)),
                _attribute("access_logs.s3.enabled", "true"),
                _attribute("access_logs.s3.bucket", wired(template, "AlbLogsBucketName")),
            ],
        )
    )
    targets = _target_group(template, environment)
    template.add_resource(
        Listener(
            "HttpListener",
            LoadBalancerArn=Ref(balancer),
            Port=80,
            Protocol="HTTP",
            DefaultActions=[Action(Type="forward", TargetGroupArn=Ref(targets))],
        )
    )
    give_out(
        template,
        AlbDnsName=GetAtt(balancer, "DNSName"),
        AlbName=GetAtt(balancer, "LoadBalancerName"),
        AlbFullName=GetAtt(balancer, "LoadBalancerFullName"),
        ApiTargetGroupArn=Ref(targets),
        ApiTargetGroupFullName=GetAtt(targets, "TargetGroupFullName"),
    )
    return tagged(template, environment)


def _target_group(template: Template, environment: Environment) -> TargetGroup:
    check = environment.load_balancer.health_check
    return template.add_resource(
        TargetGroup(
            "ApiTargetGroup",
            Name=names.target_group(environment.prefix),
            TargetType="ip",
            Protocol="HTTP",
            ProtocolVersion="HTTP1",
            Port=API_PORT,
            VpcId=wired(template, "VpcId"),
            HealthCheckEnabled=True,
            HealthCheckProtocol="HTTP",
            HealthCheckPort=str(API_PORT),
            HealthCheckPath="/health",
            HealthCheckIntervalSeconds=check.interval,
            HealthCheckTimeoutSeconds=check.timeout,
            HealthyThresholdCount=check.healthy_threshold,
            UnhealthyThresholdCount=check.unhealthy_threshold,
            Matcher=Matcher(HttpCode="200"),
        )
    )


def _attribute(key: str, value: object) -> LoadBalancerAttributes:
    return LoadBalancerAttributes(Key=key, Value=value)


def _switch(on: bool) -> str:
    return "true" if on else "false"
