"""Plain YAML data -> canonical values: what `generator.plan.tree` promises about intrinsics, done.

What a template can know by itself is known: a literal parameter stands for its value, a mapping for what it maps to, a
condition over literals for its outcome. So a parameter that changes shows where it is used, and only there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final

from generator.plan.tree import Att, Call, Ref, Text

SUBSTITUTION = re.compile(r"\$\{([^}]*)\}")


class _Nothing:
    """`AWS::NoValue`: whatever holds it is as if it were not written."""


NOTHING: Final = _Nothing()


@dataclass(frozen=True)
class Scope:
    """What the names of a template stand for."""

    literals: Mapping[str, Any] = field(default_factory=dict)
    """Parameters with a value that is known now."""
    mappings: Mapping[str, Any] = field(default_factory=dict)
    pseudo: Mapping[str, str] = field(default_factory=dict)
    """Known pseudo parameters. Only `FindInMap` looks them up: elsewhere they stay references, as people wrote them."""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """Canonical conditions: True, False, or an expression that only CloudFormation can decide."""

    def value(self, data: Any) -> Any:
        """The canonical form of plain data. NOTHING where it is `AWS::NoValue`."""
        if isinstance(data, str | bool | int | float):
            return data
        if isinstance(data, Mapping):
            if len(data) == 1:
                ((name, argument),) = data.items()
                if name == "Ref" or name.startswith("Fn::"):
                    return self._intrinsic(name, argument)
            pairs = ((key, self.value(item)) for key, item in data.items())
            return {key: item for key, item in pairs if item is not NOTHING}
        if isinstance(data, list | tuple):
            return [item for item in map(self.value, data) if item is not NOTHING]
        if data is None:
            return NOTHING
        return _instant(data)

    def known(self, value: Any) -> Any:
        """A pseudo parameter's value where it is known; any other value as it is."""
        return self.pseudo.get(value.name, value) if isinstance(value, Ref) else value

    def _intrinsic(self, name: str, argument: Any) -> Any:
        match name, argument:
            case "Ref", str():
                return self._ref(argument)
            case "Fn::GetAtt", _:
                return self._attribute(argument)
            case "Fn::Sub", str():
                return self._substitute(argument, {})
            case "Fn::Sub", [str() as pattern, dict() as given]:
                return self._substitute(pattern, given)
            case "Fn::Join", [str() as delimiter, parts]:
                return self._join(delimiter, self.value(parts))
            case "Fn::If", [str() as condition, yes, no]:
                decided = self.conditions.get(condition)
                if isinstance(decided, bool):
                    return self.value(yes if decided else no)
                return Call("If", [condition, *(_shown(self.value(branch)) for branch in (yes, no))])
            case "Fn::FindInMap", [table, *keys]:
                return self._find(table, keys)
            case "Fn::Select", [index, items]:
                return _select(self.value(index), self.value(items))
            case "Fn::Split", [str() as delimiter, text]:
                whole = self.value(text)
                return whole.split(delimiter) if isinstance(whole, str) else Call("Split", [delimiter, whole])
            case _:
                return Call(name.removeprefix("Fn::"), _shown(self.value(argument)))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        return self.literals[name] if name in self.literals else Ref(name)

    def _attribute(self, argument: Any) -> Any:
        parts = argument.split(".", 1) if isinstance(argument, str) else argument
        match self.value(parts):
            case [str() as resource, str() as attribute, *more] if all(isinstance(part, str) for part in more):
                return Att(resource, ".".join([attribute, *more]))
            case other:
                return Call("GetAtt", _shown(other))

    def _substitute(self, pattern: str, given: Mapping[str, Any]) -> Any:
        pieces: list[Any] = []
        end = 0
        for match in SUBSTITUTION.finditer(pattern):
            pieces.append(pattern[end : match.start()])
            pieces.append(self._variable(match[1].strip(), given))
            end = match.end()
        return text([*pieces, pattern[end:]])

    def _variable(self, name: str, given: Mapping[str, Any]) -> Any:
        if name.startswith("!"):
            return "${" + name[1:] + "}"
        if name in given:
            return self.value(given[name])
        return Att(*name.split(".", 1)) if "." in name else self._ref(name)

    def _join(self, delimiter: str, parts: Any) -> Any:
        if not isinstance(parts, list):
            return Call("Join", [delimiter, _shown(parts)])
        pieces: list[Any] = []
        for part in parts:
            pieces += [delimiter, part]
        return text(pieces[1:])

    def _find(self, table: Any, keys: list[Any]) -> Any:
        name = self.value(table)
        steps = [self.value(key) for key in keys]
        found = self.mappings.get(name) if isinstance(name, str) else None
        if found is None:
            return Call("FindInMap", [_shown(name), *steps])
        for step in steps[:2]:
            known = self.known(step)
            if not isinstance(known, str | int) or not isinstance(found, Mapping) or str(known) not in found:
                return Call("FindInMap", [self.value(self.mappings[name]), *steps])
            found = found[str(known)]
        return self.value(found)


def conditions(data: Mapping[str, Any], scope: Scope) -> dict[str, Any]:
    """Each condition as True, False or, where that depends on what is not known yet, as an expression."""
    decided: dict[str, Any] = {}

    def named(name: str) -> Any:
        if name not in decided:
            decided[name] = Call("Condition", name)  # what a condition that names itself stays
            decided[name] = outcome(data[name]) if name in data else Call("Condition", name)
        return decided[name]

    def outcome(expression: Any) -> Any:
        match expression:
            case {"Condition": str() as name}:
                return named(name)
            case {"Fn::Not": [inner]}:
                inner = outcome(inner)
                return not inner if isinstance(inner, bool) else Call("Not", [inner])
            case {"Fn::And": [*parts]}:
                return _all([outcome(part) for part in parts], "And", decisive=False)
            case {"Fn::Or": [*parts]}:
                return _all([outcome(part) for part in parts], "Or", decisive=True)
            case {"Fn::Equals": [left, right]}:
                left, right = (scope.known(_shown(scope.value(side))) for side in (left, right))
                if any(True for side in (left, right) for _ in _unknown(side)):
                    return Call("Equals", [left, right])
                return _scalar(left) == _scalar(right)
            case _:
                return _shown(scope.value(expression))

    for name in data:
        named(name)
    return decided


def text(pieces: Iterable[Any]) -> Any:
    """Pieces put together: a plain string where no reference is among them, the reference where it is alone."""
    merged: list[Any] = []
    for piece in _flat(pieces):
        if isinstance(piece, str) and merged and isinstance(merged[-1], str):
            merged[-1] += piece
        elif piece != "":
            merged.append(piece)
    match merged:
        case []:
            return ""
        case [alone]:
            return alone
        case _:
            return Text(tuple(merged))


def plain(value: Any) -> Any:
    """A canonical value as data that JSON can hold, in CloudFormation's own long spelling."""
    match value:
        case Ref(name):
            return {"Ref": name}
        case Att(resource, attribute):
            return {"Fn::GetAtt": [resource, attribute]}
        case Text(pieces):
            return {"Fn::Join": ["", [plain(piece) for piece in pieces]]}
        case Call("Condition", name):
            return {"Condition": name}
        case Call(name, argument):
            return {f"Fn::{name}": plain(argument)}
        case Mapping():
            return {key: plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case _:
            return value


def secret(value: Any) -> str:
    """What stands for the value of a `NoEcho` parameter: it differs where the value does and does not tell it."""
    return f"(hidden {sha256(repr(value).encode()).hexdigest()[:12]})"


def _flat(pieces: Iterable[Any]) -> Iterator[Any]:
    for piece in pieces:
        match piece:
            case Text(inner):
                yield from inner
            case Ref() | Att() | Call() | Mapping() | list():
                yield piece
            case _:
                yield _scalar(piece)


def _scalar(value: Any) -> Any:
    """A scalar as CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else "" if value is NOTHING else value


def _select(index: Any, items: Any) -> Any:
    if isinstance(items, list) and str(index).isdecimal() and int(index) < len(items):
        return items[int(index)]
    return Call("Select", [index, _shown(items)])


def _all(parts: list[Any], name: str, *, decisive: bool) -> Any:
    """`And` (decided by one False) or `Or` (by one True) of what may not be known."""
    if any(part is decisive for part in parts):
        return decisive
    unknown = [part for part in parts if not isinstance(part, bool)]
    return Call(name, unknown) if unknown else not decisive


def _unknown(value: Any) -> Iterator[Any]:
    """The parts of a value that only CloudFormation knows."""
    match value:
        case Ref() | Att() | Text() | Call():
            yield value
        case Mapping():
            for item in value.values():
                yield from _unknown(item)
        case list():
            for item in value:
                yield from _unknown(item)


def _shown(value: Any) -> Any:
    """Inside an intrinsic's arguments `AWS::NoValue` has to stay visible."""
    return Ref("AWS::NoValue") if value is NOTHING else value


def _instant(data: Any) -> Any:
    """YAML reads `2012-10-17` as a date; CloudFormation reads a string."""
    return data.isoformat() if isinstance(data, date | datetime) else str(data)
