"""A plan as one pull-request comment: the verdict first, decisions next, property diffs last and folded away."""

from collections.abc import Iterator

from generator.plan.facts import Action, Plan, PropertyChange, ResourceChange, Severity
from generator.report.plan_text import property_lines
from generator.report.plan_words import (
    NEW_REVISION,
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

LIMIT = 65_000
"""Characters: GitHub refuses a comment of more than 65,536."""


def plan_markdown(plan: Plan, reproduce: str = "", limit: int = LIMIT) -> str:
    """A comment of at most `limit` characters; property diffs are dropped first, then rows of the stacks' tables."""
    if plan.empty:
        return f"### Plan for `{plan.environment}`: nothing to change\n"
    head, stacks = list(_head(plan)), list(_stacks(plan))
    diffs, tail = list(_diffs(plan)), list(_tail(plan, reproduce))
    text = _join(head, stacks, diffs, tail)
    if len(text) > limit:
        dropped = [
            "",
            f"_Property diffs left out: the comment would have {len(text):,} characters. Run the command below._",
        ]
        text = _join(head, stacks, dropped, tail)
        rows = len(stacks)
        while len(text) > limit and rows:
            rows = rows * 3 // 4
            cut = [*stacks[:rows], "", f"_{len(stacks) - rows} more lines left out._"]
            text = _join(head, cut, dropped, tail)
    return text


def _join(*parts: list[str]) -> str:
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(plan: Plan) -> Iterator[str]:
    yield f"### Plan for `{plan.environment}`"
    yield ""
    yield f"**{counts(plan)}** · {' · '.join(consequences(plan))} · digest `{plan.digest[:12]}`"
    if asked := decisions(plan):
        yield ""
        yield "> [!CAUTION]"
        yield "> **Decisions needed**"
        yield from (f"> - {text}" for text in asked)
    widened, narrowed = exposures(plan)
    if widened or narrowed:
        yield ""
        yield "**Exposure**"
        yield ""
        yield from (f"- ▲ **widened**: {item.sentence}" for item in widened)
        yield from (f"- ▼ narrowed: {item.sentence}" for item in narrowed)
    if plan.rollout.steps:
        yield ""
        yield f"**Rollout**, about {minutes(plan.rollout.minutes)}"
        yield ""
        yield "| wave | what happens | about |"
        yield "|---:|---|---:|"
        yield from (f"| {s.wave} | {_cell('; '.join(s.actions))} | {minutes(s.minutes)} |" for s in plan.rollout.steps)
        yield from ("", *(f"- {d.what} is down for about {minutes(d.minutes)}: {d.why}" for d in plan.rollout.downtime))
        yield from (f"- GPU handover: {step}" for step in plan.rollout.handover)


def _stacks(plan: Plan) -> Iterator[str]:
    changed = {change.stack for change in plan.changes}
    for stack, own in of_stacks(plan).items():
        yield ""
        yield f"**`{stack}`**"
        yield ""
        yield from (f"- {line}" for line in own)
        if stack not in changed:
            continue
        yield from [""] * bool(own)
        yield "| | resource | type | why | made by |"
        yield "|---|---|---|---|---|"
        yield from (_row(change) for change in plan.changes if change.stack == stack)
    if plan.serve:
        yield from (
            "",
            "**Serve apps**",
            "",
            "| app | what happens | why | fits beside the old version |",
            "|---|---|---|---|",
        )
        for change in plan.serve:
            fits = "yes" if change.fits else "**no**"
            yield f"| `{change.app}` | {change.action.value} | {_cell('; '.join(change.reasons))} | {fits} |"
    if plan.cost.lines or plan.cost.unpriced:
        yield from ("", "**Cost a month**", "", "| resource | item | before | after | |", "|---|---|---:|---:|---|")
        for line in plan.cost.lines:
            price = f"${line.before:,.2f} | ${line.after:,.2f}"
            yield f"| `{line.stack}.{line.resource}` | {_cell(line.item)} | {price} | {_cell(line.assumption)} |"
        if plan.cost.during:
            yield f"| | double running, once | | {dollars(plan.cost.during)} | |"
        yield from ("", *(f"- no price known: {name}" for name in plan.cost.unpriced))
    notes = [o.sentence for o in plan.deployability if o.severity is not Severity.BLOCKER] + dropped(plan)
    notes += [
        f"`{f.rule}` {f.sentence}" + (f" (exempt: {f.exemption})" if f.exemption else "") for f in noted_findings(plan)
    ]
    if notes:
        yield from ("", "**Notes**", "", *(f"- {note}" for note in notes))


def _row(change: ResourceChange) -> str:
    mark = SIGN[change.action]
    grave = change.action in (Action.REPLACE, Action.DELETE) and change.type not in NEW_REVISION
    mark = f"**{mark}**" if grave else mark
    made_by = f"`{change.source}`" if change.source else ""
    return f"| {mark} | `{change.resource}` | {change.type} | {_cell(why(change))} | {made_by} |"


def _diffs(plan: Plan) -> Iterator[str]:
    changes = [c for c in plan.changes if c.action in (Action.UPDATE, Action.REPLACE) and c.properties]
    if not changes:
        return
    count = sum(len(change.properties) for change in changes)
    yield ""
    yield f"<details><summary>Property diffs ({count})</summary>"
    for change in changes:
        yield ""
        yield f"`{change.stack}.{change.resource}`"
        yield "```diff"
        for item in change.properties:
            yield from _diff(item)
        yield "```"
    yield ""
    yield "</details>"


def _diff(item: PropertyChange) -> Iterator[str]:
    yield f"@@ {item.path}: {item.effect.value} ({item.proof}) @@"
    yield from (f"{mark} {text}".replace("```", "'''") for mark, text in property_lines(item))


def _tail(plan: Plan, reproduce: str) -> Iterator[str]:
    yield ""
    command = f" · reproduce: `{reproduce}`" if reproduce else ""
    yield f"<sub>plan digest `{plan.digest}`{command}</sub>"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
