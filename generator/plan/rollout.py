"""In which order a change reaches the world, what happens in each wave, how long it takes, and what users notice.

A stack begins when those that feed it are done, artifacts that they keep included; so the whole lasts as long as the
longest chain of stacks, less than its waves together. Within a stack resources wait for what they refer to, so a stack
lasts as long as its longest chain; CloudFormation removes old resources only when all new ones are there. Stacks that
leave go after all others; `serve.yaml` is published last of all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from generator.model.manifest import Artifact, ArtifactKind
from generator.plan.facts import Action, Effect, ResourceChange, Rollout, RolloutStep, ServeAction, ServeChange
from generator.plan.rollout_downtime import SERVICE, Timeline, downtime, handover
from generator.plan.rollout_durations import Durations, durations
from generator.plan.rollout_services import Rolling
from generator.plan.rollout_stack import StackTime, stack_time, step_minutes
from generator.plan.serve import restarts_ray, serve
from generator.plan.tree import Tree

_NAMED = 3
"""Up to so many creations or removals are named; more are counted."""
_REVISIONS = ("AWS::ECS::TaskDefinition",)
"""Types that are replaced on every ordinary change, and mean nothing by it."""
_WORTH_A_NAME = {
    "AWS::ECS::Service": "roll {}",
    "AWS::CloudFront::Distribution": "bring {} to the edge",
    "AWS::DynamoDB::Table": "update {}",
    "AWS::RDS::DBInstance": "update {}",
}
"""Updates that are told one by one, and in which words."""


def rollout(before: Tree, after: Tree, changes: Sequence[ResourceChange], times: Durations | None = None) -> Rollout:
    """The order, the minutes and the downtime of a change. All minutes are typical, none is promised."""
    times = times or durations()
    by_stack = {stack: tuple(group) for stack, group in groupby(sorted(changes, key=_stack), key=_stack)}
    waves = _waves(before, after, by_stack)
    stack_times = {stack: stack_time(stack, group, before, after, times) for stack, group in by_stack.items()}
    artifacts = _artifacts_by_wave(before, after)
    steps: list[RolloutStep] = []
    starts, clock = _starts(after, stack_times, artifacts, times)
    for wave in sorted({*waves.values(), *artifacts}):
        stacks = tuple(stack for stack in by_stack if waves[stack] == wave)
        published = artifacts.get(wave, ())
        minutes = max((stack_times[stack].total for stack in stacks), default=0.0)
        minutes += sum(_publishing(one, times) for one in published)
        leaving = [stack for stack in stacks if stack not in starts]
        if leaving:
            starts |= dict.fromkeys(leaving, clock)
            clock += minutes
        actions = [
            action for stack in stacks for action in _stack_actions(stack, by_stack[stack], before, after, times)
        ]
        actions += [f"publish {one.kind} {one.name} ({one.address[:16]})" for one in published]
        steps.append(RolloutStep(wave, stacks, tuple(actions), _rounded(minutes)))
    served = serve(before, after) if after.serve else ()
    if served:
        minutes = _serve_minutes(served, restarts_ray(before, after), times)
        last = max((step.wave for step in steps), default=-1)
        steps.append(RolloutStep(last + 1, (), tuple(_serve_action(one) for one in served), _rounded(minutes)))
        clock += minutes
    timeline = Timeline(starts, stack_times)
    return Rollout(
        steps=tuple(steps),
        minutes=_rounded(clock),
        downtime=downtime(before, after, changes, timeline, times),
        handover=tuple(handover(before, after, changes, timeline, times)),
        stacks={stack: _rounded(time.total) for stack, time in stack_times.items()},
    )


def _stack(change: ResourceChange) -> str:
    return change.stack


def _rounded(minutes: float) -> float:
    """To a tenth: more would pretend to know."""
    return round(minutes, 1)


def _waves(before: Tree, after: Tree, stacks: Iterable[str]) -> Mapping[str, int]:
    """Each changed stack's wave. Stacks that leave go after all others, those that others fed on last."""
    old, new = (
        {stack.name: stack.wave for stack in tree.manifest.stacks} if tree.manifest else {} for tree in (before, after)
    )
    last = max(new.values(), default=-1)
    leaving = sorted({old[stack] for stack in stacks if stack in old and stack not in new}, reverse=True)
    return {stack: new[stack] if stack in new else last + 1 + _place(old.get(stack), leaving) for stack in stacks}


def _starts(
    after: Tree, stack_times: Mapping[str, StackTime], artifacts: Mapping[int, tuple[Artifact, ...]], times: Durations
) -> tuple[dict[str, float], float]:
    """When each stack that stays begins, and when the last of them is done; one that does not change takes no time."""
    starts: dict[str, float] = {}
    ends: dict[str, float] = {}
    published = [one for some in artifacts.values() for one in some]
    for stack in sorted(after.manifest.stacks, key=lambda stack: stack.wave) if after.manifest else ():
        starts[stack.name] = max((ends.get(need, 0.0) for need in stack.needs), default=0.0)
        ends[stack.name] = starts[stack.name] + sum(
            [
                stack_times[stack.name].total if stack.name in stack_times else 0.0,
                *(_publishing(one, times) for one in published if one.store.stack == stack.name),
            ]
        )
    return starts, max(ends.values(), default=0.0)


def _publishing(artifact: Artifact, times: Durations) -> float:
    return times.image if artifact.kind is ArtifactKind.IMAGE else times.package


def _place(wave: int | None, leaving: Sequence[int]) -> int:
    return leaving.index(wave) if wave in leaving else 0


def _artifacts_by_wave(before: Tree, after: Tree) -> Mapping[int, tuple[Artifact, ...]]:
    """What has to be published anew, by the wave of the stack that stores it."""
    if after.manifest is None:
        return {}
    old = {(one.name, one.address) for one in before.manifest.artifacts} if before.manifest else set()
    waves = {stack.name: stack.wave for stack in after.manifest.stacks}
    found: dict[int, list[Artifact]] = {}
    for one in after.manifest.artifacts:
        if (one.name, one.address) not in old:
            found.setdefault(waves.get(one.store.stack, 0), []).append(one)
    return {wave: tuple(artifacts) for wave, artifacts in found.items()}


def _stack_actions(
    stack: str, changes: Sequence[ResourceChange], before: Tree, after: Tree, times: Durations
) -> Iterator[str]:
    creates = [one.resource for one in changes if one.action is Action.CREATE]
    deletes = [one.resource for one in changes if one.action is Action.DELETE]
    if len(creates) == len(changes) and stack not in before.templates:
        yield f"{stack}: create the stack, {_counted(len(creates), 'resource')}"
        return
    if len(deletes) == len(changes) and stack not in after.templates:
        yield f"{stack}: delete the stack, {_counted(len(deletes), 'resource')}"
        return
    quiet = 0
    for change in changes:
        words = _stuck(change, after) or _worth_telling(change, times)
        if words:
            yield f"{stack}: {words}"
        elif change.action in (Action.UPDATE, Action.REPLACE):
            quiet += 1
    if creates:
        yield f"{stack}: create {_named(creates)}"
    if quiet:
        yield f"{stack}: update {_counted(quiet, 'resource')} in place"
    if deletes:
        yield f"{stack}: delete {_named(deletes)}"


def _stuck(change: ResourceChange, after: Tree) -> str:
    if change.type != SERVICE or change.action is not Action.UPDATE:
        return ""
    rolling = Rolling.of(change.stack, change.resource, after)
    if rolling is None or not rolling.stuck or not rolling.starts_tasks(change):
        return ""
    return (
        f"roll {change.resource}, which cannot end: no task may stop ({rolling.least}) and none start ({rolling.most})"
    )


def _worth_telling(change: ResourceChange, times: Durations) -> str:
    """A line for what a reviewer wants named; nothing for what is counted."""
    minutes = f"({step_minutes(change, times):g} min)"
    effects = {one.effect for one in change.properties}
    if change.action is Action.REPLACE:
        if change.type in _REVISIONS:
            return f"new revision of {change.resource}"
        return f"replace {change.resource} {minutes}"
    if change.action is not Action.UPDATE:
        return ""
    if Effect.MAY_REPLACE in effects:
        return f"update {change.resource}, perhaps by replacing it {minutes}"
    if Effect.INTERRUPTION in effects:
        return f"{'stop and start' if change.type == 'AWS::EC2::Instance' else 'interrupt'} {change.resource} {minutes}"
    words = _WORTH_A_NAME.get(change.type)
    return f"{words.format(change.resource)} {minutes}" if words else ""


def _named(resources: Sequence[str]) -> str:
    return ", ".join(resources) if len(resources) <= _NAMED else _counted(len(resources), "resource")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _serve_minutes(changes: Iterable[ServeChange], ray: bool, times: Durations) -> float:
    if ray:
        return times.ray_restart + times.serve_restart
    slow = any(one.action in (ServeAction.CREATE, ServeAction.RESTART) for one in changes)
    return times.serve_reconfigure + (times.serve_restart if slow else 0.0)


def _serve_action(change: ServeChange) -> str:
    match change.action:
        case ServeAction.CREATE:
            return f"serve: start {change.app}"
        case ServeAction.RECONFIGURE:
            return f"serve: reconfigure {change.app} in place"
        case ServeAction.RESTART:
            return f"serve: roll {change.app} over to new replicas" if change.app[0] != "(" else "serve: restart Ray"
        case ServeAction.DELETE:
            return f"serve: delete {change.app}"
