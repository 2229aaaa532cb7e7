"""Pricers of the network: load balancers, NAT gateways, public addresses and interface endpoints."""

from generator.plan.cost_charges import Billing, Kind, Meter, Priced


def load_balancer(meter: Meter) -> Priced:
    """An application or network load balancer: hours, capacity by use, and one public address a subnet."""
    kind = meter.get("Type", "application")
    if kind not in ("application", "network"):
        yield meter.unpriced(f"AWS::ElasticLoadBalancingV2::LoadBalancer of type {kind}")
        return
    short, unit = ("alb", "LCU") if kind == "application" else ("nlb", "NLCU")
    yield meter.charge(
        Kind.BALANCER,
        f"{short.upper()}, {meter.hours:g} h",
        (f"{short}.hour", meter.hours),
        billing=Billing.HOUR,
    )
    capacity = meter.usage["lcu"]
    yield meter.charge(
        Kind.CAPACITY,
        f"{capacity:g} {unit}, {meter.hours:g} h",
        (f"{short}.lcu", capacity * meter.hours),
        assumption=f"{capacity:g} {unit} on average",
        stays=False,
    )
    if meter.get("Scheme", "internet-facing") != "internet-facing":
        return
    own = [one for one in meter.items("SubnetMappings") if isinstance(one, dict) and "AllocationId" in one]
    count = len(meter.items("Subnets")) + len(meter.items("SubnetMappings")) - len(own)
    if count:
        yield meter.charge(
            Kind.BALANCER_ADDRESS,
            f"{count} public IPv4 of the {short.upper()}, {meter.hours:g} h",
            ("ipv4.hour", count * meter.hours),
            billing=Billing.HOUR,
        )
    elif not own:
        yield meter.unpriced("AWS::ElasticLoadBalancingV2::LoadBalancer: its subnets are not in the tree")


def nat_gateway(meter: Meter) -> Priced:
    """A NAT gateway: hours, and every GB that passes."""
    if meter.get("AvailabilityMode", "zonal") != "zonal":
        yield meter.unpriced("AWS::EC2::NatGateway: a regional one is paid for by zone, as its subnets come and go")
        return
    gigabytes = meter.usage["gb"]
    yield meter.charge(Kind.NAT, f"NAT gateway, {meter.hours:g} h", ("nat.hour", meter.hours), billing=Billing.HOUR)
    yield meter.charge(
        Kind.NAT_DATA,
        f"{gigabytes:g} GB through the NAT gateway",
        ("nat.gb", gigabytes),
        assumption=f"{gigabytes:g} GB a month",
        stays=False,
    )


def elastic_ip(meter: Meter) -> Priced:
    """An Elastic IP: charged whether it is used or not, since February 2024."""
    yield meter.charge(
        Kind.ADDRESS, f"public IPv4, {meter.hours:g} h", ("ipv4.hour", meter.hours), billing=Billing.HOUR
    )


def vpc_endpoint(meter: Meter) -> Priced:
    """An interface endpoint, by zone; a gateway endpoint is free."""
    if meter.get("VpcEndpointType", "Gateway") == "Gateway":
        return
    zones = len(meter.items("SubnetIds"))
    if not zones:
        yield meter.unpriced("AWS::EC2::VPCEndpoint: its subnets are not in the tree")
        return
    gigabytes = meter.usage["gb"]
    yield meter.charge(
        Kind.ENDPOINT,
        f"interface endpoint in {zones} zones, {meter.hours:g} h",
        ("endpoint.hour", zones * meter.hours),
        billing=Billing.HOUR,
    )
    yield meter.charge(
        Kind.ENDPOINT_DATA,
        f"{gigabytes:g} GB through the endpoint",
        ("endpoint.gb", gigabytes),
        assumption=f"{gigabytes:g} GB a month",
        stays=False,
    )
