"""NET-* and SG-* of docs/specification.md."""

from typing import Any

from tests.generator.stacks.built import Built

ALL = [{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0", "Description": "All"}]


def test_net_1_the_vpc_is_a_16_with_dns_and_without_ipv6(dev: Built) -> None:
    vpc = dev.properties("network", "Vpc")
    assert vpc["CidrBlock"] == "10.0.0.0/16"
    assert vpc["EnableDnsHostnames"] is True
    assert vpc["EnableDnsSupport"] is True
    assert vpc["InstanceTenancy"] == "default"
    assert "AWS::EC2::VPCCidrBlock" not in dev.types()


def _subnet(dev: Built, title: str) -> tuple[str, str, bool]:
    subnet = dev.properties("network", title)
    assert subnet["VpcId"] == "${Vpc}"
    return subnet["CidrBlock"], subnet["AvailabilityZone"], subnet["MapPublicIpOnLaunch"]


def test_net_2_public_subnets_give_public_addresses_and_hold_the_alb_and_the_nat_gateways(dev: Built) -> None:
    assert _subnet(dev, "PublicSubnet1") == ("10.0.1.0/24", "us-east-1a", True)
    assert _subnet(dev, "PublicSubnet2") == ("10.0.2.0/24", "us-east-1b", True)
    assert dev.properties("load-balancer", "Alb")["Subnets"] == ["${PublicSubnet1Id}", "${PublicSubnet2Id}"]
    gateways = dev.of_type("AWS::EC2::NatGateway").values()
    assert [gateway["SubnetId"] for gateway in gateways] == ["${PublicSubnet1}", "${PublicSubnet2}"]


def test_net_3_private_subnets_give_no_public_addresses_and_hold_tasks_and_box(dev: Built) -> None:
    assert _subnet(dev, "PrivateSubnet1") == ("10.0.10.0/24", "us-east-1a", False)
    assert _subnet(dev, "PrivateSubnet2") == ("10.0.20.0/24", "us-east-1b", False)
    network = dev.properties("api", "ApiService")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["Subnets"] == ["${PrivateSubnet1Id}", "${PrivateSubnet2Id}"]
    assert dev.properties("model-server", "ModelServer")["SubnetId"] == "${PrivateSubnet1Id}"


def _route(dev: Built, subnet: str) -> dict[str, Any]:
    """The default route that a subnet follows."""
    associations = dev.of_type("AWS::EC2::SubnetRouteTableAssociation").values()
    [table] = [one["RouteTableId"] for one in associations if one["SubnetId"] == f"${{{subnet}}}"]
    [route] = [one for one in dev.of_type("AWS::EC2::Route").values() if one["RouteTableId"] == table]
    assert route["DestinationCidrBlock"] == "0.0.0.0/0"
    return route


def test_net_4_public_subnets_reach_the_internet_gateway(built: Built) -> None:
    assert _route(built, "PublicSubnet1")["GatewayId"] == "${InternetGateway}"
    assert _route(built, "PublicSubnet2")["GatewayId"] == "${InternetGateway}"
    assert built.properties("network", "InternetGatewayAttachment") == {
        "VpcId": "${Vpc}",
        "InternetGatewayId": "${InternetGateway}",
    }


def test_net_5_each_private_subnet_has_a_table_of_its_own_to_the_nat_gateway_of_its_zone(built: Built) -> None:
    routes = {number: _route(built, f"PrivateSubnet{number}") for number in (1, 2)}
    assert routes[1]["RouteTableId"] != routes[2]["RouteTableId"]
    assert {table["VpcId"] for table in built.of_type("AWS::EC2::RouteTable").values()} == {"${Vpc}"}
    for number, route in routes.items():
        gateway = built.properties("network", route["NatGatewayId"].strip("${}"))
        nat_zone = built.properties("network", gateway["SubnetId"].strip("${}"))["AvailabilityZone"]
        assert nat_zone == built.properties("network", f"PrivateSubnet{number}")["AvailabilityZone"]


def test_net_6_two_public_nat_gateways_have_an_elastic_ip_each(dev: Built) -> None:
    gateways = list(dev.of_type("AWS::EC2::NatGateway").values())
    assert [gateway["ConnectivityType"] for gateway in gateways] == ["public", "public"]
    addresses = {gateway["AllocationId"] for gateway in gateways}
    assert addresses == {f"${{{title}.AllocationId}}" for title in dev.of_type("AWS::EC2::EIP")}
    assert len(addresses) == 2


def test_net_7_no_network_acl_is_declared(built: Built) -> None:
    assert not [kind for kind in built.types() if "NetworkAcl" in kind]


def _inline(dev: Built, title: str, name: str) -> list[tuple[str, int, str]]:
    group = dev.properties("security", title)
    assert group["GroupName"] == name
    assert group["VpcId"] == "${VpcId}"
    assert group["SecurityGroupEgress"] == ALL
    ingress = group.get("SecurityGroupIngress", [])
    assert all(rule["FromPort"] == rule["ToPort"] for rule in ingress)
    return [(rule["IpProtocol"], rule["FromPort"], rule["CidrIp"]) for rule in ingress]


def _between_groups(dev: Built, title: str) -> list[tuple[str, int, int, str]]:
    """Rules from another group into this one."""
    return [
        (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["SourceSecurityGroupId"])
        for rule in dev.of_type("AWS::EC2::SecurityGroupIngress").values()
        if rule["GroupId"] == f"${{{title}.GroupId}}"
    ]


def test_sg_1_the_load_balancer_takes_http_and_https_from_anywhere(dev: Built) -> None:
    assert _inline(dev, "AlbSecurityGroup", "alb-sg") == [("tcp", 80, "0.0.0.0/0"), ("tcp", 443, "0.0.0.0/0")]
    assert _between_groups(dev, "AlbSecurityGroup") == []


def test_sg_2_tasks_take_8000_from_load_balancer_and_model_server(dev: Built) -> None:
    assert _inline(dev, "EcsSecurityGroup", "ecs-sg") == []
    assert _between_groups(dev, "EcsSecurityGroup") == [
        ("tcp", 8000, 8000, "${AlbSecurityGroup.GroupId}"),
        ("tcp", 8000, 8000, "${ModelServerSecurityGroup.GroupId}"),
    ]


def test_sg_3_the_model_server_takes_8080_from_tasks_and_ssh(dev: Built) -> None:
    assert _inline(dev, "ModelServerSecurityGroup", "model-server-sg") == [("tcp", 22, "0.0.0.0/0")]
    assert _between_groups(dev, "ModelServerSecurityGroup") == [("tcp", 8080, 8080, "${EcsSecurityGroup.GroupId}")]


def test_sg_4_no_group_names_another_inside_itself(dev: Built) -> None:
    groups = dev.of_type("AWS::EC2::SecurityGroup")
    assert len(groups) == 3
    assert not [title for title, group in groups.items() if "SecurityGroup." in str(group)]
