"""Security groups, routes and doors to the internet in human terms."""

from typing import Any

import pytest

from tests.generator.plan.exposure_trees import exposed, resource, said, sentences

Rules = list[dict[str, Any]]


def rule(ports: str, cidr: str = "0.0.0.0/0", protocol: str = "tcp", **peer: Any) -> dict[str, Any]:
    first, _, last = ports.partition("-")
    source = peer or ({"CidrIpv6": cidr} if ":" in cidr else {"CidrIp": cidr})
    return {"IpProtocol": protocol, "FromPort": int(first), "ToPort": int(last or first), **source}


def group(ingress: Rules, egress: Rules | None = None, name: str = "web-sg") -> dict[str, Any]:
    out = {"SecurityGroupEgress": egress} if egress is not None else {}
    return resource("AWS::EC2::SecurityGroup", GroupName=name, SecurityGroupIngress=ingress, **out)


def ingress(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"Group": group(list(rules))}


ALL = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            [rule("22", "203.0.113.0/24")],
            [rule("22")],
            ["+ 22/tcp of web-sg becomes reachable from anywhere (0.0.0.0/0), so far only from 203.0.113.0/24"],
        ),
        (
            [rule("22")],
            [rule("22", "203.0.113.0/24")],
            ["- 22/tcp of web-sg is no longer reachable from anywhere (0.0.0.0/0), only from 203.0.113.0/24"],
        ),
        (
            [rule("22", "10.0.0.0/8"), rule("80", "10.0.0.0/8")],
            [rule("22-80", "10.0.0.0/8")],
            ["+ 23-79/tcp of web-sg becomes reachable from 10.0.0.0/8"],
        ),
        (
            [rule("22-80", "10.0.0.0/8")],
            [rule("22", "10.0.0.0/8"), rule("80", "10.0.0.0/8")],
            ["- 23-79/tcp of web-sg is no longer reachable from 10.0.0.0/8"],
        ),
        (
            [rule("22-80", "10.0.0.0/8")],
            [rule("60-100", "10.0.0.0/8")],
            [
                "+ 81-100/tcp of web-sg becomes reachable from 10.0.0.0/8",
                "- 22-59/tcp of web-sg is no longer reachable from 10.0.0.0/8",
            ],
        ),
        ([rule("80")], [ALL], None),
        (
            [rule("443", "::/0")],
            [rule("443", "2001:db8::/32")],
            ["- 443/tcp of web-sg is no longer reachable from anywhere over IPv6 (::/0), only from 2001:db8::/32"],
        ),
        (
            [],
            [rule("22", SourcePrefixListId="pl-1")],
            ["+ 22/tcp of web-sg becomes reachable from prefix list pl-1"],
        ),
        ([], [rule("22", SourceSecurityGroupId="sg-9")], ["+ 22/tcp of web-sg becomes reachable from sg-9"]),
        ([rule("22")], [rule("22", "10.0.0.0/8"), rule("22")], []),
        ([rule("22", "10.0.0.0/9"), rule("22", "10.128.0.0/9")], [rule("22", "10.0.0.0/8")], []),
        (
            [],
            [{"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "CidrIp": "10.0.0.0/8"}],
            ["+ icmp type 8 of web-sg becomes reachable from 10.0.0.0/8"],
        ),
        (
            [],
            [rule("53", "10.0.0.0/8", "udp"), rule("53", "10.0.0.0/8")],
            ["+ 53/tcp and 53/udp of web-sg become reachable from 10.0.0.0/8"],
        ),
    ],
)
def test_ingress_is_compared_as_sets_of_addresses_and_ports(
    before: Rules, after: Rules, expected: list[str] | None
) -> None:
    if expected is None:
        assert said(ingress(*before), ingress(*after))[0].endswith(
            "of web-sg become reachable from anywhere (0.0.0.0/0)"
        )
    else:
        assert said(ingress(*before), ingress(*after)) == expected


def test_an_inline_rule_that_becomes_a_standalone_one_changes_nothing() -> None:
    standalone = resource("AWS::EC2::SecurityGroupIngress", GroupId={"Fn::GetAtt": ["Group", "GroupId"]}, **rule("22"))
    assert said(ingress(rule("22")), {**ingress(), "Rule": standalone}) == []


def test_a_new_open_group_widens_and_removing_it_narrows() -> None:
    closed = [{"IpProtocol": "-1", "CidrIp": "127.0.0.1/32"}]
    tree = {"Group": group([rule("22")], closed)}
    other = {"Bucket": resource("AWS::S3::Bucket")}
    assert "+ 22/tcp of web-sg becomes reachable from anywhere (0.0.0.0/0)" in said(other, {**other, **tree})
    assert "- 22/tcp of web-sg is no longer reachable from anywhere (0.0.0.0/0)" in said({**other, **tree}, other)


def test_a_group_without_egress_rules_reaches_everything_because_ec2_adds_that_rule() -> None:
    only_tls = [rule("443")]
    assert said({"Group": group([], only_tls)}, {"Group": group([])})[0].startswith("+ web-sg can now reach anywhere")
    assert said({"Group": group([])}, {"Group": group([], [ALL])}) == []


def test_a_renamed_group_with_the_same_rules_is_no_news() -> None:
    assert said({"Old": group([rule("22")])}, {"New": group([rule("22")])}) == []


def test_a_peer_in_another_stack_is_named_through_the_wiring() -> None:
    security = {
        "Resources": {"EcsSecurityGroup": group([], name="ecs-sg")},
        "Outputs": {"EcsSecurityGroupId": {"Value": {"Fn::GetAtt": ["EcsSecurityGroup", "GroupId"]}}},
    }
    peer: dict[str, Any] = {"SourceSecurityGroupId": {"Ref": "EcsSecurityGroupId"}}
    model = {"Parameters": {"EcsSecurityGroupId": {"Type": "String"}}, "Resources": ingress()}
    opened = {**model, "Resources": ingress(rule("8080", **peer))}
    found = exposed({"security": security, "model": model}, {"security": security, "model": opened})
    assert sentences(found) == ["+ 8080/tcp of web-sg becomes reachable from ecs-sg of stack security"]
    assert (found[0].stack, found[0].resource, found[0].kind) == ("model", "Group", "network")


NETWORK: dict[str, Any] = {
    "Gateway": resource("AWS::EC2::InternetGateway"),
    "Nat": resource("AWS::EC2::NatGateway"),
    "Public": resource("AWS::EC2::RouteTable"),
    "Private": resource("AWS::EC2::RouteTable"),
    "Subnet": resource("AWS::EC2::Subnet", CidrBlock="10.0.1.0/24"),
    "ToGateway": resource(
        "AWS::EC2::Route",
        RouteTableId={"Ref": "Public"},
        DestinationCidrBlock="0.0.0.0/0",
        GatewayId={"Ref": "Gateway"},
    ),
    "ToNat": resource(
        "AWS::EC2::Route",
        RouteTableId={"Ref": "Private"},
        DestinationCidrBlock="0.0.0.0/0",
        NatGatewayId={"Ref": "Nat"},
    ),
}


def in_table(table: str) -> dict[str, Any]:
    association = resource(
        "AWS::EC2::SubnetRouteTableAssociation", SubnetId={"Ref": "Subnet"}, RouteTableId={"Ref": table}
    )
    return {**NETWORK, "Association": association}


def test_a_subnet_that_moves_to_a_public_route_table_gets_a_direct_route() -> None:
    assert said(in_table("Private"), in_table("Public")) == [
        "+ Subnet gets a direct route to the internet (0.0.0.0/0 through Gateway)",
        "- Subnet loses a route to 0.0.0.0/0 through Nat",
    ]


@pytest.mark.parametrize(
    ("type_", "before", "after", "sentence"),
    [
        (
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            {"Scheme": "internal"},
            {"Scheme": "internet-facing"},
            "It now faces the internet (internet-facing); so far it is internal",
        ),
        (
            "AWS::EC2::Subnet",
            {"MapPublicIpOnLaunch": False},
            {"MapPublicIpOnLaunch": True},
            "It now gives new instances public IP addresses; so far it gives no public IP addresses",
        ),
        (
            "AWS::ElasticLoadBalancingV2::Listener",
            {"Protocol": "HTTPS", "Port": 443},
            {"Protocol": "HTTP", "Port": 80},
            "It now serves plain HTTP on port 80; so far it takes HTTPS on port 443",
        ),
        (
            "AWS::RDS::DBInstance",
            {"PubliclyAccessible": False},
            {"PubliclyAccessible": True},
            "It now has a public address; so far it has no public address",
        ),
    ],
)
def test_a_door_opened_is_said(type_: str, before: dict[str, Any], after: dict[str, Any], sentence: str) -> None:
    assert said({"It": resource(type_, **before)}, {"It": resource(type_, **after)}) == [f"+ {sentence}"]


def distribution(**behaviour: Any) -> dict[str, Any]:
    item = {"PathPattern": "/videos/*", "TargetOriginId": "videos", "ViewerProtocolPolicy": "https-only", **behaviour}
    return {
        "Cdn": resource("AWS::CloudFront::Distribution", DistributionConfig={"Enabled": True, "CacheBehaviors": [item]})
    }


def test_dropping_the_trusted_key_group_lets_anyone_read() -> None:
    found = said(distribution(TrustedKeyGroups=["k"]), distribution())
    assert found == ["+ anyone can now read videos at /videos/* of Cdn without a signed link"]


def test_a_behaviour_that_allows_http_is_said() -> None:
    found = said(distribution(), distribution(ViewerProtocolPolicy="allow-all"))
    assert found == ["+ /videos/* of Cdn now answers plain HTTP (viewer protocol allow-all)"]


def test_a_machine_that_joins_a_group_is_said() -> None:
    def box(*groups: str) -> dict[str, Any]:
        ids = [{"Fn::GetAtt": [name, "GroupId"]} for name in groups]
        return {
            "A": group([]),
            "B": group([], name="b-sg"),
            "Box": resource("AWS::EC2::Instance", SecurityGroupIds=ids),
        }

    assert said(box("A"), box("A", "B")) == ["+ Box now also lets in and out what b-sg does"]
    assert said(box("A", "B"), box("B", "A")) == []


def test_a_machine_that_moves_into_a_subnet_on_the_internet_is_said() -> None:
    def box(subnet: str) -> dict[str, Any]:
        inside = resource("AWS::EC2::Subnet", CidrBlock="10.0.2.0/24")
        return {**in_table("Public"), "Inside": inside, "Box": resource("AWS::EC2::Instance", SubnetId={"Ref": subnet})}

    assert said(box("Inside"), box("Subnet")) == ["+ Box moves into Subnet: a direct route to the internet"]
    assert said(box("Subnet"), box("Inside")) == ["- Box leaves Subnet: a direct route to the internet"]
