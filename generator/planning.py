"""Plans of a checkout: the rim around `generator/plan`, which reads files, Git and the calendar for it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from generator.checkout import ENVIRONMENTS, STACKS, TEMPLATES
from generator.errors import EcgError
from generator.plan.exemptions import Exemption, parse
from generator.plan.facts import Effect, Plan, Severity
from generator.plan.plan import plan
from generator.plan.policy import RULE_IDS
from generator.plan.provenance import with_sources
from generator.plan.reading import read, read_pair
from generator.plan.tree import Tree
from generator.revisions import merge_base, tree_at

if TYPE_CHECKING:
    from generator.sync.live_tree import LiveTree


class FailOn(StrEnum):
    """What `ecgctl plan --fail-on` may fail on."""

    CHANGES = "changes"
    POLICY = "policy"
    DATA_LOSS = "data-loss"
    REPLACEMENT = "replacement"
    DOWNTIME = "downtime"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"

    def met_by(self, found: Plan) -> bool:
        """Whether a plan has what this names."""
        match self:
            case FailOn.CHANGES:
                return not found.empty
            case FailOn.POLICY:
                return any(f.severity is Severity.BLOCKER and not f.exemption for f in found.policy)
            case FailOn.DATA_LOSS:
                return bool(found.verdict.data_at_risk)
            case FailOn.REPLACEMENT:
                return found.verdict.replaced > 0
            case FailOn.DOWNTIME:
                return found.verdict.downtime_minutes > 0
            case FailOn.UNKNOWN:
                return any(p.effect is Effect.UNKNOWN for change in found.changes for p in change.properties)
            case FailOn.BLOCKED:
                return found.verdict.blocked


class NoTree(EcgError):
    """A folder or an environment with nothing to plan."""

    exit_code = 2

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} holds no manifest.yaml\n  next: ecgctl render, or name a folder of that shape")


def plan_environment(root: Path, environment: str, base: str | None) -> tuple[Plan, str]:
    """What the working tree changes against `base` (default: where this branch left main), and the base's name.

    Raises UnknownRevision, InvalidTree, InvalidExemptions, NoTree.
    """
    sides, revision = from_revision(root, environment, base)
    return _planned(root, environment, sides), revision


def plan_live(root: Path, environment: str, live: "LiveTree") -> Plan:
    """What making what is live equal to the working tree does. Raises LiveUnknown, InvalidTree, InvalidExemptions."""
    return _planned(root, environment, from_live(root, environment, live))


@dataclass(frozen=True)
class Sides:
    """Two trees of an environment as texts, each with the name that goes before its paths."""

    before: Mapping[str, str]
    after: Mapping[str, str]
    names: tuple[str, str]


def from_revision(root: Path, environment: str, base: str | None) -> tuple[Sides, str]:
    """`base` (default: where this branch left main) and the working tree, and the base's name.

    Raises UnknownRevision, NoTree.
    """
    revision = base or merge_base(root)
    before, after = tree_at(root, revision, environment), _files(root / TEMPLATES / environment)
    if not after and not before:
        raise NoTree(f"templates_out/{environment}")
    return Sides(before, after, (f"{revision}:templates_out/{environment}", f"templates_out/{environment}")), revision


def from_live(root: Path, environment: str, live: "LiveTree") -> Sides:
    """What is live and the working tree. Raises LiveUnknown."""
    live.require_known()
    return Sides(live.files, _files(root / TEMPLATES / environment), ("live", f"templates_out/{environment}"))


def _planned(root: Path, environment: str, sides: Sides) -> Plan:
    exempt = _exemptions(root / ENVIRONMENTS / f"{environment}.exemptions.yaml")
    trees = read_pair(sides.before, sides.after, sides.names)
    found = plan(*trees, exempt, date.today() if exempt else None)  # noqa: DTZ011  a day
    return replace(found, changes=with_sources(found.changes, _modules(root)))


def plan_folders(before: Path, after: Path) -> Plan:
    """What going from one folder of the `templates_out/<env>` shape to another changes."""
    files = [_files(folder) for folder in (before, after)]
    for folder, found in zip((before, after), files, strict=True):
        if found and "manifest.yaml" not in found:
            raise NoTree(str(folder))
    if not any(files):
        raise NoTree(f"{before} and {after}")
    return plan(*read_pair(files[0], files[1], (str(before), str(after))))


def tree_of(root: Path, environment: str) -> Tree:
    """What the working tree holds for an environment. Raises InvalidTree, NoTree."""
    files = _files(root / TEMPLATES / environment)
    if not files:
        raise NoTree(f"templates_out/{environment}")
    return read(files, f"templates_out/{environment}")


def _files(folder: Path) -> Mapping[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.yaml"))
    }


def _modules(root: Path) -> Mapping[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (root / STACKS).glob("*.py")}


def _exemptions(file: Path) -> tuple[Exemption, ...]:
    return parse(file.read_text(encoding="utf-8"), file.name, RULE_IDS) if file.exists() else ()
