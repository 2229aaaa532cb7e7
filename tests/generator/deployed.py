"""A tree of `templates_out/<env>` as it looks once it is deployed, and what people and accidents make of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from generator.live_plan import plan_from_live, shown
from generator.model.manifest import ArtifactKind, Manifest, parse
from generator.model.wiring import Wire
from generator.model.yaml_source import read
from generator.plan.facts import Cause, Plan
from generator.sync.health import Box, Reading, Unreadable
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.live_tree import LiveEnvironment, LiveTree, live_tree
from generator.sync.status import EnvironmentStatus, SyncStatus, status_of, things_to_read

Files = Mapping[str, str]
NOW = datetime(2026, 11, 23, tzinfo=UTC)
OWN = "the account's own"
"""Where Git leaves a value `unresolved`."""


@dataclass
class Deployed:
    """What `ecgctl` would read, and may be spoilt."""

    manifest: Manifest
    stacks: dict[str, StackReading]
    box: Reading
    sites: dict[str, Reading]

    def stack(self, name: str) -> LiveTemplate:
        found = self.stacks[self.manifest.stack_id(name)]
        assert isinstance(found, LiveTemplate)
        return found

    def put(self, name: str, reading: StackReading) -> None:
        self.stacks[self.manifest.stack_id(name)] = reading

    def describe(self, name: str, **fields: Any) -> None:
        """Let DescribeStacks say something else of a stack."""
        old = self.stack(name)
        self.put(name, replace(old, description={**old.description, **fields}))

    def set(self, name: str, parameter: str, value: str) -> None:
        """Give a stack another value for a parameter."""
        given = {**self.stack(name).parameters, parameter: value}
        self.describe(name, Parameters=pairs("Parameter", given))

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        """Give a stack another template."""
        old = self.stack(name)
        assert change(old.template) != old.template
        self.put(name, replace(old, template=change(old.template)))


def pairs(kind: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    """As CloudFormation lists parameters and outputs."""
    return [{f"{kind}Key": key, f"{kind}Value": value} for key, value in values.items()]


def deployed(files: Files) -> Deployed:
    """A tree after an apply of it."""
    manifest = parse(files["manifest.yaml"], "")
    tags = [{"Key": key, "Value": value} for key, value in manifest.tags.items()]
    stacks: dict[str, StackReading] = {}
    for stack in manifest.stacks:
        description = {
            "StackStatus": "UPDATE_COMPLETE",
            "Tags": tags,
            "Parameters": pairs("Parameter", {name: _live(value) for name, value in stack.parameters.items()}),
            "Outputs": pairs(
                "Output", {name: _live(Wire(stack.name, name)) for name in _outputs(files[stack.template])}
            ),
        }
        stacks[manifest.stack_id(stack.name)] = LiveTemplate(description, files[stack.template].rstrip(), {})
    packages = {
        one.name: {"name": one.name, "key": "k", "sha256": one.address.removesuffix(".zip")}
        for one in manifest.artifacts
        if one.kind is ArtifactKind.PACKAGE
    }
    desired = {"agent": packages.pop("agent"), "packages": list(packages.values())}
    desired["serve"] = {"key": "k", "sha256": manifest.serve.sha256}
    box = {"report": None, "desired": desired, "config": files[manifest.serve.config]}
    sites = {one.name: {"address": one.address} for one in manifest.artifacts if one.kind is ArtifactKind.SITE}
    return Deployed(manifest, stacks, box, sites)


@cache
def _outputs(template: str) -> tuple[str, ...]:
    return tuple(read(template, "").data.get("Outputs", {}))


def _live(value: Wire | str) -> str:
    return f"{value.stack}'s {value.output}" if isinstance(value, Wire) else OWN if value == "unresolved" else value


def looked_at(world: Deployed, git: Files) -> tuple[LiveTree, Plan, EnvironmentStatus]:
    """The world against Git, as `plan --live` and as `status` show it."""
    manifest = parse(git["manifest.yaml"], "")
    wanted = {manifest.stack_id(stack.name) for stack in manifest.stacks}
    others = {name: one for name, one in world.stacks.items() if name not in wanted and isinstance(one, LiveTemplate)}
    ours = [name for name, one in others.items() if manifest.tags.items() <= one.tags.items()]
    live = LiveEnvironment(world.stacks, ours, world.box, world.sites)
    tree = live_tree(manifest, git, live)
    planned = plan_from_live(manifest, git, tree)
    things = things_to_read(manifest, git, live.stacks)
    readings = {thing: live.box if isinstance(thing, Box) else Unreadable("not asked") for thing in things}
    said = shown(manifest, git, tree, planned)
    status = status_of(manifest, git, live.stacks, readings, NOW, said, strays=live.strays)
    return tree, planned, status


def disagreements(tree: LiveTree, planned: Plan, status: EnvironmentStatus) -> list[str]:
    """Where `status` and `plan --live` say different things: as a whole, and stack by stack."""
    if tree.unknown:
        return [] if status.sync is SyncStatus.UNKNOWN else [f"{[*tree.unknown]} are unknown, all is {status.sync}"]
    synced = status.sync is SyncStatus.SYNCED
    found = [] if synced == planned.empty else [f"all is {status.sync}, the plan has {planned.verdict}"]
    direct = {one.name for one in planned.stacks if one.cause is Cause.DIRECT}
    for row in status.stacks:
        name = row.name.split(f"-{status.environment}-")[-1]
        if (row.sync is SyncStatus.SYNCED) == (name in direct):
            found.append(f"{row.name} is {row.sync} and {'' if name in direct else 'not '}in the plan")
    return found
