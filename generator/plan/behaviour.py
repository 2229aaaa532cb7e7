"""What is known of a resource type: its shape, what a change of each property does, its name, what data it holds.

`behaviour_table.jsonl` is generated from AWS's resource schemas (tools/update_behaviour_table.py); where those are
silent or wrong, `behaviour_overlay.yaml` says better and names its source. Both are cut by type: a plan parses only the
lines of the types that it meets.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from generator.plan.facts import Effect

Shape = Any
"""See tools/update_behaviour_table.py: `s i n b j`, `[x`, `{x`, `#Name`, `["[", {...}]`, or a mapping of names."""

ANYTHING: Final = "j"
_DOCS = "https://docs.aws.amazon.com/AWSCloudFormation/latest/"


@dataclass(frozen=True)
class Row:
    """One row of the overlay: what changing a property does, where the schemas do not say."""

    path: str
    """Like `BlockDeviceMappings/*/Ebs`; it speaks for everything below it."""
    effect: Effect
    source: str
    after: Mapping[str, Any]
    """Property path -> value, or list of values, that the resource must have for the row to hold."""
    before: Mapping[str, Any]
    change: str
    """`added`, `removed`, `edited`, `grows`, `shrinks`, or empty for any."""
    root: str
    """`ebs`: holds where an instance's root volume is on EBS."""
    note: str


@dataclass(frozen=True)
class Door:
    """A change in place that the reverse change does not undo."""

    path: str
    change: str
    """As of a Row."""
    why: str


@dataclass(frozen=True)
class Behaviour:
    """One resource type."""

    type: str
    create: frozenset[str] = frozenset()
    conditional: frozenset[str] = frozenset()
    read: frozenset[str] = frozenset()
    identity: tuple[str, ...] = ()
    """The primary identifier's properties."""
    updates: bool = True
    """False where the type has no update handler: every change replaces."""
    deletes_first: bool = False
    """The old one goes before the new one comes, so equal names do not collide."""
    properties: Mapping[str, Shape] = field(default_factory=dict)
    defs: Mapping[str, Shape] = field(default_factory=dict)
    rows: tuple[Row, ...] = ()
    stateful: str = ""
    """What it holds, such as `objects`; empty where it holds no data."""
    names: tuple[tuple[str, ...], ...] | None = None
    """Sets of properties that are unique together: replacing under the same ones collides. None: see identity."""
    must_be_empty: bool = False
    """AWS refuses to delete it while it holds anything."""
    revisions: bool = False
    """Its replacement is a new revision beside the old one: normal, and nothing is lost."""
    outside: str = ""
    """What the world knows it by and a new one has another of, such as `the address`."""
    doors: tuple[Door, ...] = ()
    volatile: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Attribute -> the properties whose change in place changes it; `*` stands for any."""
    source: str = ""

    def shape(self, path: tuple[str | int, ...]) -> Shape | None:
        """The shape of what stands at a path of keys and indices; None where the schema has no such property."""
        here: Shape = self.properties
        for step in path:
            here = self.expanded(here)
            if here == ANYTHING:
                return ANYTHING
            if isinstance(step, int):
                if not is_list(here):
                    return ANYTHING
                here = item(here)
            elif isinstance(here, Mapping):
                if step in here:
                    here = here[step]
                elif "*" in here:
                    here = here["*"]
                else:
                    return None
            else:
                return ANYTHING
        return self.expanded(here)

    def expanded(self, shape: Shape) -> Shape:
        """The shape that `#Name` stands for; any other shape as it is."""
        while isinstance(shape, str) and shape.startswith("#"):
            shape = self.defs.get(shape[1:], ANYTHING)
        return shape


def is_list(shape: Shape) -> bool:
    """Lists, with order or without."""
    return isinstance(shape, list) or (isinstance(shape, str) and shape[:1] in ("[", "{"))


def is_unordered(shape: Shape) -> bool:
    """Lists whose order means nothing."""
    return is_list(shape) and shape[0][:1] == "{"


def item(shape: Shape) -> Shape:
    """The shape of a list's items."""
    return shape[1] if isinstance(shape, list) else shape[1:] or ANYTHING


@cache
def behaviour(name: str) -> Behaviour | None:
    """What is known of a type; None where nothing is."""
    line = _line(name)
    extra = _overlay(name)
    if line is None and not extra:
        return None
    known = line or {}
    page = str(extra.get("page", ""))
    return Behaviour(
        type=name,
        create=frozenset(known.get("create", ())),
        conditional=frozenset(known.get("conditional", ())),
        read=frozenset(known.get("read", ())),
        identity=tuple(known.get("id", ())),
        updates=known.get("update", True),
        deletes_first=known.get("strategy") == "delete",
        properties=MappingProxyType(known.get("properties", {})) if known else {"*": ANYTHING},
        defs=MappingProxyType(known.get("defs", {})),
        rows=tuple(_row(path, row, page) for path, rows in extra.get("rows", {}).items() for row in _several(rows)),
        stateful=extra.get("holds", ""),
        names=tuple(tuple(_several(name)) for name in extra["names"]) if "names" in extra else None,
        must_be_empty=bool(extra.get("must_be_empty")),
        revisions=bool(extra.get("revisions")),
        outside=extra.get("outside", ""),
        doors=tuple(
            Door(path, door.get("change", ""), door["why"])
            for path, doors in extra.get("one_way", {}).items()
            for door in _several(doors)
        ),
        volatile={key: tuple(_several(value)) for key, value in extra.get("volatile", {}).items()},
        source=f"cfn-lint {table_version()} schema of {name}",
    )


@cache
def table_version() -> str:
    """Which cfn-lint the table was made from, and the date of its schemas."""
    header = json.loads(_table().partition("\n")[0])
    return f"{header['cfn-lint']} ({header['schemas'][:10]})"


def _row(path: str, row: Any, page: str) -> Row:
    given: Mapping[str, Any] = {"effect": row} if isinstance(row, str) else row
    return Row(
        path=path,
        effect=Effect(given["effect"]),
        source=given.get("source", _anchor(page, path)),
        after=given.get("after", {}),
        before=given.get("before", {}),
        change=given.get("change", ""),
        root=given.get("root", ""),
        note=given.get("note", ""),
    )


def _anchor(page: str, path: str) -> str:
    """The link to a property on its type's page."""
    slug = page.partition("aws-resource-")[2].removesuffix(".html")
    return f"{_DOCS}{page}" + (f"#cfn-{slug}-{path.split('/')[0].lower()}" if slug and path != "*" else "")


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _line(name: str) -> dict[str, Any] | None:
    text = _table()
    start = text.find(f'\n{{"type":"{name}"')
    if start < 0:
        return None
    found: dict[str, Any] = json.loads(text[start + 1 : text.index("\n", start + 1)])
    return found


def _overlay(name: str) -> dict[str, Any]:
    text = _overlay_text()
    start = text.find(f"\n{name}:\n")
    if start < 0:
        return {}
    end = start + 1
    while True:  # a type's section ends where the next line starts that is neither indented nor empty
        end = text.find("\n", end)
        if end < 0 or text[end + 1 : end + 2] not in (" ", "\n"):
            break
        end += 1
    found = yaml.load(text[start : end if end >= 0 else None], Loader=yaml.CSafeLoader)
    section: dict[str, Any] = found[name]
    return section


@cache
def _table() -> str:
    return Path(__file__).with_name("behaviour_table.jsonl").read_text("utf-8")


@cache
def _overlay_text() -> str:
    return "\n" + Path(__file__).with_name("behaviour_overlay.yaml").read_text("utf-8")
