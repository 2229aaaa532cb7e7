"""The VPC and its subnets (NET-*). No network ACLs: the default one allows all (NET-7).

`network_guards` adds flow logs and endpoints where the environment asks for them.
"""

from troposphere import GetAtt, Ref, Template
from troposphere.ec2 import (
    EIP,
    VPC,
    InternetGateway,
    NatGateway,
    Route,
    RouteTable,
    Subnet,
    SubnetRouteTableAssociation,
    VPCGatewayAttachment,
)

from generator.model.environment import Environment
from generator.parts.tags import name_tag, tagged
from generator.parts.wiring import give_out
from generator.stacks.network_guards import endpoints, flow_logs

ANYWHERE = "0.0.0.0/0"


def network(environment: Environment) -> Template:
    """A VPC over two or more zones: public subnets behind an internet gateway, private ones behind NAT."""
    template = Template(Description=f"{environment.prefix}: VPC, subnets, routes and NAT gateways")
    template.set_metadata(
        {
            "cfn-lint": {"config": {"ignore_checks": ["W3010"]}},
            "reasons": {"W3010": "NET-2, NET-3: the environment states its zones, instead of having AWS choose them."},
        }
    )
    vpc = template.add_resource(
        VPC(
            "Vpc",
            CidrBlock=environment.network.vpc_cidr,
            EnableDnsHostnames=True,
            EnableDnsSupport=True,
            InstanceTenancy="default",
            Tags=name_tag(environment, "vpc"),
        )
    )
    give_out(template, VpcId=Ref(vpc))
    attachment = _internet_gateway(template, environment)
    gateways = _public_subnets(template, environment, attachment)
    _private_subnets(template, environment, gateways)
    endpoints(template, environment)
    if environment.network.flow_log_days is not None:
        flow_logs(template, environment, environment.network.flow_log_days)
    return tagged(template, environment)


def _internet_gateway(template: Template, environment: Environment) -> VPCGatewayAttachment:
    gateway = template.add_resource(InternetGateway("InternetGateway", Tags=name_tag(environment, "igw")))
    return template.add_resource(
        VPCGatewayAttachment("InternetGatewayAttachment", VpcId=Ref("Vpc"), InternetGatewayId=Ref(gateway))
    )


def _public_subnets(
    template: Template, environment: Environment, attachment: VPCGatewayAttachment
) -> dict[str, NatGateway]:
    """Subnets that the internet reaches, and in each a NAT gateway, given by availability zone."""
    table = template.add_resource(
        RouteTable("PublicRouteTable", VpcId=Ref("Vpc"), Tags=name_tag(environment, "public"))
    )
    template.add_resource(
        Route(
            "PublicDefaultRoute",
            RouteTableId=Ref(table),
            DestinationCidrBlock=ANYWHERE,
            GatewayId=Ref("InternetGateway"),
            DependsOn=attachment.title,  # a route to a gateway that is not attached yet is refused
        )
    )
    gateways = {}
    for number, settings in enumerate(environment.network.public_subnets, start=1):
        subnet = template.add_resource(
            Subnet(
                f"PublicSubnet{number}",
                VpcId=Ref("Vpc"),
                CidrBlock=settings.cidr,
                AvailabilityZone=settings.availability_zone,
                MapPublicIpOnLaunch=environment.network.public_addresses,
                Tags=name_tag(environment, f"public-{number}"),
            )
        )
        template.add_resource(
            SubnetRouteTableAssociation(f"PublicSubnet{number}Routes", SubnetId=Ref(subnet), RouteTableId=Ref(table))
        )
        address = template.add_resource(
            EIP(
                f"NatAddress{number}",
                Domain="vpc",
                DependsOn=attachment.title,
                Tags=name_tag(environment, f"nat-{number}"),
            )
        )
        gateways[settings.availability_zone] = template.add_resource(
            NatGateway(
                f"NatGateway{number}",
                AllocationId=GetAtt(address, "AllocationId"),
                ConnectivityType="public",
                SubnetId=Ref(subnet),
                Tags=name_tag(environment, f"nat-{number}"),
            )
        )
        give_out(template, **{f"PublicSubnet{number}Id": Ref(subnet)})
    return gateways


def _private_subnets(template: Template, environment: Environment, gateways: dict[str, NatGateway]) -> None:
    """Subnets that reach out through the NAT gateway of their own zone, so that a zone fails alone."""
    for number, settings in enumerate(environment.network.private_subnets, start=1):
        name = f"private-{number}"
        subnet = template.add_resource(
            Subnet(
                f"PrivateSubnet{number}",
                VpcId=Ref("Vpc"),
                CidrBlock=settings.cidr,
                AvailabilityZone=settings.availability_zone,
                MapPublicIpOnLaunch=False,
                Tags=name_tag(environment, name),
            )
        )
        table = template.add_resource(
            RouteTable(f"PrivateRouteTable{number}", VpcId=Ref("Vpc"), Tags=name_tag(environment, name))
        )
        template.add_resource(
            Route(
                f"PrivateDefaultRoute{number}",
                RouteTableId=Ref(table),
                DestinationCidrBlock=ANYWHERE,
                NatGatewayId=Ref(gateways[settings.availability_zone]),
            )
        )
        template.add_resource(
            SubnetRouteTableAssociation(f"PrivateSubnet{number}Routes", SubnetId=Ref(subnet), RouteTableId=Ref(table))
        )
        give_out(template, **{f"PrivateSubnet{number}Id": Ref(subnet)})
