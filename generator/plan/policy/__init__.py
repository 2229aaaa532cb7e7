"""Rules over (before, after, verdict): what a change makes worse, and who said that it may.

two trees + changes + exposures
  -> data, access, contents    the rules; each yields where the change breaks it (`rule`)
  -> exemptions                lower what they admit to a note; expired ones fail, unused ones are noted
  -> Findings                  blockers first
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from generator.plan.exemptions import Exemption
from generator.plan.exposure import exposure
from generator.plan.exposure.sides import sides
from generator.plan.facts import Action, Cause, Exposure, Finding, ResourceChange, Severity
from generator.plan.policy import access, contents, data
from generator.plan.policy.rule import Case, Rule
from generator.plan.tree import Tree

__all__ = ["EXPIRED", "RULES", "RULE_IDS", "UNUSED", "explained", "policy", "whole"]

RULES: Final[tuple[Rule, ...]] = (*data.RULES, *access.RULES, *contents.RULES)
RULE_IDS: Final = frozenset(rule.id for rule in RULES)
"""What an exemption may name."""

EXPIRED: Final = "expired-exemption"
UNUSED: Final = "unused-exemption"

_GRAVEST_FIRST: Final = {Severity.BLOCKER: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def policy(
    before: Tree,
    after: Tree,
    changes: Iterable[ResourceChange],
    exposures: Iterable[Exposure],
    exemptions: Iterable[Exemption] = (),
    *,
    today: date | None = None,
    standing: bool = False,
) -> tuple[Finding, ...]:
    """Where the change breaks a rule; blockers first, sorted, no repeats.

    `today` decides which exemptions have expired; it must be given with any. With `standing`, what `after` breaks
    without the change's doing is listed too, as notes. Raises ValueError for exemptions without a day.
    """
    exemptions = tuple(exemptions)
    if exemptions and today is None:
        raise ValueError("exemptions expire: pass today")
    changes = tuple(changes)
    found = list(_findings(before, after, changes, tuple(exposures)))
    if standing:
        found += _standing(after, found)
    used: set[Exemption] = set()
    admitted = [_admitted(finding, exemptions, today, used) for finding in found]
    admitted += _about(exemptions, today, used)
    return tuple(sorted(dict.fromkeys(admitted), key=_order))


def _findings(
    before: Tree, after: Tree, changes: tuple[ResourceChange, ...], exposures: tuple[Exposure, ...]
) -> Iterator[Finding]:
    case = Case(sides(before, after, changes), changes, exposures)
    for rule in RULES:
        for breach in rule.breaches(case):
            yield Finding(rule.id, breach.severity or rule.severity, *breach.place, breach.sentence)


def whole(tree: Tree) -> Iterator[Finding]:
    """What the rules say of a whole environment, as if all of it were new."""
    everything = tuple(
        ResourceChange(stack, resource.id, resource.type, Action.CREATE, None, Cause.DIRECT, (), stateful=False)
        for stack, template in tree.templates.items()
        for resource in template.resources.values()
    )
    yield from _findings(Tree(), tree, everything, exposure(Tree(), tree, everything))


def _standing(after: Tree, found: list[Finding]) -> Iterator[Finding]:
    """The same, but for what the change does, as notes."""
    known = {(one.rule, one.stack, one.resource) for one in found}
    for one in whole(after):
        if (one.rule, one.stack, one.resource) not in known:
            yield replace(one, severity=Severity.NOTE)


def explained(
    findings: Iterable[Finding], exemptions: Iterable[Exemption], today: date
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings that nobody has explained, with what is wrong with the exemptions; and those that somebody has."""
    exemptions, used = tuple(exemptions), set[Exemption]()
    judged = [one if one.exemption else _admitted(one, exemptions, today, used) for one in sorted(findings, key=_order)]
    open_ones = [one for one in judged if not one.exemption]
    open_ones += [
        replace(one, sentence=one.sentence.replace("of this change", "of what was found"))
        for one in _about(exemptions, today, used)
    ]
    return tuple(dict.fromkeys(open_ones)), tuple(dict.fromkeys(one for one in judged if one.exemption))


def _admitted(finding: Finding, exemptions: tuple[Exemption, ...], today: date | None, used: set[Exemption]) -> Finding:
    for exemption in exemptions:
        if exemption.admits(finding.rule, finding.stack, finding.resource):
            used.add(exemption)
            if today is not None and exemption.holds(today):
                return replace(finding, severity=Severity.NOTE, exemption=exemption.words)
    return finding


def _about(exemptions: tuple[Exemption, ...], today: date | None, used: set[Exemption]) -> Iterator[Finding]:
    """What there is to say of the exemptions themselves."""
    for one in exemptions:
        where = f" ({one.where})" if one.where else ""
        what = f"the exemption from {one.rule} for {one.stack}.{one.resource}{where}"
        if today is not None and not one.holds(today):
            sentence = f"{what} expired on {one.expires.isoformat()}; {one.owner} renews it, or it is removed"
            yield Finding(EXPIRED, Severity.BLOCKER, one.stack, one.resource, sentence)
        elif one not in used:
            sentence = f"{what} admits nothing of this change"
            yield Finding(UNUSED, Severity.NOTE, one.stack, one.resource, sentence)


def _order(one: Finding) -> tuple[int, str, str, str, str]:
    return _GRAVEST_FIRST[one.severity], one.stack, one.resource, one.rule, one.sentence
