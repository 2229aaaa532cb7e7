"""What users notice while a change is applied, and for how long.

Something that is replaced is a gap only between the moment when the old one goes (its stack's clean-up) and the moment
when the last one that was wired to it knows the new one (the end of that stack's update, a later wave).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from generator.plan.facts import Action, Downtime, Effect, Fate, ResourceChange
from generator.plan.rollout_durations import Durations
from generator.plan.rollout_services import Rolling
from generator.plan.rollout_stack import StackTime
from generator.plan.rollout_wiring import Wiring
from generator.plan.serve import interruptions, restarts_ray
from generator.plan.tree import Tree

ANALYSES = "video analyses"
INSTANCE = "AWS::EC2::Instance"
SERVICE = "AWS::ECS::Service"
NAT = "AWS::EC2::NatGateway"
DISTRIBUTION = "AWS::CloudFront::Distribution"


@dataclass(frozen=True)
class Timeline:
    """When each changed stack starts, in minutes from the beginning, and how long it takes."""

    starts: Mapping[str, float]
    times: Mapping[str, StackTime]

    def ready(self, stack: str) -> float:
        """When everything new of the stack is there, and it begins to remove the old."""
        return self.starts.get(stack, 0.0) + (self.times[stack].forward if stack in self.times else 0.0)


@dataclass(frozen=True)
class _Case:
    """One change, with what is needed to tell what it interrupts."""

    change: ResourceChange
    before: Tree
    after: Tree
    timeline: Timeline
    times: Durations
    wiring: Wiring

    @property
    def leaves(self) -> bool:
        """The old one is replaced and goes; one that stays goes on answering."""
        return self.change.action is Action.REPLACE and self.change.fate not in (Fate.RETAINED, Fate.ORPHANED)

    @property
    def interrupted(self) -> bool:
        """It stands still while it is updated in its place."""
        return self.change.action is Action.UPDATE and any(
            one.effect is Effect.INTERRUPTION for one in self.change.properties
        )

    @property
    def may_be_replaced(self) -> bool:
        """The template does not tell what CloudFormation will do."""
        return self.change.action is Action.UPDATE and any(
            one.effect is Effect.MAY_REPLACE for one in self.change.properties
        )

    @property
    def gap(self) -> float:
        """Minutes from the old one's end until the last stack that is wired to it is updated; 0 if none is."""
        gone = self.timeline.ready(self.change.stack)
        return max(0.0, max(map(self.timeline.ready, self.consumers), default=gone) - gone)

    @property
    def consumers(self) -> tuple[str, ...]:
        """Other stacks that have to learn of a new one."""
        return self.wiring.users(self.change.stack, self.change.resource)


def downtime(
    before: Tree, after: Tree, changes: Sequence[ResourceChange], timeline: Timeline, times: Durations
) -> tuple[Downtime, ...]:
    """What stands still, each with its minutes and why; of two reasons for the same, the longer one.

    Creations and removals are no downtime.
    """
    longest: dict[str, Downtime] = {}
    for found in _all(before, after, changes, timeline, times):
        if found.what not in longest or found.minutes > longest[found.what].minutes:
            longest[found.what] = found
    return tuple(longest.values())


def _all(
    before: Tree, after: Tree, changes: Sequence[ResourceChange], timeline: Timeline, times: Durations
) -> Iterator[Downtime]:
    wiring = Wiring(after)
    for change in changes:
        case = _Case(change, before, after, timeline, times, wiring)
        rule = _RULES.get(change.type)
        if rule:
            yield from rule(case)
        elif case.interrupted:
            minutes = times.minutes(change.type, "interrupt")
            yield Downtime(f"{change.resource} ({change.type})", minutes, "the update interrupts it")
    if restarts_ray(before, after):
        yield Downtime(ANALYSES, times.ray_restart, "Ray itself restarts; jobs wait in the queue")
    for name in interruptions(before, after):
        yield Downtime(
            f"analyses by {name}",
            times.serve_restart,
            "its only replica stops before the new one starts (handover in place); jobs wait in the queue",
        )


def handover(
    before: Tree, after: Tree, changes: Sequence[ResourceChange], timeline: Timeline, times: Durations
) -> Iterator[str]:
    """What happens when the GPU box is replaced, step by step; nothing where it is not."""
    if not (before.serve or after.serve):
        return
    wiring = Wiring(after)
    for change in changes:
        case = _Case(change, before, after, timeline, times, wiring)
        if change.type != INSTANCE or not case.leaves:
            continue
        consumers = ", ".join(case.consumers) or "no stack"
        yield f"{change.stack} starts a new {change.resource} beside the old one; it has another private IP"
        yield (
            "the new box fetches the agent, its environment and the packages and starts Ray: "
            f"about {times.box_ready:g} min until its first analysis"
        )
        yield f"the end of {change.stack}'s update terminates the old box; analyses that run on it are cut off"
        yield "the API still calls the old address, its circuit opens: workers stop receiving, jobs wait in the queue"
        yield f"{consumers} is updated with the new address, and its new tasks resume; cut-off jobs run again"
        yield "unavailability never counts as an attempt, so no job reaches the dead-letter queue by it"


def _instance(case: _Case) -> Iterator[Downtime]:
    box = bool(case.before.serve or case.after.serve)
    what = ANALYSES if box else f"{case.change.resource} (EC2 instance)"
    after = "jobs wait in the queue and none is lost" if box else "whatever runs on it is away"
    gap = round(max(case.gap, case.times.box_ready if box else case.times.minutes(INSTANCE, "create")), 1)
    stop = case.times.minutes(INSTANCE, "interrupt") + (case.times.ray_restart if box else 0.0)
    if case.leaves:
        known = f" and {', '.join(case.consumers)} learns its address" if case.consumers else ""
        why = f"{case.change.resource} is replaced: the old one goes before the new one serves{known}; {after}"
        yield Downtime(what, gap, why)
    elif case.may_be_replaced:
        why = f"{case.change.resource} stops and starts, or is replaced (then it takes longest); {after}"
        yield Downtime(what, max(gap, stop), why)
    elif case.interrupted:
        yield Downtime(what, stop, f"{case.change.resource} stops and starts, at the same address; {after}")


def _service(case: _Case) -> Iterator[Downtime]:
    """Rolling over: none while the deployment configuration keeps a task up."""
    if case.change.action is not Action.UPDATE:
        return
    rolling = Rolling.of(case.change.stack, case.change.resource, case.after)
    if rolling is None or not rolling.desired or not rolling.starts_tasks(case.change):
        return
    if rolling.least == 0:
        why = "its minimum healthy percent lets ECS stop every old task before a new one answers"
        yield Downtime(f"{case.change.resource} (API)", case.times.minutes(SERVICE, "create"), why)


def _cut(what: str, why: str) -> Callable[[_Case], Iterator[Downtime]]:
    """Something with an address or a name that other stacks have to learn."""

    def rule(case: _Case) -> Iterator[Downtime]:
        if case.leaves and case.gap > 0:
            yield Downtime(what, round(case.gap, 1), f"{case.change.resource} is replaced: {why}")

    return rule


def _nat(case: _Case) -> Iterator[Downtime]:
    if case.leaves:
        why = f"{case.change.resource} is replaced: open connections through it break, new ones take the new gateway"
        yield Downtime("outgoing connections of private subnets", case.times.minutes(NAT, "interrupt"), why)


def _distribution(case: _Case) -> Iterator[Downtime]:
    """An update reaches the edge without a gap; a replacement has another address."""
    if case.leaves:
        why = f"{case.change.resource} is replaced: its address changes, and the old one answers nobody"
        yield Downtime("the whole site", case.times.minutes(DISTRIBUTION, "create"), why)


_RULES: Mapping[str, Callable[[_Case], Iterator[Downtime]]] = MappingProxyType(
    {
        INSTANCE: _instance,
        SERVICE: _service,
        NAT: _nat,
        DISTRIBUTION: _distribution,
        "AWS::ElasticLoadBalancingV2::LoadBalancer": _cut(
            "the API (/api/*)", "until the CDN knows the new address, calls of the API fail"
        ),
        "AWS::ElasticLoadBalancingV2::TargetGroup": _cut(
            "the API (/api/*)", "until the service registers its tasks with the new one, calls of the API fail"
        ),
        "AWS::DynamoDB::Table": _cut("jobs", "until the API knows the new one, it asks for a table that is gone"),
        "AWS::SQS::Queue": _cut("new jobs", "until the API knows the new one, it writes to a queue that is gone"),
        "AWS::S3::Bucket": _cut("uploads and results", "until all stacks know the new one, they use one that is gone"),
        "AWS::Cognito::UserPool": _cut("sign-in", "until the API knows the new one, no sign-in is accepted"),
        "AWS::RDS::DBInstance": _cut("the database", "until all stacks know the new address, they call the old one"),
    }
)
