"""Why a change may not deploy, or cannot be taken back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from generator.model.wiring import WiringError, waves
from generator.plan.behaviour import Behaviour
from generator.plan.changes import Changes
from generator.plan.doors import KIND as ONE_WAY
from generator.plan.doors import doors
from generator.plan.effects import known_behaviour
from generator.plan.facts import Action, Effect, Fate, Obstacle, ResourceChange, Severity
from generator.plan.fate import replaced
from generator.plan.leftovers import leftovers
from generator.plan.renames import Rename, renames
from generator.plan.scaling import scaled
from generator.plan.tree import Call, Ref, Resource, Template, Text, Tree, references
from generator.plan.values import calls

INLINE_BYTES, BYTES, RESOURCES, NAMES = 51_200, 1_000_000, 500, 200
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html (2026-11-23)."""
_PROTECTIONS = {"DeletionProtection": True, "DeletionProtectionEnabled": True, "DisableApiTermination": True}
_ORDER = tuple(Severity)
_ANEW = ": its stacks are made anew there, and the old ones stay with nothing that knows of them"


def obstacles(before: Tree, after: Tree, found: Changes) -> tuple[Obstacle, ...]:
    """Everything that stands in the way, blockers first."""
    changes = found.resources
    pairs = renames(before, after, changes)
    seen = [
        *_environment(before, after),
        *_circles(after),
        *(one for stack in sorted(after.templates) for one in _template(after.templates[stack], after)),
        *_exports(before, after, found),
        *(one for change in changes for one in _change(change, before, after)),
        *(_renamed(pair, before, after) for pair in pairs),
        *scaled(after, changes),
        *leftovers(before, changes),
        *doors(before, after, changes),
        *_stacks(before, found),
    ]
    order = sorted(dict.fromkeys(seen), key=lambda one: (_ORDER.index(one.severity), one.kind, one.stack, one.resource))
    return tuple(order)


def one_way(found: Iterable[Obstacle]) -> bool:
    """Whether the reverse change could not undo it."""
    return any(one.kind == ONE_WAY for one in found)


def _environment(before: Tree, after: Tree) -> Iterator[Obstacle]:
    if before.manifest is None or after.manifest is None:
        return
    for what in ("project", "name", "region"):
        old, new = (str(getattr(tree.manifest, what)) for tree in (before, after))
        if old != new:
            sentence = f"the environment's {what} changes from {old} to {new}{_ANEW}"
            yield Obstacle("identity", Severity.BLOCKER, "", "", sentence)
    old, new = before.manifest.account, after.manifest.account
    if old != new and old.isdecimal() and new.isdecimal():
        yield Obstacle("identity", Severity.BLOCKER, "", "", f"the environment moves to another account{_ANEW}")


def _circles(after: Tree) -> Iterator[Obstacle]:
    if after.manifest:
        try:
            names = {stack.name for stack in after.manifest.stacks}
            waves({stack.name: stack.needs & names for stack in after.manifest.stacks})
        except WiringError as error:
            for mistake in error.mistakes:
                yield Obstacle("circle", Severity.BLOCKER, "", "", mistake)


def _template(template: Template, after: Tree) -> Iterator[Obstacle]:
    """Limits and circles of one template, and parameters without a value."""
    stack = template.stack

    def limit(severity: Severity, sentence: str) -> Obstacle:
        return Obstacle("limit", severity, stack, "", sentence)

    if template.size > BYTES:
        yield limit(
            Severity.BLOCKER, f"the template has {template.size:,} bytes; CloudFormation takes {BYTES:,} at most"
        )
    elif template.size > INLINE_BYTES:
        sentence = f"the template has {template.size:,} bytes: over {INLINE_BYTES:,} it goes through the state bucket"
        yield limit(Severity.NOTE, sentence)
    for what, count, most in (
        ("resources", len(template.resources), RESOURCES),
        ("outputs", len(template.outputs), NAMES),
        ("parameters", len(template.parameters), NAMES),
    ):
        if count > most:
            yield limit(Severity.BLOCKER, f"the template has {count} {what}; CloudFormation takes {most} at most")
    if circle := _circle(template):
        sentence = f"resources wait for each other in a circle: {' -> '.join(circle)}"
        yield Obstacle("circle", Severity.BLOCKER, stack, circle[0], sentence)
    yield from _parameters(template, after)


def _parameters(template: Template, after: Tree) -> Iterator[Obstacle]:
    given = {one.name: one.parameters for one in after.manifest.stacks} if after.manifest else {}
    values = given.get(template.stack)
    if values is None:
        return
    for name in sorted(set(values) - set(template.parameters)):
        sentence = f"the manifest gives parameter {name}, which the template does not have: CloudFormation refuses it"
        yield Obstacle("parameter", Severity.BLOCKER, template.stack, name, sentence)
    for name, declared in sorted(template.parameters.items()):
        default = isinstance(declared, Mapping) and "Default" in declared
        if name not in values and not default:
            sentence = f"parameter {name} has no value, no wire and no default"
            yield Obstacle("parameter", Severity.BLOCKER, template.stack, name, sentence)


def _circle(template: Template) -> list[str]:
    """The first circle of resources that wait for each other; empty where there is none."""
    needs = {
        name: sorted({*one.depends_on, *(_target(ref) for ref in references(one.properties))} & {*template.resources})
        for name, one in template.resources.items()
    }
    done: set[str] = set()
    for start in sorted(needs):
        path: list[str] = []
        left: list[tuple[str, bool]] = [(start, True)]
        while left:
            name, entering = left.pop()
            if not entering:
                done.add(path.pop())
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name not in done:
                path.append(name)
                left.append((name, False))
                left += ((need, True) for need in reversed(needs[name]))
    return []


def _target(reference: Any) -> str:
    return str(reference.name if isinstance(reference, Ref) else reference.resource)


def _exports(before: Tree, after: Tree, found: Changes) -> Iterator[Obstacle]:
    """Exports that CloudFormation will not let go or change while another stack imports them."""
    moving = {one.name: one for one in found.stacks if one.action in (Action.UPDATE, Action.DELETE) and one.outputs}
    exporting = {
        (stack, output): name
        for stack in sorted(moving)
        for output, name in before.templates[stack].exports.items()
        if output in moving[stack].outputs or moving[stack].action is Action.DELETE
    }
    if not exporting or before.manifest is None:
        return
    wave = {one.name: one.wave for one in found.stacks}
    for consumer in before.manifest.stacks:
        used = list(_imports(before, consumer.name))
        for (stack, output), name in exporting.items():
            if name not in used or consumer.name == stack:
                continue
            still = consumer.name in wave and name in list(_imports(after, consumer.name))
            if still or wave.get(consumer.name, 0) >= wave[stack]:
                sentence = (
                    f"output {output} is exported and stack {consumer.name} imports it: it can neither change nor go"
                )
                yield Obstacle("output-in-use", Severity.BLOCKER, stack, output, sentence)


def _imports(tree: Tree, stack: str) -> Iterator[Any]:
    try:
        template = tree.templates[stack]
    except KeyError:
        return
    for resource in template.resources.values():
        for call in calls(resource.properties):
            if call.name == "ImportValue":
                yield call.argument


def _change(change: ResourceChange, before: Tree, after: Tree) -> Iterator[Obstacle]:
    known = known_behaviour(change.type)
    if change.action in (Action.REPLACE, Action.UPDATE):
        new = after.templates[change.stack].resources[change.resource]
        yield from _collision(change, new, known)
        yield from _verdicts(change, before, new)
    if change.action in (Action.REPLACE, Action.DELETE):
        old = before.templates[change.stack].resources[change.resource]
        yield from _protected(change, old)
        if change.fate is Fate.DESTROYED and known and known.must_be_empty:
            sentence = f"{change.resource} is deleted only when empty; while it holds {known.stateful}, deleting fails"
            yield Obstacle("not-empty", Severity.WARNING, change.stack, change.resource, sentence)


def _collision(change: ResourceChange, new: Resource, known: Behaviour | None) -> Iterator[Obstacle]:
    """A new resource cannot have the name of the old one, which goes only after it."""
    may = any(one.effect is Effect.MAY_REPLACE for one in change.properties)
    if known is None or known.deletes_first or known.revisions or not (may or change.action is Action.REPLACE):
        return
    for name in naming(known):
        values = [new.properties.get(part) for part in name]
        touched = {one.path.replace("[", ".").split(".")[0] for one in change.properties}
        if values[0] is None or touched & set(name):
            continue
        shown = " and ".join(name)
        severity = Severity.BLOCKER if change.action is Action.REPLACE else Severity.WARNING
        sentence = (
            f"{change.resource} is replaced under the same {shown}: the new one is made while the old one still "
            f"holds it; change {name[-1]} too, or leave it to CloudFormation"
        )
        yield Obstacle("name-collision", severity, change.stack, change.resource, sentence)
        return


def naming(known: Behaviour) -> tuple[tuple[str, ...], ...]:
    """The sets of properties that no two resources of a type may share, so far as they are given."""
    if known.names is not None:
        return known.names
    if known.identity and not any(part in known.read or "/" in part for part in known.identity):
        return (known.identity,)
    own = known.type.rpartition("::")[2] + "Name"
    return tuple((name,) for name in ("Name", own) if name in known.create)


def _verdicts(change: ResourceChange, before: Tree, new: Resource) -> Iterator[Obstacle]:
    """What no one can say is safe, and what CloudFormation refuses."""
    for one in change.properties:
        if one.effect is Effect.UNSUPPORTED:
            sentence = f"CloudFormation refuses to change {one.path} of {change.resource}: {one.proof}"
            yield Obstacle("unsupported", Severity.BLOCKER, change.stack, change.resource, sentence)
        elif one.effect is Effect.UNKNOWN:
            sentence = f"nobody knows what changing {one.path} of {change.resource} does: {one.proof}"
            yield Obstacle("unknown", Severity.WARNING, change.stack, change.resource, sentence)
        elif one.effect is Effect.MAY_REPLACE and change.stateful and change.action is Action.UPDATE:
            old = before.templates[change.stack].resources[change.resource]
            sentence = f"{one.path} may replace {change.resource}; if it does, the old one is {replaced(old, new)}"
            yield Obstacle("may-replace", Severity.WARNING, change.stack, change.resource, sentence)


def _protected(change: ResourceChange, old: Resource) -> Iterator[Obstacle]:
    if change.fate not in (Fate.DESTROYED, Fate.SNAPSHOTTED):
        return
    on = [
        name for name, value in _PROTECTIONS.items() if str(old.properties.get(name, "")).lower() == str(value).lower()
    ]
    for attribute in old.properties.get("LoadBalancerAttributes", ()):
        if isinstance(attribute, Mapping) and attribute.get("Key") == "deletion_protection.enabled":
            on += ["deletion_protection.enabled"] if str(attribute.get("Value")).lower() == "true" else []
    if on:
        sentence = f"{change.resource} has {on[0]}: deleting it fails until that is off, in a change of its own"
        yield Obstacle("protected", Severity.BLOCKER, change.stack, change.resource, sentence)


def _renamed(pair: Rename, before: Tree, after: Tree) -> Obstacle:
    old, new = pair.old, pair.new
    known = known_behaviour(new.type)
    resource = after.templates[new.stack].resources[new.resource]
    was = before.templates[old.stack].resources[old.resource]
    clash = known is not None and any(
        (values := [resource.properties.get(part) for part in name])[0] is not None
        and values == [was.properties.get(part) for part in name]
        and not any(isinstance(value, Text | Call) for value in values)
        for name in naming(known)
    )
    what = f"moves from stack {old.stack}" if pair.moved else f"looks like {old.resource} under a new logical id"
    outcome = "and both have one name, so creating it fails" if clash else f"and the old one is {old.fate}"
    sentence = (
        f"{new.resource} {what}: CloudFormation makes a new one {outcome}; "
        f"keep the id {old.resource}, or rename it with a stack refactoring"
    )
    severity = Severity.BLOCKER if clash else Severity.WARNING
    return Obstacle("moved" if pair.moved else "renamed", severity, new.stack, new.resource, sentence)


def _stacks(before: Tree, found: Changes) -> Iterator[Obstacle]:
    for stack in found.stacks:
        if stack.action is Action.DELETE:
            count = len(before.templates[stack.name].resources)
            kept = sum(1 for one in found.resources if one.stack == stack.name and one.fate is Fate.ORPHANED)
            sentence = f"stack {stack.name} is removed with its {count} resources" + (
                f"; {kept} stay behind" * bool(kept)
            )
            yield Obstacle("stack-removed", Severity.WARNING, stack.name, "", sentence)
