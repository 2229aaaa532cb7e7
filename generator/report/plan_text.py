"""A plan for a terminal. Colours are ANSI codes; `click.echo` takes them off where nobody sees them."""

import difflib
from collections.abc import Iterator

from click import style

from generator.plan.facts import Action, Effect, Plan, PropertyChange, ResourceChange, Severity
from generator.report.plan_words import (
    SIGN,
    consequences,
    counts,
    decisions,
    dollars,
    dropped,
    exposures,
    minutes,
    noted_findings,
    of_stacks,
    why,
)
from generator.report.values import lines, words

_COLOUR = {Action.CREATE: "green", Action.UPDATE: "yellow", Action.REPLACE: "magenta", Action.DELETE: "red"}
_LOUD = {Effect.REPLACEMENT, Effect.MAY_REPLACE, Effect.UNSUPPORTED, Effect.UNKNOWN}


def plan_text(plan: Plan, *, details: bool = True) -> str:
    """A plan in sections, gravest first; `details` adds each property's before and after."""
    return "\n".join(_sections(plan, details))


def _sections(plan: Plan, details: bool) -> Iterator[str]:
    if plan.empty:
        yield f"plan for {plan.environment}: nothing to change"
        return
    yield style(f"plan for {plan.environment}", bold=True) + f"  {plan.digest[:12]}"
    yield counts(plan)
    yield "; ".join(consequences(plan))
    yield from _section("decide first", [style(f"! {text}", fg="red") for text in decisions(plan)])
    widened, narrowed = exposures(plan)
    yield from _section(
        "exposure",
        [style(f"▲ {item.sentence}", fg="red") for item in widened] + [f"▼ {item.sentence}" for item in narrowed],
    )
    yield from _changes(plan, details)
    yield from _section("serve apps", [_serve_line(plan, index) for index in range(len(plan.serve))])
    yield from _section(
        "rollout",
        [f"wave {s.wave}, about {minutes(s.minutes)}: {'; '.join(s.actions)}" for s in plan.rollout.steps]
        + [style(f"{d.what} is down for about {minutes(d.minutes)}: {d.why}", fg="red") for d in plan.rollout.downtime]
        + [f"GPU handover: {step}" for step in plan.rollout.handover],
    )
    yield from _section(
        "cost",
        [
            f"{line.stack}.{line.resource}: {line.item}: {dollars(line.after - line.before)}/month"
            + (f" ({line.assumption})" if line.assumption else "")
            for line in plan.cost.lines
        ]
        + ([f"double running, once: {dollars(plan.cost.during)}"] if plan.cost.during else [])
        + [f"no price known: {name}" for name in plan.cost.unpriced],
    )
    yield from _section(
        "notes",
        [o.sentence for o in plan.deployability if o.severity is not Severity.BLOCKER]
        + dropped(plan)
        + [
            f"{f.rule}: {f.sentence}" + (f" (exempt: {f.exemption})" if f.exemption else "")
            for f in noted_findings(plan)
        ],
    )


def _section(title: str, body: list[str]) -> Iterator[str]:
    if body:
        yield ""
        yield style(title, bold=True)
        yield from (f"  {line}" for line in body)


def _changes(plan: Plan, details: bool) -> Iterator[str]:
    waves = {stack.name: stack.wave for stack in plan.stacks}
    for stack, own in of_stacks(plan).items():
        yield ""
        yield style(stack, bold=True) + style(f"  wave {waves.get(stack, 0)}", dim=True)
        yield from (f"  {style(SIGN[Action.UPDATE], fg='yellow', bold=True)} {line}" for line in own)
        for change in plan.changes:
            if change.stack == stack:
                yield from _change(change, details)


def _change(change: ResourceChange, details: bool) -> Iterator[str]:
    sign = style(SIGN[change.action], fg=_COLOUR[change.action], bold=True)
    reason = why(change)
    yield f"  {sign} {change.resource}  {style(change.type, dim=True)}" + (f"  {reason}" if reason else "")
    if change.source:
        yield style(f"      {change.source}", dim=True)
    if details and change.action in (Action.UPDATE, Action.REPLACE):
        for item in change.properties:
            yield from _property(item)


def _property(item: PropertyChange) -> Iterator[str]:
    colour = "magenta" if item.effect in _LOUD else None
    yield f"      {item.path}: {style(item.effect.value, fg=colour)}" + style(f"  {item.proof}", dim=True)
    for mark, text in property_lines(item):
        yield style(f"        {mark} {text}", fg={"-": "red", "+": "green"}.get(mark))


def property_lines(item: PropertyChange) -> Iterator[tuple[str, str]]:
    """A property's change as (`-`, `+` or a blank, text): of texts of several lines only what differs, with context."""
    before, after = lines(item.before), lines(item.after)
    if item.before == item.after:
        return  # Its text is the same; what it refers to is not, and the proof says why.
    if before and after:
        for line in list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:]:
            if not line.startswith("@@"):
                yield line[0].strip() or " ", line[1:]
        return
    if item.before is not None:
        yield "-", words(item.before)
    if item.after is not None:
        yield "+", words(item.after)


def _serve_line(plan: Plan, index: int) -> str:
    change = plan.serve[index]
    text = f"{change.app}: {change.action.value}" + (f" ({'; '.join(change.reasons)})" if change.reasons else "")
    needs = ", ".join(f"{change.needs[name]:g} of {change.has.get(name, 0):g} {name}" for name in sorted(change.needs))
    text += f"; needs {needs} while both versions run" if needs else ""
    return text if change.fits else style(f"{text}: does not fit", fg="red")
