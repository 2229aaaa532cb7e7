"""What changed resources drag along: every property that refers to something whose value changes with them.

Ref and GetAtt, inside Sub, Join, If and any other intrinsic; Outputs; the manifest's wires and ImportValue into other
stacks. A property reached may replace its own resource, which moves more values, until nothing new is reached.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from generator.model.wiring import Wire
from generator.plan.difference import Difference, Step, dotted, says
from generator.plan.effects import GRAVITY, change, known_behaviour
from generator.plan.facts import Action, Cause, Confidence, Effect, PropertyChange
from generator.plan.fate import action
from generator.plan.tree import Att, Call, Ref, Resource, Template, Text, Tree, references
from generator.plan.values import calls

Place = tuple[str, str]
"""Stack and logical id."""


@dataclass
class Changing:
    """A resource of both trees while its changes are collected."""

    before: Resource
    after: Resource
    properties: tuple[PropertyChange, ...]
    cause: Cause

    @property
    def action(self) -> Action:
        return action(self.properties)

    @property
    def gravest(self) -> Effect:
        return max((one.effect for one in self.properties), key=lambda effect: GRAVITY[effect])


@dataclass(frozen=True)
class Moved:
    """A name in one stack whose value changes, and why. `sure` is False where it only may."""

    stack: str
    name: Ref | Att
    why: str
    sure: bool


@dataclass(frozen=True)
class _Use:
    """A property, or an output (empty resource), that holds a reference."""

    resource: str
    path: tuple[Step, ...]
    value: Any


@dataclass
class Blast:
    """Spreads changes over the tree as it will be."""

    before: Tree
    after: Tree
    changing: dict[Place, Changing]
    fixed: frozenset[Place]
    """Resources that are new: whatever they refer to, they are made with it."""
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Stack -> output -> why its value changes."""
    _uses: dict[str, dict[Ref | Att, list[_Use]]] = field(default_factory=dict)

    def spread(self) -> None:
        """To the fixed point. `changing` and `outputs` hold the result."""
        sure: list[Moved] = []
        doubtful: list[Moved] = []
        seen: set[tuple[str, Ref | Att]] = set()

        def add(moves: Iterator[Moved]) -> None:
            for moved in moves:
                (sure if moved.sure else doubtful).append(moved)

        for place in sorted(self.changing):
            add(self._moved_by(place, self.changing[place]))
        for stack, name in self._outputs_changed():
            add(self._output(stack, name, "its value", sure=True))
        while sure or doubtful:  # what is sure first: what is reached by it needs no doubt
            moved = (sure or doubtful).pop()
            if (moved.stack, moved.name) in seen:
                continue
            seen.add((moved.stack, moved.name))
            for use in self._index(moved.stack).get(moved.name, ()):
                if use.resource:
                    add(self._reach(moved, use))
                else:
                    add(self._output(moved.stack, str(use.path[0]), moved.why, moved.sure))

    def _reach(self, moved: Moved, use: _Use) -> Iterator[Moved]:
        place = (moved.stack, use.resource)
        template = self.after.templates[moved.stack]
        after = template.resources[use.resource]
        before = self._old(place)
        if place in self.fixed or before is None or before.type != after.type:
            return
        path = dotted(use.path)
        known = known_behaviour(after.type)
        found = self.changing.get(place)
        if found and any(_covers(one.path, path) for one in found.properties):
            return
        one = change(Difference(use.path, use.value, use.value), before, after, known)
        one = replace(one, proof=f"{moved.why}; {one.proof}")
        if not moved.sure:
            doubtful = GRAVITY[one.effect] > GRAVITY[Effect.MAY_REPLACE]
            effect = Effect.MAY_REPLACE if doubtful else one.effect
            one = replace(one, effect=effect, confidence=min(one.confidence, Confidence.LIKELY, key=_doubt))
        if found is None:
            found = self.changing[place] = Changing(before, after, (), Cause.PROPAGATED)
        found.properties = (*found.properties, one)
        yield from self._moved_by(place, found)

    def _old(self, place: Place) -> Resource | None:
        try:
            return self.before.templates[place[0]].resources.get(place[1])
        except KeyError:
            return None

    def _moved_by(self, place: Place, found: Changing) -> Iterator[Moved]:
        """The names whose value changes with a resource."""
        stack, name = place
        attributes = (one for one in self._index(stack) if isinstance(one, Att) and one.resource == name)
        names: set[Ref | Att] = {Ref(name), *attributes}
        ordered = sorted(names, key=repr)
        sure = found.action is Action.REPLACE
        if sure or found.gravest in (Effect.MAY_REPLACE, Effect.UNKNOWN):
            for one in ordered:
                if not (isinstance(one, Att) and _stays(one.attribute, found)):
                    yield Moved(stack, one, f"{name} {'is' if sure else 'may be'} replaced", sure)
        for one in ordered:
            if isinstance(one, Att) and (path := _set_by(one.attribute, found)):
                yield Moved(stack, one, f"{path} of {name} changes {one.attribute}", sure=True)

    def _output(self, stack: str, output: str, why: str, sure: bool) -> Iterator[Moved]:
        """An output whose value changes, and the parameters that it feeds."""
        known = self.outputs.setdefault(stack, {})
        known.setdefault(output, why)
        because = why if why.startswith("output ") else f"output {output} of stack {stack} changes ({why})"
        for consumer, parameter in self._consumers.get((stack, output), ()):
            yield Moved(consumer, Ref(parameter), because, sure)
        exported = self.after.templates[stack].exports.get(output)
        if exported is not None and self.after.manifest:
            for one in self.after.manifest.stacks:
                yield Moved(one.name, _imported(exported), because, sure)

    def _outputs_changed(self) -> Iterator[tuple[str, str]]:
        """Outputs that say something else than before, by their own text or by a literal."""
        for stack in sorted(self.after.templates):
            if stack not in self.before.templates:
                continue
            old, new = self.before.templates[stack], self.after.templates[stack]
            for name, value in sorted(new.outputs.items()):
                if name in old.outputs and says(old, old.outputs[name]) != says(new, value):
                    yield stack, name

    @cached_property
    def _consumers(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for stack in self.after.manifest.stacks if self.after.manifest else ():
            for parameter, value in stack.parameters.items():
                if isinstance(value, Wire):
                    found.setdefault((value.stack, value.output), []).append((stack.name, parameter))
        return found

    def _index(self, stack: str) -> Mapping[Ref | Att, list[_Use]]:
        """Where each name is used in a stack."""
        if stack not in self._uses:
            found: dict[Ref | Att, list[_Use]] = {}
            template = self.after.templates[stack]
            for _, resource in sorted(template.resources.items()):
                for use in _uses(resource.id, (), resource.properties):
                    for name in _names(use.value, template):
                        found.setdefault(name, []).append(use)
            for output, value in sorted(template.outputs.items()):
                for name in _names(value, template):
                    found.setdefault(name, []).append(_Use("", (output,), value))
            self._uses[stack] = found
        return self._uses[stack]


def _uses(resource: str, path: tuple[Step, ...], value: Any) -> Iterator[_Use]:
    """The innermost properties that hold references."""
    match value:
        case Ref() | Att() | Text() | Call():
            yield _Use(resource, path, value)
        case Mapping():
            for key, one in sorted(value.items()):
                if not isinstance(one, str | bool | int | float):
                    yield from _uses(resource, (*path, key), one)
        case list():
            for index, one in enumerate(value):
                if not isinstance(one, str | bool | int | float):
                    yield from _uses(resource, (*path, index), one)


def _names(value: Any, template: Template) -> Iterator[Ref | Att]:
    yield from references(value)
    for call in calls(value):
        if call.name == "If" and isinstance(call.argument[0], str):
            yield from references(template.conditions.get(call.argument[0]))
        elif call.name == "ImportValue":
            yield _imported(call.argument)


def _imported(name: Any) -> Ref:
    """What an imported value is indexed by: no parameter can have such a name."""
    return Ref(f"Fn::ImportValue {name!r}")


def _stays(attribute: str, found: Changing) -> bool:
    """An attribute that is a property with a literal value, which the new resource has too."""
    head = attribute.split(".")[0]
    old, new = found.before.properties.get(head), found.after.properties.get(head)
    return old is not None and old == new and not any(True for _ in references(new))


def _set_by(attribute: str, found: Changing) -> str:
    """The changed property that an attribute follows; empty where none does."""
    known = known_behaviour(found.after.type)
    if known is None:
        return ""
    triggers = known.volatile.get(attribute, known.volatile.get("*", ()))
    for one in found.properties:
        head = one.path.replace("[", ".").split(".")[0]
        if "*" in triggers or head in triggers or one.effect.value in triggers:
            return one.path
        if attribute == one.path or (attribute.startswith(f"{one.path}.") and attribute not in known.read):
            return one.path
    return ""


def _covers(path: str, other: str) -> bool:
    return other == path or other.startswith((f"{path}.", f"{path}["))


def _doubt(confidence: Confidence) -> int:
    """Lowest for the least sure."""
    return -list(Confidence).index(confidence)
