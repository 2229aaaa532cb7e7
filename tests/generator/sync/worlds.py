"""A world in memory for sync: stacks that behave as CloudFormation documents it, and a clock that never waits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import yaml

from generator.model.manifest import Artifact, Manifest
from generator.sync.errors import AddressMismatch
from generator.sync.ports import (
    ChangeSet,
    ChangeSetKind,
    LiveStack,
    ResourceChange,
    StackEvent,
    StackRequest,
)

_NOW = datetime(2026, 11, 23, tzinfo=UTC)


class FakeClock:
    """Seconds pass only when someone sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class InMemoryStacks:
    """Templates are `{Resources: {...}, Outputs: {...}}`; an output's value is its text, or a parameter by `Ref`."""

    failing: Mapping[str, str] = field(default_factory=dict)
    """Logical ids that fail, with the reason."""
    live: dict[str, LiveStack] = field(default_factory=dict)
    deployed: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    change_sets: dict[str, StackRequest] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    polls_in_progress: int = 1
    _events: dict[str, list[StackEvent]] = field(default_factory=dict)
    _pending: dict[str, tuple[LiveStack, int]] = field(default_factory=dict)

    def describe(self, name: str) -> LiveStack | None:
        if name in self._pending:
            after, polls = self._pending.pop(name)
            if polls:
                self._pending[name] = (after, polls - 1)
            elif after.status == "DELETE_COMPLETE":
                self.live.pop(name)
            else:
                self.live[name] = after
        return self.live.get(name)

    def create_change_set(self, request: StackRequest, kind: ChangeSetKind) -> ChangeSet:
        self.log.append(("create_change_set", request.name))
        assert (kind is ChangeSetKind.CREATE) == (
            request.name not in self.live or self.live[request.name].status == "REVIEW_IN_PROGRESS"
        )
        identifier = f"cs-{len(self.log)}"
        self.change_sets[identifier] = request
        if kind is ChangeSetKind.CREATE:
            self.live[request.name] = LiveStack(request.name, request.name, "REVIEW_IN_PROGRESS")
        resources = yaml.safe_load(request.template)["Resources"]
        changes = tuple(ResourceChange(name, "AWS::Fake::Thing", "Add", "") for name in resources)
        empty = self.deployed.get(request.name) == (request.template, dict(request.parameters))
        return ChangeSet(identifier, request.name, kind, () if empty else changes, empty)

    def execute(self, change_set: ChangeSet, token: str) -> None:
        self.log.append(("execute", change_set.stack))
        assert not change_set.empty, "CloudFormation refuses to execute an empty change set"
        request = self.change_sets.pop(change_set.id)
        template = yaml.safe_load(request.template)
        failed = [name for name in template["Resources"] if name in self.failing]
        verb = change_set.kind.value
        events = [_event(token, name, f"{verb}_IN_PROGRESS") for name in template["Resources"]]
        if failed:
            end = "ROLLBACK_COMPLETE" if verb == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
            events += [_event(token, failed[0], f"{verb}_FAILED", self.failing[failed[0]])]
            events += [
                _event(token, name, f"{verb}_FAILED", "Resource creation cancelled")
                for name in template["Resources"]
                if name != failed[0]
            ]
            after = LiveStack(request.name, request.name, end, f"The following resource(s) failed: {failed}")
        else:
            end = f"{verb}_COMPLETE"
            self.deployed[request.name] = (request.template, dict(request.parameters))
            outputs = {
                name: request.parameters[value["Ref"]] if isinstance(value, dict) else value
                for name, value in template.get("Outputs", {}).items()
            }
            after = LiveStack(request.name, request.name, end, "", outputs)
        events.append(_event(token, request.name, end, type_="AWS::CloudFormation::Stack"))
        self._events[request.name] = events
        self.live[request.name] = LiveStack(request.name, request.name, f"{verb}_IN_PROGRESS")
        self._pending[request.name] = (after, self.polls_in_progress)

    def discard(self, change_set: ChangeSet) -> None:
        self.log.append(("discard", change_set.stack))
        del self.change_sets[change_set.id]

    def delete(self, stack: LiveStack) -> None:
        self.log.append(("delete", stack.name))
        self.live[stack.name] = LiveStack(stack.name, stack.id, "DELETE_IN_PROGRESS")
        self._pending[stack.name] = (LiveStack(stack.name, stack.id, "DELETE_COMPLETE"), 0)

    def events(self, stack: str, token: str) -> Sequence[StackEvent]:
        return [event for event in self._events.get(stack, []) if event.id.startswith(token)]


def _event(token: str, name: str, status: str, reason: str = "", type_: str = "AWS::Fake::Thing") -> StackEvent:
    return StackEvent(f"{token}/{name}/{status}", _NOW, name, type_, status, reason)


@dataclass
class InMemoryArtifacts:
    """Keeps addresses per store."""

    stored: dict[str, set[str]] = field(default_factory=dict)
    mismatched: frozenset[str] = frozenset()
    log: list[str] = field(default_factory=list)

    def publish(self, artifact: Artifact, store: str) -> bool:
        self.log.append(artifact.name)
        if artifact.name in self.mismatched:
            raise AddressMismatch(artifact.name, artifact.source, artifact.address, "src-other")
        fresh = artifact.address not in self.stored.setdefault(store, set())
        self.stored[store].add(artifact.address)
        return fresh

    def point_box(self, manifest: Manifest, serve_config: str, store: str) -> str:
        self.log.append("box")
        return f"generation of {manifest.serve.sha256}"
