"""The application load balancer, its listener and the API's target group (ALB-*)."""

from typing import Final

from troposphere import GetAtt, Ref, Sub, Template
from troposphere.elasticloadbalancingv2 import (
    Action,
    Certificate,
    Condition,
    FixedResponseConfig,
    HttpHeaderConfig,
    Listener,
    ListenerRule,
    ListenerRuleAction,
    LoadBalancer,
    Matcher,
    RedirectConfig,
    TargetGroup,
)

from generator.model import names
from generator.model.environment import Environment
from generator.parts.load_balancers import balancer_attributes
from generator.parts.ports import API_PORT
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, literal, wired, wired_each, wired_text

ORIGIN_HEADER: Final = "x-origin-secret"
"""The header with which CloudFront says that a request came through our own distribution."""

TLS_POLICY: Final = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.2 with forward secrecy, or 1.3 (docs.aws.amazon.com, describe-ssl-policies)."""


def origin_secret(template: Template, generation: int) -> Sub:
    """The header's value. CloudFormation reads it when it deploys; no template and no parameter holds it."""
    return wired_text(template, f"{{{{resolve:secretsmanager:${{OriginHeader{generation}Arn}}:SecretString}}}}")


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
            Subnets=wired_each(template, "PublicSubnet{}Id", len(environment.network.public_subnets)),
            SecurityGroups=[wired(template, "AlbSecurityGroupId")],
            LoadBalancerAttributes=balancer_attributes(
                {
                    "deletion_protection.enabled": environment.load_balancer.deletion_protection,
                    "access_logs.s3.enabled": True,
                    "access_logs.s3.bucket": wired(template, "AlbLogsBucketName"),
                    **_strictness(environment),
                }
            ),
        )
    )
    targets = _target_group(template, environment)
    _listen(template, environment, balancer, targets)
    give_out(
        template,
        AlbDnsName=GetAtt(balancer, "DNSName"),
        AlbName=GetAtt(balancer, "LoadBalancerName"),
        AlbFullName=GetAtt(balancer, "LoadBalancerFullName"),
        ApiTargetGroupArn=Ref(targets),
        ApiTargetGroupFullName=GetAtt(targets, "TargetGroupFullName"),
    )
    return tagged(template, environment)


def _listen(template: Template, environment: Environment, balancer: LoadBalancer, targets: TargetGroup) -> None:
    """HTTP where there is no site of our own; else TLS, with HTTP sent there."""
    forward = Action(Type="forward", TargetGroupArn=Ref(targets))
    if environment.site is None:
        _listener(template, balancer, "HttpListener", 80, "HTTP", forward)
        return
    to_tls = RedirectConfig(Protocol="HTTPS", Port="443", StatusCode="HTTP_301")
    _listener(template, balancer, "HttpListener", 80, "HTTP", Action(Type="redirect", RedirectConfig=to_tls))
    secrets = environment.load_balancer.origin_secrets
    refuse = Action(Type="fixed-response", FixedResponseConfig=FixedResponseConfig(StatusCode="403"))
    https = _listener(template, balancer, "HttpsListener", 443, "HTTPS", refuse if secrets else forward)
    https.SslPolicy = TLS_POLICY
    https.Certificates = [
        Certificate(CertificateArn=literal(template, "OriginCertificateArn", "The site's certificate in this region"))
    ]
    if secrets:
        template.add_resource(
            ListenerRule(
                "FromDistribution",
                ListenerArn=Ref(https),
                Priority=1,
                Conditions=[
                    Condition(
                        Field="http-header",
                        HttpHeaderConfig=HttpHeaderConfig(
                            HttpHeaderName=ORIGIN_HEADER,
                            Values=[origin_secret(template, generation) for generation in secrets],
                        ),
                    )
                ],
                Actions=[ListenerRuleAction(Type="forward", TargetGroupArn=Ref(targets))],
            )
        )


def _listener(
    template: Template, balancer: LoadBalancer, title: str, port: int, protocol: str, action: Action
) -> Listener:
    return template.add_resource(
        Listener(title, LoadBalancerArn=Ref(balancer), Port=port, Protocol=protocol, DefaultActions=[action])
    )


def _strictness(environment: Environment) -> dict[str, bool]:
    if not environment.load_balancer.drop_invalid_headers:
        return {}
    return {"routing.http.drop_invalid_header_fields.enabled": True}


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
