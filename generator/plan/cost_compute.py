"""Pricers of what computes: EC2 instances with their volumes, and ECS services on Fargate."""

from collections.abc import Mapping
from typing import Any

from generator.plan.cost_charges import Billing, Charge, Kind, Meter, Priced, Unpriced
from generator.plan.cost_values import is_true, number
from generator.plan.rollout_wiring import named

LAUNCH_TEMPLATE = "AWS::EC2::LaunchTemplate"
SCALABLE_TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
TASK_DEFINITION = "AWS::ECS::TaskDefinition"

_FREE_IOPS = 3000
_FREE_THROUGHPUT = 125
_FREE_TASK_STORAGE = 20
_SIZED_BY_IOPS = ("io1", "io2")
_BOTH_FARGATES = {"FARGATE", "FARGATE_SPOT"}
_SPOT = "the spot price moves; counted at the on-demand price, which it does not exceed"
_METRICS_OF_AN_INSTANCE = 7
"""That detailed monitoring charges for (AWS's pricing page of CloudWatch, its third example)."""


def instance(meter: Meter) -> Priced:
    """An EC2 instance: its hours, its volumes, its monitoring and a public address."""
    template = meter.related(meter.resource.properties.get("LaunchTemplate"), LAUNCH_TEMPLATE)
    defaults = template.mapping("LaunchTemplateData") if template else {}
    yield _hours_of(meter, meter.get("InstanceType", defaults.get("InstanceType")), defaults)
    yield from volumes_of(meter, meter.get("BlockDeviceMappings", defaults.get("BlockDeviceMappings")))
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
        _SPOT if spot else "",
        Billing.SECOND,
        True,
    )


def volumes_of(meter: Meter, mappings: Any, count: float = 1) -> Priced:
    """The volumes that block device mappings ask for, of so many instances."""
    disks = [one["Ebs"] for one in _list(mappings) if isinstance(one, Mapping) and isinstance(one.get("Ebs"), Mapping)]
    if not disks:
        yield meter.unpriced("AWS::EC2::Instance: its root volume, whose size is the image's")
        return
    found = [_volume_amounts(disk.get("VolumeType", "gp2"), disk.get("VolumeSize"), disk) for disk in disks]
    amounts = [(rate, count * quantity) for one in found if one for rate, quantity in one[1]]
    if amounts:
        words = ("" if count == 1 else f"{count:g} x ") + " + ".join(one[0] for one in found if one)
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
    task = meter.related(meter.resource.properties.get("TaskDefinition"), TASK_DEFINITION)
    launch, providers = meter.get("LaunchType"), _providers(meter)
    if launch in ("EC2", "EXTERNAL"):
        return  # Its instances pay.
    # With neither, the cluster's default decides; a task that runs nowhere but on Fargate tells all the same.
    needs = _list(task.get("RequiresCompatibilities")) if task else []
    on_fargate = launch == "FARGATE" or (providers or set(needs)) in ({"FARGATE"}, {"FARGATE_SPOT"}, _BOTH_FARGATES)
    if not on_fargate:
        yield meter.unpriced("AWS::ECS::Service: where its tasks run is not in the tree")
        return
    scaling = _scaling(meter)
    count = meter.number("DesiredCount", scaling[0] if scaling else 1.0)
    units, megabytes = (
        (_in_units(task.get("Cpu"), "vcpu"), _in_units(task.get("Memory"), "gb")) if task else (None, None)
    )
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
    assumptions = [_SPOT] if "FARGATE_SPOT" in providers else []
    if scaling:
        assumptions.append(f"{scaling[0]:g} to {scaling[1]:g} tasks with the load, counted as {count:g}")
    yield meter.charge(
        Kind.FARGATE,
        f"{count:g} x {vcpus:g} vCPU, {gigabytes:g} GB, {meter.hours:g} h",
        (f"fargate.{arm}vcpu", vcpus * hours),
        (f"fargate.{arm}memory", gigabytes * hours),
        ("fargate.storage", max(0.0, storage - _FREE_TASK_STORAGE) * hours),
        assumption="; ".join(assumptions),
        billing=Billing.SECOND,
    )
    network = meter.mapping("NetworkConfiguration").get("AwsvpcConfiguration")
    if isinstance(network, Mapping) and network.get("AssignPublicIp") == "ENABLED":
        yield meter.charge(
            Kind.ADDRESS, f"{count:g} public IPv4, {meter.hours:g} h", ("ipv4.hour", hours), billing=Billing.SECOND
        )


def _providers(meter: Meter) -> set[str]:
    strategy = meter.items("CapacityProviderStrategy")
    return {str(one.get("CapacityProvider")) for one in strategy if isinstance(one, Mapping)}


def _scaling(meter: Meter) -> tuple[float, float] | None:
    """Fewest and most tasks of the scaling target that is set on the service; None where there is none."""
    for one in meter.template.resources.values():
        if one.type == SCALABLE_TARGET and meter.resource.id in named(one.properties.get("ResourceId")):
            target = Meter(one, meter.template, meter.values, meter.book)
            least, most = target.number("MinCapacity"), target.number("MaxCapacity")
            return (least, most) if least is not None and most is not None else None
    return None


def _in_units(value: Any, unit: str) -> float | None:
    """CPU units or MB: `512`, `.5 vCPU` and `0.5 vCPU` are the same, as are `1024` and `1 GB`."""
    amount = number(value)
    if amount is not None and isinstance(value, str) and value.lower().strip().endswith(unit):
        return amount * 1024
    return amount


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
