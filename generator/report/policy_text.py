"""What an environment as a whole breaks: what nobody has explained first, then every explanation with its places."""

import dataclasses
import json
from collections.abc import Iterable, Mapping

from click import style

from generator.plan.facts import Finding, Severity

_COLOURS = {Severity.BLOCKER: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def policy_text(
    environment: str,
    tools: Mapping[str, str],
    unexplained: Iterable[Finding],
    explained: Iterable[Finding],
    *,
    brief: bool = False,
) -> str:
    """The report for a terminal; `brief` only counts what is explained."""
    open_ones, closed = list(unexplained), list(explained)
    asked = ", ".join(f"{name} {version}" for name, version in tools.items())
    lines = [style(f"policy {environment}", bold=True) + f"  ({asked})"]
    lines += [_line(one) for one in open_ones]
    for words, places in ({} if brief else _by_reason(closed)).items():
        lines.append(f"{', '.join(sorted({one.rule for one in places}))}: {words}")
        lines += [style(f"    {one.stack}.{one.resource}: {one.sentence}", dim=True) for one in places]
    count = f"{len(open_ones)} unexplained, {len(closed)} explained"
    return "\n".join([*lines, style(count, fg="red" if open_ones else "green", bold=True)])


def policy_json(
    environment: str, tools: Mapping[str, str], unexplained: Iterable[Finding], explained: Iterable[Finding]
) -> str:
    """The same as a JSON document."""
    return json.dumps(
        {
            "environment": environment,
            "tools": dict(tools),
            "unexplained": [dataclasses.asdict(one) for one in unexplained],
            "explained": [dataclasses.asdict(one) for one in explained],
        },
        indent=1,
    )


def _line(one: Finding) -> str:
    severity = style(one.severity.value, fg=_COLOURS[one.severity])
    return f"{severity}  {one.rule}  {one.stack}.{one.resource}: {one.sentence}"


def _by_reason(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    reasons: dict[str, list[Finding]] = {}
    for one in findings:
        reasons.setdefault(one.exemption, []).append(one)
    return reasons
