"""What a VPC has beside its subnets, as parts of the stack `network`: who talked to whom, and AWS within reach.

An endpoint keeps calls of AWS inside the VPC. Those of S3 and DynamoDB are routes and cost nothing; each other one is
an interface in every private subnet, by the hour. What has no endpoint (the user pool's keys, CloudFront, packages of
the GPU box) still goes out through NAT, so NAT stays.
"""

from typing import Any

import awacs.logs as logs
from troposphere import GetAtt, Ref, Sub, Template
from troposphere.ec2 import FlowLog, SecurityGroup, SecurityGroupRule, VPCEndpoint
from troposphere.iam import Role
from troposphere.logs import LogGroup

from generator.model import names
from generator.model.environment import Environment
from generator.model.hardening_rules import GATEWAYS
from generator.parts.policies import allow, inline, trusts
from generator.parts.tags import name_tag

HTTPS = 443


def endpoints(template: Template, environment: Environment) -> None:
    """Add the endpoints that `network.endpoints` names."""
    services = environment.network.endpoints
    private = [f"{number}" for number in range(1, len(environment.network.private_subnets) + 1)]
    for service in services:
        title = "".join(part.capitalize() for part in service.split("."))
        way: dict[str, Any]
        if service in GATEWAYS:
            way = {"VpcEndpointType": "Gateway", "RouteTableIds": [Ref(f"PrivateRouteTable{one}") for one in private]}
        else:
            way = {
                "VpcEndpointType": "Interface",
                "PrivateDnsEnabled": True,  # so that programs find it under the name that they know
                "SubnetIds": [Ref(f"PrivateSubnet{one}") for one in private],
                "SecurityGroupIds": [GetAtt("EndpointSecurityGroup", "GroupId")],
            }
        template.add_resource(
            VPCEndpoint(
                f"{title}Endpoint",
                ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                VpcId=Ref("Vpc"),
                Tags=name_tag(environment, service),
                **way,
            )
        )
    if set(services) - set(GATEWAYS):
        _endpoint_group(template, environment)


def _endpoint_group(template: Template, environment: Environment) -> None:
    template.add_resource(
        SecurityGroup(
            "EndpointSecurityGroup",
            GroupName="endpoint-sg",
            GroupDescription="Endpoints of AWS: whoever is in the VPC",
            VpcId=Ref("Vpc"),
            SecurityGroupIngress=[
                SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=HTTPS,
                    ToPort=HTTPS,
                    CidrIp=environment.network.vpc_cidr,
                    Description="Calls of AWS",
                )
            ],
            # Endpoints answer and never ask. Without any rule EC2 would add one that allows everything.
            SecurityGroupEgress=[SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="Nothing")],
            Tags=name_tag(environment, "endpoint-sg"),
        )
    )


def flow_logs(template: Template, environment: Environment, days: int) -> None:
    """Write down each flow of the VPC, accepted or not."""
    group = template.add_resource(
        LogGroup("FlowLogGroup", LogGroupName=names.log_group(environment.prefix, "vpc", "flows"), RetentionInDays=days)
    )
    role = template.add_resource(
        Role(
            "FlowLogRole",
            RoleName=names.account_wide(environment, "flow-log-role"),
            AssumeRolePolicyDocument=trusts("vpc-flow-logs.amazonaws.com"),
            Policies=[
                inline(
                    "own-logs",
                    allow(
                        "WriteLogs",
                        [logs.CreateLogStream, logs.PutLogEvents, logs.DescribeLogStreams],
                        [GetAtt(group, "Arn")],  # which ends in `:*`: each of its streams
                    ),
                )
            ],
        )
    )
    template.add_resource(
        FlowLog(
            "FlowLog",
            ResourceType="VPC",
            ResourceId=Ref("Vpc"),
            TrafficType="ALL",
            LogDestinationType="cloud-watch-logs",
            LogGroupName=Ref(group),
            DeliverLogsPermissionArn=GetAtt(role, "Arn"),
            MaxAggregationInterval=60,
            Tags=name_tag(environment, "flows"),
        )
    )
