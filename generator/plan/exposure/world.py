"""A tree with its references followed: what a value means, whichever stack says it, and what to call it.

A parameter becomes its literal, or the resource behind the output that feeds it; so a role's policy compares and reads
the same whether a bucket's ARN comes by `GetAtt` or through three stacks of wiring.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from generator.model.wiring import Wire
from generator.plan.tree import Att, Call, Ref, Resource, Text, Tree

Place = tuple[str, str]
"""Stack name and logical id."""

SUFFIXES: Final = ("RegionalDomainName", "DomainName", "GroupId", "Arn", "Name", "Uri", "Url", "Id")
"""Ends of output names that say which attribute it is: what stands before them is nearly always the logical id."""

ARNS: Final = {
    ("AWS::S3::Bucket", "Arn"): "arn:aws:s3:::",
    ("AWS::SQS::Queue", "Arn"): "arn:aws:sqs:{region}:{account}:",
    ("AWS::DynamoDB::Table", "Arn"): "arn:aws:dynamodb:{region}:{account}:table/",
    ("AWS::SNS::Topic", ""): "arn:aws:sns:{region}:{account}:",
    ("AWS::SNS::Topic", "TopicArn"): "arn:aws:sns:{region}:{account}:",
    ("AWS::IAM::Role", "Arn"): "arn:aws:iam::{account}:role/",
    ("AWS::IAM::User", "Arn"): "arn:aws:iam::{account}:user/",
    ("AWS::Lambda::Function", "Arn"): "arn:aws:lambda:{region}:{account}:function:",
    ("AWS::ECR::Repository", "Arn"): "arn:aws:ecr:{region}:{account}:repository/",
    ("AWS::KMS::Key", "Arn"): "arn:aws:kms:{region}:{account}:key/",
    ("AWS::SecretsManager::Secret", ""): "arn:aws:secretsmanager:{region}:{account}:secret:",
}
"""What stands before the resource's own name in its ARN, so that `arn:aws:s3:::*` is seen to cover a `GetAtt`.

Source: Service Authorization Reference, "Resource types" of each service (2026-10).
"""

_DEPTH: Final = 40
"""Wires followed in a row; a circle, which the manifest's reader refuses, ends here."""


@dataclass(frozen=True)
class Target:
    """A resource of the environment, or one attribute of it (empty: what `Ref` gives)."""

    stack: str
    resource: str
    attribute: str = ""

    @property
    def place(self) -> Place:
        """Which resource."""
        return self.stack, self.resource


class Absent:
    """`AWS::NoValue`: as if the property were not there."""


class World:
    """One tree. `renamed` gives resources the place by which they are known on both sides of a plan."""

    def __init__(self, tree: Tree, renamed: Mapping[Place, Place] | None = None) -> None:
        self.tree = tree
        self.renamed = renamed or {}
        self._original = {new: old for old, new in self.renamed.items()}
        self._resolved: dict[Place, Mapping[str, Any]] = {}

    @cached_property
    def _by_type(self) -> Mapping[str, tuple[tuple[str, Resource], ...]]:
        found: dict[str, list[tuple[str, Resource]]] = {}
        for stack, template in self.tree.templates.items():
            for resource in template.resources.values():
                found.setdefault(resource.type, []).append((stack, resource))
        return {type_: tuple(some) for type_, some in found.items()}

    @cached_property
    def parameters(self) -> Mapping[str, Mapping[str, Wire | str]]:
        """The manifest's parameters by stack."""
        manifest = self.tree.manifest
        return {stack.name: stack.parameters for stack in manifest.stacks} if manifest else {}

    def of(self, types: Collection[str], stacks: Collection[str] = ()) -> Iterator[tuple[str, Resource]]:
        """Every resource of some types, with its stack, in a stable order.

        A stack that is the same on both sides is not read for it, unless it is among `stacks`.
        """
        found = {(stack, one.id): one for type_ in types for stack, one in self._by_type.get(type_, ())}
        for stack in stacks:
            template = self.tree.templates.get(stack)
            for one in template.resources.values() if template else ():
                if one.type in types:
                    found[stack, one.id] = one
        for stack, id_ in sorted(found):
            yield stack, found[stack, id_]

    def resource(self, place: Place) -> Resource | None:
        """The resource known by a place."""
        place = self._original.get(place, place)
        template = self.tree.templates.get(place[0])
        return template.resources.get(place[1]) if template else None

    def known_as(self, place: Place) -> Place:
        """The place by which both sides know a resource."""
        return self.renamed.get(place, place)

    def properties(self, place: Place, resource: Resource) -> Mapping[str, Any]:
        """The properties of a resource, known by a place, with every reference followed."""
        place = self._original.get(place, place)
        if place not in self._resolved:
            value = self.value(place[0], resource.properties)
            self._resolved[place] = value if isinstance(value, Mapping) else {}
        return self._resolved[place]

    def value(self, stack: str, value: Any, depth: int = 0) -> Any:
        """A canonical value with every reference followed: literals, Targets, and what cannot be known as it was."""
        if depth > _DEPTH:
            return value
        match value:
            case str() | int() | float() | None:
                return value
            case Ref(name):
                return self._ref(stack, name, depth)
            case Att(resource, attribute):
                return Target(*self.known_as((stack, resource)), attribute)
            case Text(pieces):
                return _text([self.value(stack, piece, depth) for piece in pieces])
            case Call("If", [condition, yes, no]):
                return Call("If", (condition, self.value(stack, yes, depth), self.value(stack, no, depth)))
            case Call(name, argument):
                return Call(name, self.value(stack, argument, depth))
            case Mapping():
                items = {key: self.value(stack, item, depth) for key, item in value.items()}
                return {key: item for key, item in items.items() if not isinstance(item, Absent)}
            case list() | tuple():
                return tuple(_items(self.value(stack, item, depth) for item in value))
            case _:
                return value

    def name(self, place: Place, seen_from: str) -> str:
        """What to call a resource: a security group by its name, others by logical id, with the stack if another's."""
        name = place[1]
        resource = self.resource(place)
        if resource is not None and resource.type == "AWS::EC2::SecurityGroup":
            given = self.value(place[0], resource.properties.get("GroupName"))
            name = given if isinstance(given, str) else name
        return name if place[0] in (seen_from, "") else f"{name} of stack {place[0]}"

    def text(self, value: Any) -> str:
        """A resolved value as text to compare, with a placeholder such as `${storage.VideoBucket}` per reference."""
        match value:
            case bool():
                return str(value).lower()
            case Target():
                return self._target_text(value)
            case Ref(name):
                return f"${{{name}}}"
            case Text(pieces):
                return "".join(self.text(piece) for piece in pieces)
            case Call(name, argument):
                return f"${{{name} {self.text(argument)}}}"
            case list() | tuple():
                return ",".join(self.text(item) for item in value)
            case Mapping():
                return ",".join(f"{key}={self.text(item)}" for key, item in value.items())
            case _:
                return str(value)

    def words(self, value: Any, seen_from: str) -> str:
        """A resolved value as people read it: `VideoBucket/* of stack storage`."""
        foreign = {target.stack for target in targets(value)} - {seen_from, ""}
        plain = self._plain(value)
        return f"{plain} of stack {foreign.pop()}" if len(foreign) == 1 else plain

    def _plain(self, value: Any) -> str:
        match value:
            case bool():
                return str(value).lower()
            case Target():
                return self.name(value.place, value.stack)
            case Ref(name):
                return f"${{{name}}}"
            case Text(pieces):
                return "".join(self._plain(piece) for piece in pieces)
            case Call(name, argument):
                return f"{name}({self._plain(argument)})"
            case list() | tuple():
                return ", ".join(self._plain(item) for item in value)
            case Mapping():
                return ", ".join(f"{key} {self._plain(item)}" for key, item in value.items())
            case _:
                return str(value)

    def _ref(self, stack: str, name: str, depth: int) -> Any:
        if name.startswith("AWS::"):
            if name == "AWS::NoValue":
                return Absent()
            if name == "AWS::Partition":
                return "aws"
            manifest = self.tree.manifest
            return manifest.region if manifest and name == "AWS::Region" else Ref(name)
        template = self.tree.templates.get(stack)
        if template is not None and name in template.resources:
            return Target(*self.known_as((stack, name)))
        given = self.parameters.get(stack, {}).get(name)
        if isinstance(given, Wire):
            return self._output(given, depth)
        return given if isinstance(given, str) else Ref(name)

    def _output(self, wire: Wire, depth: int) -> Any:
        template = self.tree.templates.get(wire.stack)
        if template is not None and wire.output in template.outputs:
            return self.value(wire.stack, template.outputs[wire.output], depth + 1)
        # The template is the same on both sides and was not read: the output's name says which resource it is.
        for suffix in SUFFIXES:
            if wire.output.endswith(suffix) and wire.output != suffix:
                return Target(*self.known_as((wire.stack, wire.output.removesuffix(suffix))), suffix)
        return Target(wire.stack, wire.output)

    def _target_text(self, target: Target) -> str:
        resource = self.resource(target.place)
        prefix = ARNS.get((resource.type, target.attribute)) if resource else None
        if prefix is None and resource is None and target.attribute == "Arn" and target.resource.endswith("Bucket"):
            prefix = ARNS["AWS::S3::Bucket", "Arn"]  # a bucket of a stack that was not read
        if prefix is None:
            return f"${{{'.'.join(filter(None, (target.stack, target.resource, target.attribute)))}}}"
        region = self.tree.manifest.region if self.tree.manifest else "${AWS::Region}"
        return f"{prefix.format(region=region, account='${AWS::AccountId}')}${{{target.stack}.{target.resource}}}"


def targets(value: Any) -> Iterator[Target]:
    """Every resource that a resolved value refers to."""
    match value:
        case Target():
            yield value
        case Text(pieces):
            for piece in pieces:
                yield from targets(piece)
        case Call(_, argument):
            yield from targets(argument)
        case Mapping():
            for item in value.values():
                yield from targets(item)
        case list() | tuple():
            for item in value:
                yield from targets(item)


def each(value: Any) -> Iterator[Any]:
    """The items of a resolved list, or the one value that stands for a list; both branches of an open `If`."""
    match value:
        case None | Absent():
            return
        case Call("If", (_, yes, no)):
            yield from each(yes)
            yield from each(no)
        case list() | tuple():
            for item in value:
                yield from each(item)
        case _:
            yield value


def get(value: Any, *path: str) -> Any:
    """The value below mappings; None where there is none. Of an open `If`, the first branch that has it."""
    for key in path:
        if isinstance(value, Call) and value.name == "If":
            value = next((one for one in each(value) if isinstance(one, Mapping) and key in one), None)
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def is_true(value: Any) -> bool:
    """`true`, in either of the spellings that CloudFormation takes."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _text(pieces: list[Any]) -> Any:
    flat: list[Any] = []
    for piece in pieces:
        for part in piece.pieces if isinstance(piece, Text) else (piece,):
            plain = isinstance(part, str | int | float)
            if plain and flat and isinstance(flat[-1], str):
                flat[-1] += str(part)
            else:
                flat.append(str(part) if plain else part)
    if len(flat) == 1:
        return flat[0]
    return Text(tuple(flat)) if flat else ""


def _items(values: Iterator[Any]) -> Iterator[Any]:
    return (value for value in values if not isinstance(value, Absent))
