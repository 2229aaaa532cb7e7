"""The sentences that the text and the Markdown report share."""

from generator.plan.facts import Action, Cause, Effect, Exposure, Fate, Finding, Plan, ResourceChange, Severity

SIGN = {Action.CREATE: "+", Action.UPDATE: "~", Action.REPLACE: "±", Action.DELETE: "−"}
UNUSED = "unused-exemption"
NEW_REVISION = {"AWS::ECS::TaskDefinition"}
"""Types of which CloudFormation makes a new one at every change, by design: their replacement is no news."""

_GRAVE = [
    Effect.IN_PLACE,
    Effect.INTERRUPTION,
    Effect.MAY_REPLACE,
    Effect.REPLACEMENT,
    Effect.UNSUPPORTED,
    Effect.UNKNOWN,
]


def counts(plan: Plan) -> str:
    """`3 stacks: +2 added ~4 changed ±1 replaced −0 removed`."""
    v = plan.verdict
    stacks = f"{v.stacks} {'stack' if v.stacks == 1 else 'stacks'}"
    return f"{stacks}: +{v.added} added ~{v.changed} changed ±{v.replaced} replaced −{v.removed} removed"


def consequences(plan: Plan) -> tuple[str, ...]:
    """What the numbers do not say: downtime, money, whether it can be taken back."""
    v = plan.verdict
    return (
        f"downtime {minutes(v.downtime_minutes)}" if v.downtime_minutes else "no downtime",
        f"{dollars(v.monthly_delta)}/month" if abs(v.monthly_delta) >= 0.005 else "same cost",
        "one-way" if v.one_way else "can be reverted",
    )


def minutes(value: float) -> str:
    """`6 min`, `45 s`."""
    return f"{value:.0f} min" if value >= 1 else f"{value * 60:.0f} s"


def dollars(delta: float) -> str:
    """`+$380.16`, `−$4.00`."""
    return f"{'+' if delta >= 0 else '−'}${abs(delta):,.2f}"


def gravest(change: ResourceChange) -> Effect:
    """The worst effect among a change's properties."""
    return max((item.effect for item in change.properties), key=_GRAVE.index, default=Effect.IN_PLACE)


def why(change: ResourceChange) -> str:
    """Why a resource changes, in a few words: the properties that decide."""
    if change.action is Action.CREATE:
        return ""
    if change.action is Action.DELETE:
        return _FATE[change.fate] if change.fate else "removed"
    if change.type in NEW_REVISION:
        return "new revision" + (", follows from another change" if change.cause is Cause.PROPAGATED else "")
    worst = gravest(change)
    if change.cause is Cause.PROPAGATED and worst is Effect.IN_PLACE:
        return "in-place, follows from another change"
    deciding = [item.path for item in change.properties if item.effect is worst]
    shown = ", ".join(deciding[:3]) + (f" and {len(deciding) - 3} more" if len(deciding) > 3 else "")
    text = f"{shown}: {worst.value}" if shown else worst.value
    if change.cause is Cause.PROPAGATED:
        text += ", follows from another change"
    return f"{text}; the old one is {_FATE[change.fate]}" if change.fate else text


_FATE = {
    Fate.DESTROYED: "destroyed",
    Fate.SNAPSHOTTED: "destroyed after a snapshot",
    Fate.RETAINED: "kept, but nothing refers to it any longer",
    Fate.ORPHANED: "kept, but no stack knows of it any longer",
}


def of_stacks(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Stacks in which something changes, in order, each with what no line of a resource says."""
    shown = {change.stack for change in plan.changes}
    found = {}
    for stack in plan.stacks:
        lines = list(stack.reasons)
        if stack.action is Action.UPDATE and stack.outputs and stack.name not in shown:
            lines.append(f"outputs change: {', '.join(stack.outputs)}")
        elif stack.action and stack.name not in shown and not lines:
            lines.append(f"{stack.action} the empty stack")
        if lines or stack.name in shown:
            found[stack.name] = tuple(lines)
    return found


def decisions(plan: Plan) -> list[str]:
    """What somebody has to decide before this may be merged; empty where nothing is asked."""
    asked = [f"data of {name} would be lost" for name in plan.verdict.data_at_risk]
    asked += [
        f"{change.stack}.{change.resource}: its data stays in the old one, which is {_FATE[change.fate]}"
        for change in plan.changes
        if change.stateful and change.fate in (Fate.RETAINED, Fate.ORPHANED)
    ]
    asked += [
        f"{obstacle.stack}.{obstacle.resource}: {obstacle.sentence}" if obstacle.resource else obstacle.sentence
        for obstacle in plan.deployability
        if obstacle.severity is Severity.BLOCKER
    ]
    asked += [f"{finding.rule}: {finding.sentence}" for finding in open_findings(plan)]
    asked += [
        f"{change.stack}.{change.resource}: what an update of {item.path} does is not known ({item.proof})"
        for change in plan.changes
        for item in change.properties
        if item.effect is Effect.UNKNOWN and change.action is Action.UPDATE
    ]
    return list(dict.fromkeys(asked))


def open_findings(plan: Plan) -> list[Finding]:
    """Policy findings that stop, because no exemption admits them."""
    return [f for f in plan.policy if f.severity is Severity.BLOCKER and not f.exemption]


def noted_findings(plan: Plan) -> list[Finding]:
    """Policy findings to mention: what an exemption admits, and what only warns.

    An exemption that this change does not need is no news: it stands for something that was there before.
    """
    return [
        finding
        for finding in plan.policy
        if (finding.exemption or finding.severity is not Severity.BLOCKER) and finding.rule != UNUSED
    ]


def dropped(plan: Plan) -> list[str]:
    """Artifacts that nothing names any longer, one sentence each."""
    gone = [one for one in plan.artifacts if one.after is None]
    return [f"{one.kind} {one.name} is no longer wanted; what was published stays" for one in gone]


def exposures(plan: Plan) -> tuple[list[Exposure], list[Exposure]]:
    """What widens and what narrows."""
    widened = [item for item in plan.exposure if item.direction.value == "widened"]
    narrowed = [item for item in plan.exposure if item.direction.value == "narrowed"]
    return widened, narrowed
