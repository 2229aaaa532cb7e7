"""Pricers of an Auto Scaling group: its instances with their volumes, its warm pool, and what scales it."""

from collections.abc import Mapping
from typing import Any

from generator.plan.cost_charges import Billing, Charge, Kind, Meter, Priced
from generator.plan.cost_compute import LAUNCH_TEMPLATE, volumes_of

GROUP = "AWS::AutoScaling::AutoScalingGroup"
_TRACKING_ALARMS = 2
"""Alarms that target tracking makes: one asks for more, the other for less."""


def group(meter: Meter) -> Priced:
    """The instances of a group, counted at its least number, with their volumes; Spot as on demand."""
    mixed = meter.mapping("MixedInstancesPolicy")
    template = _launch_template(meter)
    defaults = template.mapping("LaunchTemplateData") if template else {}
    # Overrides stand in the order in which they are wanted.
    kinds = [one.get("InstanceType") for one in _list(_mapping(mixed, "LaunchTemplate").get("Overrides"))]
    kind = next((one for one in kinds if isinstance(one, str)), defaults.get("InstanceType"))
    least, most = meter.number("MinSize"), meter.number("MaxSize")
    count = meter.number("DesiredCapacity", least)
    rate = meter.book.instances.get(kind) if isinstance(kind, str) else None
    if rate is None or count is None or count < 0:
        yield meter.unpriced(f"{GROUP}: {kind if isinstance(kind, str) and not rate else 'its type or number'}")
        return
    assumptions = []
    if (least, most) != (count, count):
        assumptions.append(f"{_words(least)} to {_words(most)} with the load, counted as {count:g}")
    on_demand = _mapping(mixed, "InstancesDistribution").get("OnDemandPercentageAboveBaseCapacity", 100)
    if on_demand not in (100, "100"):
        assumptions.append("Spot counted at the on-demand price, which it does not exceed")
    yield meter.priced(
        Kind.INSTANCE,
        f"{count:g} x {kind}, on demand, {meter.hours:g} h",
        rate.usd * count * meter.hours,
        rate.source,
        "; ".join(assumptions),
        Billing.SECOND,
        True,
    )
    yield from volumes_of(meter, defaults.get("BlockDeviceMappings"), count)


def warm_pool(meter: Meter) -> Priced:
    """Stopped instances: their volumes alone."""
    of = meter.related(meter.resource.properties.get("AutoScalingGroupName"), GROUP)
    template = _launch_template(of) if of else None
    count = meter.number("MinSize", 0.0)
    if template is None or count is None or count < 0 or meter.get("PoolState", "Stopped") == "Running":
        yield meter.unpriced("AWS::AutoScaling::WarmPool: its instances, which are not stopped or not in the tree")
        return
    yield from volumes_of(meter, template.mapping("LaunchTemplateData").get("BlockDeviceMappings"), count)


def scaling_policy(meter: Meter) -> Priced:
    """Target tracking makes its own alarms, which cost what alarms cost; other policies are driven by given ones."""
    tracking = meter.mapping("TargetTrackingConfiguration")
    if not tracking:
        return
    metrics = _list(_mapping(tracking, "CustomizedMetricSpecification").get("Metrics"))
    count = max(1, sum("MetricStat" in one for one in metrics))
    yield _alarms(meter, count)


def _alarms(meter: Meter, metrics: int) -> Charge:
    words = f"{_TRACKING_ALARMS} alarms over {metrics} {'metric' if metrics == 1 else 'metrics'}"
    return meter.charge(Kind.ALARM, words, ("cloudwatch.alarm", _TRACKING_ALARMS * metrics), stays=False)


def _launch_template(meter: Meter) -> Meter | None:
    for name in ("LaunchTemplate", "MixedInstancesPolicy"):
        if found := meter.related(meter.resource.properties.get(name), LAUNCH_TEMPLATE):
            return found
    return None


def _mapping(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _words(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"
