"""Two trees -> the Plan: every stage put together."""

from collections.abc import Iterable
from datetime import date

from generator.plan.changes import changes
from generator.plan.cost import cost
from generator.plan.deployability import obstacles, one_way
from generator.plan.digest import digest
from generator.plan.exemptions import Exemption
from generator.plan.exposure import exposure
from generator.plan.facts import (
    Action,
    ArtifactChange,
    Cost,
    Fate,
    Finding,
    Obstacle,
    Plan,
    ResourceChange,
    Rollout,
    ServeAction,
    ServeChange,
    Severity,
    StackChange,
    Verdict,
)
from generator.plan.policy import policy
from generator.plan.rollout import rollout
from generator.plan.serve import route_collisions, serve
from generator.plan.tree import Tree


def plan(before: Tree, after: Tree, exemptions: Iterable[Exemption] = (), today: date | None = None) -> Plan:
    """What going from one tree to another will do. `Tree()` before is the first deployment, after is the end of it.

    `exemptions` admit what policy would stop until they expire; `today` must be given with any.
    """
    found = changes(before, after)
    artifacts = artifact_changes(before, after)
    apps = serve(before, after)
    in_the_way = (
        *obstacles(before, after, found),
        *_serve_obstacles(after, apps),
        *_unapproved(after, found.stacks, apps),
    )
    exposed = exposure(before, after, found.resources)
    findings = policy(before, after, found.resources, exposed, exemptions, today=today)
    costs = cost(before, after, found.resources)
    rolled = rollout(before, after, found.resources)
    manifest = after.manifest or before.manifest
    return Plan(
        environment=manifest.name if manifest else "",
        digest=digest(found.stacks, found.resources, artifacts, before, after),
        verdict=verdict(found.stacks, found.resources, in_the_way, findings, costs, rolled),
        stacks=found.stacks,
        changes=found.resources,
        exposure=exposed,
        cost=costs,
        rollout=rolled,
        serve=apps,
        deployability=in_the_way,
        policy=findings,
        artifacts=artifacts,
    )


def _serve_obstacles(after: Tree, apps: Iterable[ServeChange]) -> Iterable[Obstacle]:
    """What would keep the GPU box from running the Serve configuration."""
    for sentence in route_collisions(after):
        yield Obstacle("route-collision", Severity.BLOCKER, "", "", sentence)
    for change in apps:
        if not change.fits:
            sentence = (
                f"app {change.app} does not fit on the box beside its old version: it would stay DEPLOYING for ever"
            )
            yield Obstacle("no-room", Severity.BLOCKER, "", "", sentence)


def _unapproved(after: Tree, stacks: Iterable[StackChange], apps: Iterable[ServeChange]) -> Iterable[Obstacle]:
    """What Git drops without saying that it may be removed: `apply` refuses that before it touches anything."""
    if after.manifest is None:
        return
    dropped = [("stack", one.name) for one in stacks if one.action is Action.DELETE]
    dropped += [("app", one.app) for one in apps if one.action is ServeAction.DELETE]
    for kind, name in dropped:
        if f"{kind}:{name}" not in after.manifest.prune:
            sentence = f"{kind} {name} is dropped: name it in `prune` ({kind}:{name}) to have it removed"
            yield Obstacle("not-pruned", Severity.BLOCKER, name if kind == "stack" else "", "", sentence)


def artifact_changes(before: Tree, after: Tree) -> tuple[ArtifactChange, ...]:
    """Images and packages whose address changes, by name."""
    old, new = (
        {(one.name, one.kind): one.address for one in tree.manifest.artifacts} if tree.manifest else {}
        for tree in (before, after)
    )
    return tuple(
        ArtifactChange(name, kind.value, old.get((name, kind)), new.get((name, kind)))
        for name, kind in sorted({*old, *new})
        if old.get((name, kind)) != new.get((name, kind))
    )


def verdict(
    stacks: Iterable[StackChange],
    resources: tuple[ResourceChange, ...],
    in_the_way: Iterable[Obstacle],
    findings: Iterable[Finding],
    costs: Cost,
    rolled: Rollout,
) -> Verdict:
    """The plan in one line of numbers."""
    count = {action: sum(1 for one in resources if one.action is action) for action in Action}
    blockers = [one for one in in_the_way if one.severity is Severity.BLOCKER]
    broken = [one for one in findings if one.severity is Severity.BLOCKER and not one.exemption]
    return Verdict(
        stacks=sum(1 for one in stacks if one.action),
        added=count[Action.CREATE],
        changed=count[Action.UPDATE],
        replaced=count[Action.REPLACE],
        removed=count[Action.DELETE],
        data_at_risk=tuple(
            f"{one.stack}.{one.resource}" for one in resources if one.stateful and one.fate is Fate.DESTROYED
        ),
        downtime_minutes=sum(one.minutes for one in rolled.downtime),
        monthly_delta=round(costs.after - costs.before, 2),
        one_way=one_way(in_the_way),
        blocked=bool(blockers or broken),
    )
