"""What a tree of `templates_out/<env>` says, with every value in one canonical form.

Canonical: equivalent intrinsics are equal. `!Ref A` is Ref("A"); `!GetAtt A.B` in either spelling is Att("A", "B");
Sub and Join become a Text of literal pieces and references, adjacent literals merged, and a Text without references is
a plain string. So a diff compares meanings, and a reference can be found anywhere by walking values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.model.manifest import Manifest
from generator.model.yaml_source import Source


@dataclass(frozen=True)
class Ref:
    """`Ref`: a parameter, a resource or a pseudo parameter such as `AWS::Region`."""

    name: str


@dataclass(frozen=True)
class Att:
    """`Fn::GetAtt`."""

    resource: str
    attribute: str


@dataclass(frozen=True)
class Text:
    """A string put together from literal pieces and values."""

    pieces: tuple[Any, ...]


@dataclass(frozen=True)
class Call:
    """Any other intrinsic (`If`, `Select`, `Split`, `FindInMap`, `Base64`, ...) over canonical arguments."""

    name: str
    argument: Any


def references(value: Any) -> Iterator[Ref | Att]:
    """Every reference in a canonical value, depth first."""
    match value:
        case Ref() | Att():
            yield value
        case Text(pieces):
            for piece in pieces:
                yield from references(piece)
        case Call(_, argument):
            yield from references(argument)
        case Mapping():
            for item in value.values():
                yield from references(item)
        case list() | tuple():
            for item in value:
                yield from references(item)


@dataclass(frozen=True)
class Resource:
    """One resource of a template."""

    id: str
    type: str
    properties: Mapping[str, Any]
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    """Only where it cannot be decided now; a resource whose condition is false is not in its template."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """`Metadata`, `CreationPolicy` and `UpdatePolicy`, where it has them."""


@dataclass(frozen=True)
class Template:
    """One stack's template."""

    stack: str
    parameters: Mapping[str, Any]
    conditions: Mapping[str, Any]
    resources: Mapping[str, Resource]
    outputs: Mapping[str, Any]
    """Name -> canonical value."""
    size: int = 0
    """Bytes of its text."""
    source: Source | None = None
    exports: Mapping[str, Any] = field(default_factory=dict)
    """Output name -> canonical export name, for outputs that are exported."""
    bindings: Mapping[str, Any] = field(default_factory=dict)
    """What `Ref` to a parameter that is not known now stands for: `Att("network", "Outputs.VpcId")` for a wired one."""


@dataclass(frozen=True)
class Tree:
    """A whole environment as committed. An environment that is not there yet is `Tree()`."""

    manifest: Manifest | None = None
    templates: Mapping[str, Template] = field(default_factory=dict)
    """Stack name -> template. Templates whose text is the same in both trees of a plan may be left out of both."""
    serve: Mapping[str, Any] = field(default_factory=dict)
    """`serve.yaml` as plain data; empty where there is none."""
