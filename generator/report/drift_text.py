"""Drift for a terminal, for a pull request and for machines. Pure."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from click import style

from generator.report.columns import Cell, table
from generator.sync.drift.ignoring import DELETED
from generator.sync.drift.verdict import Coverage, EnvironmentDrift, Finding, ResourceDrift

_VALUE = 60
"""Characters of a value in a table; JSON cuts nothing."""


def drift_text(drift: EnvironmentDrift) -> str:
    """What drifted as a table, what is ignored and why, what was not looked at, and what to do."""
    return "\n".join(_lines(drift))


def drift_markdown(drift: EnvironmentDrift) -> str:
    """The same for a pull request or a job's summary."""
    lines = [f"### Drift of `{drift.environment}`", "", f"**{_headline(drift)}**", ""]
    if drift.drifted:
        lines += ["| resource | type | property | template | live |", "|---|---|---|---|---|"]
        for resource, finding in _all(drift, ignored=False):
            expected, actual = _values(finding)
            place = f"`{resource.stack}.{resource.logical_id}`"
            lines.append(
                f"| {place} | {resource.type} | `{finding.difference.path}` | {_code(expected)} | {_code(actual)} |"
            )
        lines.append("")
    lines += [f"- {note}" for note in _notes(drift)]
    return "\n".join(lines) + "\n"


def drift_data(drift: EnvironmentDrift) -> dict[str, Any]:
    """As plain data; what `status/{env}.json` keeps of it."""
    return {
        "apiVersion": "gitops.ecg/v1",
        "kind": "EnvironmentDrift",
        "environment": drift.environment,
        "at": drift.at.isoformat(),
        "drifted": drift.drifted,
        "coverage": asdict(drift.coverage),
        "resources": [
            {
                "stack": resource.stack,
                "resource": resource.logical_id,
                "type": resource.type,
                "physicalId": resource.physical_id,
                "property": finding.difference.path,
                "change": finding.difference.kind,
                "template": finding.difference.expected,
                "live": finding.difference.actual,
                "ignored": finding.ignored.words if finding.ignored else None,
            }
            for ignored in (False, True)
            for resource, finding in _all(drift, ignored=ignored)
        ],
        "unread": {stack.name: stack.unread for stack in drift.unread},
    }


def drift_json(drift: EnvironmentDrift) -> str:
    """As a JSON document."""
    return json.dumps(drift_data(drift), indent=1, ensure_ascii=False)


def _lines(drift: EnvironmentDrift) -> Iterator[str]:
    yield f"{style(drift.environment, bold=True)}  looked at {drift.at:%Y-%m-%d %H:%M:%S} UTC"
    colour = "red" if drift.drifted else "yellow" if drift.unread else "green"
    yield f"drift     {style(_headline(drift), fg=colour)}"
    if drift.drifted:
        yield ""
        yield from table(
            ("STACK", "RESOURCE", "TYPE", "PROPERTY", "TEMPLATE", "LIVE"), [_row(*one) for one in _all(drift, False)]
        )
    yield ""
    yield from _notes(drift)
    if drift.drifted:
        yield f"next: ecgctl drift {drift.environment} --on-drift revert   the template wins"
        yield f"      ecgctl drift {drift.environment} --on-drift pr       a pull request that accepts what is live"


def _headline(drift: EnvironmentDrift) -> str:
    resources = [one for stack in drift.stacks for one in stack.reverts]
    ignored = sum(1 for _ in _all(drift, ignored=True))
    parts = []
    if resources:
        stacks = len({one.stack for one in resources})
        parts.append(f"{_count(len(resources), 'resource')} in {_count(stacks, 'stack')}")
    elif not drift.unread:
        parts.append("none")
    if ignored:
        parts.append(f"{_count(ignored, 'difference')} ignored")
    if drift.unread:
        parts.append(f"not known of {_count(len(drift.unread), 'stack')}")
    return ", ".join(parts)


def _notes(drift: EnvironmentDrift) -> Iterator[str]:
    for resource, finding in _all(drift, ignored=True):
        rule = finding.ignored
        assert rule is not None  # noqa: S101  asked for
        place = f"{resource.stack}.{resource.logical_id} {finding.difference.path}"
        yield f"ignored: {place} is {finding.difference.actual}: {rule.words}"
    for _, finding in _all(drift, ignored=False):
        if finding.expired:
            yield f"expired: {finding.expired.where} ignored this until {finding.expired.expires.isoformat()}"
    for rule in drift.unused:
        yield f"unused: {rule.where} ignores nothing; take it out"
    for stack in drift.unread:
        yield f"not known: {stack.name}: {stack.unread}"
    yield from coverage_lines(drift.coverage)


def coverage_lines(coverage: Coverage) -> Iterator[str]:
    """How much was looked at: declared, unchecked, undeclared."""
    yield (
        f"declared: {coverage.declared} properties of {coverage.compared} of {coverage.resources} resources were "
        f"compared with what is there"
    )
    if coverage.unchecked:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in coverage.unchecked.items())
        yield f"unchecked: CloudFormation did not look at {sum(coverage.unchecked.values())}: {kinds}"
    yield "undeclared: what no template sets, and resources that no stack made, are not seen"


def _all(drift: EnvironmentDrift, ignored: bool) -> Iterator[tuple[ResourceDrift, Finding]]:
    for stack in drift.stacks:
        for resource in stack.drifted:
            for finding in resource.ignored if ignored else resource.counts:
                yield resource, finding


def _row(resource: ResourceDrift, finding: Finding) -> tuple[Cell | str, ...]:
    expected, actual = _values(finding)
    path = Cell("is gone", "red") if finding.difference.path == DELETED else finding.difference.path
    return resource.stack, resource.logical_id, resource.type, path, _short(expected), Cell(_short(actual), "yellow")


def _values(finding: Finding) -> tuple[str, str]:
    """Template's and live value; `-` where there is none."""
    one = finding.difference
    return ("-" if one.kind == "ADD" else one.expected, "-" if one.kind == "REMOVE" else one.actual)


def _short(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= _VALUE else f"{line[: _VALUE - 1]}…"


def _code(value: str) -> str:
    # A pipe would end the cell, a backtick the code.
    return f"`{_short(value)}`".replace("|", "\\|") if value != "-" else "-"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
