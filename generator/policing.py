"""What an environment as a whole breaks: cfn-lint, cloudformation-validate and the rules of docs/policy.md in one.

The rim around `generator/plan/policy`, which reads files and asks the other two tools for it. A finding is explained
by the list `standing` of the environment's exemptions file, or, where a tool is told in a template's metadata to leave
something alone, by the reason that stands beside it there.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from generator.checkout import ENVIRONMENTS, TEMPLATES
from generator.errors import EcgError
from generator.plan.exemptions import PACKS, parse_standing
from generator.plan.facts import Finding, Severity
from generator.plan.policy import RULE_IDS, explained, whole
from generator.plan.tree import Template
from generator.planning import tree_of

LINT: Final = "cfn-lint"
VALIDATE: Final = "validate"
TEMPLATE: Final = "*"
"""Where the resource of a finding would stand, in one about a template as a whole."""

Tool = Callable[[Mapping[str, Path]], Iterable[Finding]]
"""Files by stack -> what a tool finds in them."""

_LEVELS: Final = {"Error": Severity.BLOCKER, "Warning": Severity.WARNING, "Informational": Severity.NOTE}


class ToolFailed(EcgError):
    """One of the tools did not run to its end, so nobody knows what it would have found."""

    exit_code = 3

    def __init__(self, tool: str, said: str) -> None:
        self.tool, self.said = tool, said
        super().__init__(f"{tool}: {said}\n  next: make install, then try again")


@dataclass(frozen=True)
class Policing:
    """What was found in an environment, and by what."""

    environment: str
    templates: int
    tools: Mapping[str, str]
    """Tool -> version."""
    unexplained: tuple[Finding, ...]
    explained: tuple[Finding, ...]


def police(root: Path, environment: str, today: date, tools: Sequence[Tool] = ()) -> Policing:
    """Judge `templates_out/<environment>` by our own rules and by `tools` (default: both of the others).

    Raises NoTree, InvalidTree, InvalidExemptions, ToolFailed.
    """
    tree = tree_of(root, environment)
    folder = root / TEMPLATES / environment / "stacks"
    files = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    file = root / ENVIRONMENTS / f"{environment}.exemptions.yaml"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    found = [*whole(tree), *(one for tool in tools or (linted, validated) for one in tool(files))]
    for template in tree.templates.values():
        found += _ignored(template)
    standing = [one for one in parse_standing(text, file.name, RULE_IDS) if not one.rule.startswith(PACKS)]
    open_ones, closed = explained(found, standing, today)
    versions = {name: metadata.version(name) for name in (LINT, "cloudformation-validate")}
    return Policing(environment, len(files), {"ecgctl": f"{len(RULE_IDS)} rules", **versions}, open_ones, closed)


def linted(files: Mapping[str, Path]) -> Iterator[Finding]:
    """What cfn-lint says."""
    program = Path(sys.executable).with_name(LINT)
    try:
        done = subprocess.run(
            [program, "--format", "json", *files.values()], capture_output=True, text=True, check=False
        )
        said: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except (OSError, json.JSONDecodeError) as error:
        raise ToolFailed(LINT, f"{type(error).__name__}") from error
    if done.returncode != 0 and not said:
        raise ToolFailed(LINT, done.stderr.strip() or f"exit code {done.returncode}")
    for one in said:
        path = one["Location"]["Path"] or []
        resource = str(path[1]) if path[:1] == ["Resources"] and len(path) > 1 else TEMPLATE
        yield Finding(
            f"{LINT}:{one['Rule']['Id']}",
            _LEVELS.get(one["Level"], Severity.WARNING),
            Path(one["Filename"]).stem,
            resource,
            one["Message"],
        )


def validated(files: Mapping[str, Path]) -> Iterator[Finding]:
    """What cloudformation-validate says, but for its information (which property replaces what: the plan says that)."""
    try:
        from cloudformation_validate import CompositeEngine, ValidateConfig
        from cloudformation_validate import Severity as Level
    except ImportError as error:
        raise ToolFailed("cloudformation-validate", "is not installed") from error
    engine, asked = CompositeEngine(), ValidateConfig(severity_level=Level.WARN)
    for stack, file in files.items():
        for one in engine.validate_template(file, asked).diagnostics:
            severity = Severity.WARNING if one.severity is Level.WARN else Severity.BLOCKER
            resource = one.entity.logical_id if one.entity else TEMPLATE
            yield Finding(f"{VALIDATE}:{one.rule_id}", severity, stack, resource, one.message)


def _ignored(template: Template) -> Iterator[Finding]:
    """What a template's metadata tells cfn-lint to leave alone, with the reason that stands beside it."""
    said: Mapping[str, Any] = (template.source.data if template.source else {}).get("Metadata", {})
    for rule in said.get(LINT, {}).get("config", {}).get("ignore_checks", ()):
        reason = said.get("reasons", {}).get(rule, "")
        sentence = "the template's metadata tells cfn-lint to leave it alone"
        yield Finding(f"{LINT}:{rule}", Severity.NOTE, template.stack, TEMPLATE, sentence, reason)
