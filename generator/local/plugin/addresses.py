"""AWS::EC2::EIP and AWS::EC2::NatGateway."""

from __future__ import annotations

from .in_process import client
from .resources import Made, Properties, ResourceType, retag, tag_specification


def _eip_create(_: str, properties: Properties, __: str) -> Made:
    made = client("ec2").allocate_address(
        Domain=properties.get("Domain", "vpc"), TagSpecifications=tag_specification("elastic-ip", properties)
    )
    return made["PublicIp"], {"AllocationId": made["AllocationId"], "PublicIp": made["PublicIp"]}


def _allocation(public_ip: str) -> str | None:
    for address in client("ec2").describe_addresses()["Addresses"]:
        if address["PublicIp"] == public_ip:
            return str(address["AllocationId"])
    return None


def _eip_update(public_ip: str, old: Properties, new: Properties, _: str) -> Made:
    allocation = _allocation(public_ip)
    if allocation is None:
        raise ValueError(f"the address {public_ip} no longer exists; it was released outside of the stack")
    retag(client("ec2"), allocation, old, new)
    return public_ip, {"AllocationId": allocation, "PublicIp": public_ip}


def _eip_delete(public_ip: str, _: Properties) -> None:
    if allocation := _allocation(public_ip):
        client("ec2").release_address(AllocationId=allocation)


def _nat_create(_: str, properties: Properties, __: str) -> Made:
    arguments = {"AllocationId": properties["AllocationId"]} if "AllocationId" in properties else {}
    made = client("ec2").create_nat_gateway(
        SubnetId=properties["SubnetId"],
        ConnectivityType=properties.get("ConnectivityType", "public"),
        TagSpecifications=tag_specification("natgateway", properties),
        **arguments,
    )["NatGateway"]
    return made["NatGatewayId"], {"NatGatewayId": made["NatGatewayId"]}


def _nat_update(gateway: str, old: Properties, new: Properties, _: str) -> Made:
    retag(client("ec2"), gateway, old, new)
    return gateway, {"NatGatewayId": gateway}


def _nat_delete(gateway: str, _: Properties) -> None:
    known = client("ec2").describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"]
    if any(each["State"] != "deleted" for each in known):
        client("ec2").delete_nat_gateway(NatGatewayId=gateway)


TYPES = (
    ResourceType("AWS::EC2::EIP", _eip_create, _eip_update, _eip_delete, replacing=("Domain", "NetworkBorderGroup")),
    ResourceType(
        "AWS::EC2::NatGateway",
        _nat_create,
        _nat_update,
        _nat_delete,
        replacing=("SubnetId", "AllocationId", "ConnectivityType", "PrivateIpAddress"),
    ),
)
