"""Two versions of one resource -> the properties that differ, at the deepest path where they do.

Compared is what CloudFormation would compare: "80" and 80 are one where the schema says integer, lists whose order
means nothing are sets, policies are sets of statements. Items of a list are matched by what names them, so that one new
item is one change.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from generator.plan.behaviour import ANYTHING, Behaviour, Shape, is_list, is_unordered, item
from generator.plan.documents import identity, is_policy, normal_policy
from generator.plan.tree import Att, Call, Ref, Resource, Template, Text

Step = str | int
_NAMING_KEYS: Final = (
    "Key", "Sid", "Id", "Name", "DeviceName", "PolicyName", "LogicalName", "RoleName", "ContainerName", "IndexName",
    "AttributeName", "OriginId", "PathPattern", "ParameterKey", "ParameterName", "DimensionName", "DomainName",
    "ResourceType", "PolicyArn", "Alias", "Priority",
)  # fmt: skip
_FREE_KEYS: Final = frozenset({"Tags", "Statement"})
"""Lists whose order never means anything, whatever the schema says."""


@dataclass(frozen=True)
class Difference:
    """A property that differs. None stands for one that is not there."""

    path: tuple[Step, ...]
    before: Any
    after: Any


def differences(
    before: Resource, after: Resource, known: Behaviour | None, templates: tuple[Template, Template]
) -> tuple[Difference, ...]:
    """The properties that differ between two versions of a resource of one type, in the order of their paths."""
    old, new = _bound(before.properties, after.properties, *templates)
    if old == new:
        return ()
    differing = {name for name in {*old, *new} if old.get(name) != new.get(name)}
    old, new = ({name: side[name] for name in differing if name in side} for side in (old, new))
    comparison = _Comparison(known)
    shape = known.properties if known else ANYTHING
    return tuple(comparison.compared((), comparison.normal(old, shape), comparison.normal(new, shape), shape))


def dotted(path: Sequence[Step]) -> str:
    """A path as people write it: `BlockDeviceMappings[0].Ebs.VolumeSize`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def says(template: Template, value: Any) -> Any:
    """A value of a template with each name of an unknown parameter or condition replaced by what it means."""
    meanings = _meanings(template)
    return meant(value, meanings, set(meanings)) if meanings else value


def _meanings(template: Template) -> dict[str, Any]:
    return {**template.bindings, **{f"?{name}": what for name, what in template.conditions.items()}}


def _bound(old: Any, new: Any, before: Template, after: Template) -> tuple[Any, Any]:
    """Values in which each name whose meaning differs between the templates is replaced by its meaning."""
    was, now = _meanings(before), _meanings(after)
    moved = {name for name in {*was, *now} if was.get(name) != now.get(name)}
    return (meant(old, was, moved), meant(new, now, moved)) if moved else (old, new)


def meant(value: Any, meanings: Mapping[str, Any], moved: set[str]) -> Any:
    """A value with the names in `moved` replaced by what they mean (`?Name` is a condition)."""
    match value:
        case Ref(name):
            return meanings.get(name, value) if name in moved else value
        case Call("If", [str() as condition, *branches]):
            key = f"?{condition}"
            first = meanings.get(key, condition) if key in moved else condition
            return Call("If", [first, *(meant(branch, meanings, moved) for branch in branches)])
        case Call(name, argument):
            return Call(name, meant(argument, meanings, moved))
        case Text(pieces):
            return Text(tuple(meant(piece, meanings, moved) for piece in pieces))
        case Mapping():
            return {key: meant(one, meanings, moved) for key, one in value.items()}
        case list():
            return [meant(one, meanings, moved) for one in value]
        case _:
            return value


class _Comparison:
    """Compares values under the shapes of one resource type."""

    def __init__(self, known: Behaviour | None) -> None:
        self._known = known

    def _expanded(self, shape: Shape) -> Shape:
        return self._known.expanded(shape) if self._known else ANYTHING

    def normal(self, value: Any, shape: Shape) -> Any:
        """A value in the spelling that its shape prefers."""
        shape = self._expanded(shape)
        match value:
            case Mapping() if shape == ANYTHING:
                return (
                    normal_policy(value)
                    if is_policy(value)
                    else {k: self.normal(v, ANYTHING) for k, v in value.items()}
                )
            case Mapping() if isinstance(shape, Mapping):
                return {key: self.normal(one, shape.get(key, shape.get("*", ANYTHING))) for key, one in value.items()}
            case list():
                inner = item(shape) if is_list(shape) else ANYTHING
                return [self.normal(one, inner) for one in value]
            case str() if shape == ANYTHING and value[:1] in ("{", "["):
                return self._document(value)
            case bool() | str() | int() | float():
                return self._scalar_list(value, shape) if is_list(shape) else _scalar(value, shape)
            case Ref() | Att() | Text() | Call() if is_list(shape) and not _gives_list(value):
                return [value]
            case _:
                return value

    def _document(self, text: str) -> Any:
        """A JSON document written as text says the same as one written as YAML."""
        try:
            return self.normal(json.loads(text), ANYTHING)
        except ValueError:
            return text

    def _scalar_list(self, value: Any, shape: Shape) -> list[Any]:
        """CloudFormation takes a single value where a list of one is meant."""
        return [_scalar(value, self._expanded(item(shape)))]

    def compared(self, path: tuple[Step, ...], old: Any, new: Any, shape: Shape) -> Iterator[Difference]:
        """Where two normal values differ."""
        if old == new:
            return
        shape = self._expanded(shape)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            for key in sorted({*old, *new}):
                inner = shape.get(key, shape.get("*", ANYTHING)) if isinstance(shape, Mapping) else ANYTHING
                yield from self.compared((*path, key), old.get(key), new.get(key), inner)
        elif isinstance(old, list) and isinstance(new, list):
            free = is_unordered(shape) or bool(path and path[-1] in _FREE_KEYS)
            yield from self._lists(path, old, new, item(shape) if is_list(shape) else ANYTHING, free)
        else:
            yield Difference(path, old, new)

    def _lists(
        self, path: tuple[Step, ...], old: list[Any], new: list[Any], inner: Shape, free: bool
    ) -> Iterator[Difference]:
        pairs = _paired(old, new)
        kept = [(left, right) for left, right in pairs if left is not None and right is not None]
        moved = [left for left, _ in kept] != sorted(left for left, _ in kept)
        found: list[Difference] = []
        for left, right in pairs:
            # Where a list keeps its length's place, people count in the new one; what is gone has only its old place.
            index = right if right is not None else left
            assert index is not None  # noqa: S101
            found += self.compared(
                (*path, index),
                None if left is None else old[left],
                None if right is None else new[right],
                inner,
            )
        if moved and not free and not found:
            found = [Difference(path, old, new)]
        elif moved and not free:
            found.append(Difference(path, old, new))
        yield from found


def _paired(old: list[Any], new: list[Any]) -> list[tuple[int | None, int | None]]:
    """Which item of one list is which of the other: equal ones, then those of one name, then the most alike."""
    left: dict[str, list[int]] = {identity(one): [] for one in old}
    for index, one in enumerate(old):
        left[identity(one)].append(index)
    partner: dict[int, int] = {}
    rest_new: list[int] = []
    for index, one in enumerate(new):
        same = left.get(identity(one))
        if same:
            partner[index] = same.pop(0)
        else:
            rest_new.append(index)
    rest_old = sorted(index for indices in left.values() for index in indices)
    for by in (_named, _alike):
        for right, was in by(old, new, rest_old, rest_new):
            partner[right] = was
            rest_old.remove(was)
            rest_new.remove(right)
    pairs: list[tuple[int | None, int | None]] = [(partner.get(index), index) for index in range(len(new))]
    return pairs + [(index, None) for index in rest_old]


def _named(old: list[Any], new: list[Any], rest_old: list[int], rest_new: list[int]) -> list[tuple[int, int]]:
    for key in _NAMING_KEYS:
        names = {
            identity(old[index][key]): index
            for index in rest_old
            if isinstance(old[index], Mapping) and key in old[index]
        }
        if len(names) != len(rest_old) or not rest_old:
            continue
        if not all(isinstance(new[index], Mapping) and key in new[index] for index in rest_new):
            continue
        wanted = [(index, names.get(identity(new[index][key]))) for index in rest_new]
        found = [(index, was) for index, was in wanted if was is not None]
        if len({was for _, was in found}) == len(found):
            return found
    return []


def _alike(old: list[Any], new: list[Any], rest_old: list[int], rest_new: list[int]) -> list[tuple[int, int]]:
    """Pairs of mappings that share most of their keys' values; scalars only where each side has one left."""
    if len(rest_old) == 1 and len(rest_new) == 1 and _pairable(old[rest_old[0]], new[rest_new[0]]):
        return [(rest_new[0], rest_old[0])]
    scores = sorted(
        (
            (-_likeness(old[was], new[index]), abs(was - index), index, was)
            for index in rest_new
            for was in rest_old
            if _pairable(old[was], new[index])
        ),
    )
    found: list[tuple[int, int]] = []
    for score, _, index, was in scores:
        if score < 0 and index not in {pair[0] for pair in found} and was not in {pair[1] for pair in found}:
            found.append((index, was))
    return found


def _pairable(old: Any, new: Any) -> bool:
    """Two items that may be versions of one. A named one keeps its name."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return not isinstance(old, Mapping) and not isinstance(new, Mapping)
    return not any(key in old and key in new and old[key] != new[key] for key in ("Key", "Sid", "Id", "DeviceName"))


def _likeness(old: Any, new: Any) -> float:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return 0.0
    same = sum(1 for key in old if key in new and old[key] == new[key])
    return same / max(len(old), len(new), 1)


def _scalar(value: Any, shape: Shape) -> Any:
    match shape:
        case "s":
            return str(value).lower() if isinstance(value, bool) else value if isinstance(value, str) else str(value)
        case "b" if str(value).lower() in ("true", "false"):
            return str(value).lower() == "true"
        case "i" | "n" if not isinstance(value, bool):
            try:
                return float(value) if "." in str(value) or "e" in str(value).lower() else int(value)
            except ValueError:
                return value
        case _:
            return value


def _gives_list(value: Any) -> bool:
    """Intrinsics that may give a whole list."""
    match value:
        case Text() | Att():
            return False
        case Ref():
            return False
        case Call(name, _):
            return name in ("Split", "GetAZs", "Cidr", "If", "FindInMap", "Transform", "Select", "Ref", "ImportValue")
        case _:
            return False
