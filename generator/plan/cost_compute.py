"""Pricers of what computes: EC2 instances with their volumes, and ECS services on Fargate."""

from collections.abc import Iterator, Mapping
from typing import Any

from generator.plan.cost_charges import Billing, Charge, Kind, Meter, Priced, Unpriced
from generator.plan.cost_values import UNKNOWN, is_true, number

LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"
TASK_DEFINITION = "AWS::ECS::TaskDefinition"

_FREE_IOPS = 3000
_FREE_THROUGHPUT = 125
_FREE_TASK_STORAGE = 20
_SIZED_BY_IOPS = ("io1", "io2")
_METRICS_OF_AN_INSTANCE = 7
"""That detailed monitoring charges for (AWS's pricing page of CloudWatch, its third example)."""


def instance(meter: Meter) -> Priced:
    """An EC2 instance: its hours, its volumes, its monitoring and a public address."""
    template = meter.related(meter.resource.properties.get("LaunchTemplate"), LAUNCH_TEMPLATE)
    defaults = template.mapping("LaunchTemplateData") if template else {}
    yield _hours_of(meter, meter.get("InstanceType", defaults.get("InstanceType")), defaults)
    yield from _volumes_of(meter, meter.get("BlockDeviceMappings", defaults.get("BlockDeviceMappings")))
    monitoring = meter.get("Monitoring", defaults.get("Monitoring"))
    if is_true(monitoring.get("Enabled") if isinstance(monitoring, Mapping) else monitoring):
        yield meter.charge(
            Kind.MONITORING,
            f"{_METRICS_OF_AN_INSTANCE} detailed metrics",
            ("cloudwatch.metric", _METRICS_OF_AN_INSTANCE),
            stays=False,
        )
    interfaces = [*meter.items("NetworkInterfaces"), *_list(defaults.get("NetworkInterfaces"))]
    if any(isinstance(one, Mapping) and is_true(one.get("AssociatePublicIpAddress")) for one in interfaces):
        yield meter.charge(
            Kind.ADDRESS, f"public IPv4, {meter.hours:g} h", ("ipv4.hour", meter.hours), billing=Billing.SECOND
        )


def _hours_of(meter: Meter, kind: Any, defaults: Mapping[str, Any]) -> Charge | Unpriced:
    if not isinstance(kind, str):
        return meter.unpriced("AWS::EC2::Instance: its type is not in the tree")
    rate = meter.book.instances.get(kind)
    if not rate:
        return meter.unpriced(f"AWS::EC2::Instance {kind}")
    market = defaults.get("InstanceMarketOptions")
    spot = isinstance(market, Mapping) and market.get("MarketType") == "spot"
    return meter.priced(
        Kind.INSTANCE,
        f"{kind}, {'spot' if spot else 'on demand'}, {meter.hours:g} h",
        rate.usd * meter.hours,
        rate.source,
        "the spot price moves; counted at the on-demand price, which it does not exceed" if spot else "",
        Billing.SECOND,
        True,
    )


def _volumes_of(meter: Meter, mappings: Any) -> Priced:
    disks = [one["Ebs"] for one in _list(mappings) if isinstance(one, Mapping) and isinstance(one.get("Ebs"), Mapping)]
    if not disks:
        yield meter.unpriced("AWS::EC2::Instance: its root volume, whose size is the image's")
        return
    found = [_volume_amounts(disk.get("VolumeType", "gp2"), disk.get("VolumeSize"), disk) for disk in disks]
    amounts = [amount for one in found if one for amount in one[1]]
    if amounts:
        words = " + ".join(one[0] for one in found if one)
        yield meter.charge(Kind.VOLUME, words, *amounts, billing=Billing.SECOND)
    if None in found:
        yield meter.unpriced("AWS::EC2::Instance: a volume whose type or size is not in the tree")


def volume(meter: Meter) -> Priced:
    """An EBS volume of its own."""
    speed = {"Iops": meter.get("Iops"), "Throughput": meter.get("Throughput")}
    found = _volume_amounts(meter.get("VolumeType", "gp2"), meter.get("Size"), speed)
    if found:
        yield meter.charge(Kind.VOLUME, found[0], *found[1], billing=Billing.SECOND)
    else:
        yield meter.unpriced("AWS::EC2::Volume: its type or size is not in the tree")


def _volume_amounts(
    kind: Any, size: Any, settings: Mapping[str, Any]
) -> tuple[str, tuple[tuple[str, float], ...]] | None:
    gigabytes = number(size)
    if gigabytes is None or kind not in ("gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"):
        return None
    words = f"{gigabytes:g} GB {kind}"
    amounts: list[tuple[str, float]] = [(f"ebs.{kind}", gigabytes)]
    iops = number(settings.get("Iops"), 0.0)
    throughput = number(settings.get("Throughput"), 0.0)
    if iops is None or throughput is None:
        return None
    if kind in _SIZED_BY_IOPS:
        amounts.append(("ebs.io.iops", iops))
        words += f", {iops:g} IOPS"
    elif kind == "gp3":
        if iops > _FREE_IOPS:
            amounts.append(("ebs.gp3.iops", iops - _FREE_IOPS))
            words += f", {iops:g} IOPS"
        if throughput > _FREE_THROUGHPUT:
            amounts.append(("ebs.gp3.throughput", throughput - _FREE_THROUGHPUT))
            words += f", {throughput:g} MB/s"
    return words, tuple(amounts)


def service(meter: Meter) -> Priced:
    """An ECS service on Fargate: CPU and memory of its task definition, times the tasks that are wanted."""
    if not _on_fargate(meter):
        if meter.get("LaunchType", "EC2") == "EC2" and not meter.items("CapacityProviderStrategy"):
            return  # Its instances pay.
        yield meter.unpriced("AWS::ECS::Service: where its tasks run is not in the tree")
        return
    task = meter.related(meter.resource.properties.get("TaskDefinition"), TASK_DEFINITION)
    count = meter.number("DesiredCount", 1.0)
    cpu, memory = (task.get("Cpu"), task.get("Memory")) if task else (UNKNOWN, UNKNOWN)
    units, megabytes = _in_units(cpu, "vcpu"), _in_units(memory, "gb")
    if task is None or count is None or units is None or megabytes is None:
        yield meter.unpriced("AWS::ECS::Service: its task's size or number is not in the tree")
        return
    if task.mapping("RuntimePlatform").get("OperatingSystemFamily", "LINUX") != "LINUX":
        yield meter.unpriced("AWS::ECS::Service: Windows tasks")
        return
    arm = "arm." if task.mapping("RuntimePlatform").get("CpuArchitecture") == "ARM64" else ""
    hours = count * meter.hours
    vcpus, gigabytes = units / 1024, megabytes / 1024
    storage = number(task.mapping("EphemeralStorage").get("SizeInGiB"), _FREE_TASK_STORAGE) or _FREE_TASK_STORAGE
    yield meter.charge(
        Kind.FARGATE,
        f"{count:g} x {vcpus:g} vCPU, {gigabytes:g} GB, {meter.hours:g} h",
        (f"fargate.{arm}vcpu", vcpus * hours),
        (f"fargate.{arm}memory", gigabytes * hours),
        ("fargate.storage", max(0.0, storage - _FREE_TASK_STORAGE) * hours),
        assumption=_spot(meter),
        billing=Billing.SECOND,
    )
    network = meter.mapping("NetworkConfiguration").get("AwsvpcConfiguration")
    if isinstance(network, Mapping) and network.get("AssignPublicIp") == "ENABLED":
        yield meter.charge(
            Kind.ADDRESS, f"{count:g} public IPv4, {meter.hours:g} h", ("ipv4.hour", hours), billing=Billing.SECOND
        )


def _on_fargate(meter: Meter) -> bool:
    if meter.get("LaunchType") == "FARGATE":
        return True
    providers = {
        one.get("CapacityProvider") for one in meter.items("CapacityProviderStrategy") if isinstance(one, dict)
    }
    return bool(providers) and providers <= {"FARGATE", "FARGATE_SPOT"}


def _spot(meter: Meter) -> str:
    providers = [
        one.get("CapacityProvider") for one in meter.items("CapacityProviderStrategy") if isinstance(one, dict)
    ]
    if "FARGATE_SPOT" in providers:
        return "the spot price moves; counted at the on-demand price, which it does not exceed"
    return ""


def _in_units(value: Any, unit: str) -> float | None:
    """CPU units or MB: `512`, `.5 vCPU` and `0.5 vCPU` are the same, as are `1024` and `1 GB`."""
    amount = number(value)
    if amount is not None and isinstance(value, str) and value.lower().strip().endswith(unit):
        return amount * 1024
    return amount


def _list(value: Any) -> Iterator[Any]:
    yield from value if isinstance(value, list) else ()
