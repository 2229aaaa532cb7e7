"""Write `generator/plan/behaviour_table.jsonl` from the resource schemas inside the pinned cfn-lint wheel.

    .venv/bin/python tools/update_behaviour_table.py [--check]

One line a resource type, sorted, so that a diff of the table says which types AWS changed, and a plan can read only the
lines that it needs. The schemas are read as files: cfn-lint's own manager would prefer a newer user cache, and the same
pin would give two tables. What the schemas do not say stands in `generator/plan/behaviour_overlay.yaml`.

    create       changing it replaces the resource          conditional   changing it may
    read         attributes, not settable                   id            what AWS knows the resource by
    update       false where there is no update handler: every change replaces
    strategy     `delete` where the old one goes first
    properties   name -> shape; defs: the shapes that `#Name` refers to
    shape        s i n b: string, integer, number, boolean; j: anything; [x: list of x; {x: list without order;
                 #Name: a definition; a mapping: an object
"""

import argparse
import importlib.metadata
import json
import sys
from pathlib import Path
from typing import Any

import cfnlint

REGION = "us-east-1"
TABLE = Path(__file__).parents[1] / "generator/plan/behaviour_table.jsonl"
SCALARS = {"string": "s", "integer": "i", "number": "n", "boolean": "b"}


def table() -> str:
    """The whole table as text."""
    schemas = Path(cfnlint.__file__).parent / "data/schemas"
    index = json.loads((schemas / f"providers/{REGION}.json").read_text())
    header = {
        "cfn-lint": importlib.metadata.version("cfn-lint"),
        "region": REGION,
        "schemas": json.loads((schemas / "version.json").read_text())["schema_date"],
    }
    lines = [_line(header)]
    for name, address in sorted(index.items()):
        lines.append(_line(row(name, json.loads((schemas / f"resources/{address}.json").read_text()))))
    return "\n".join(lines) + "\n"


def row(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """One type's line."""
    read = {_path(pointer) for pointer in schema.get("readOnlyProperties", ())}
    found: dict[str, Any] = {
        "type": name,
        "create": _paths(schema, "createOnlyProperties"),
        "conditional": _paths(schema, "conditionalCreateOnlyProperties"),
        "read": sorted(read),
        "write": _paths(schema, "writeOnlyProperties"),
        "id": [_path(pointer) for pointer in schema.get("primaryIdentifier", ())],
        "strategy": "delete" if schema.get("replacementStrategy") == "delete_then_create" else "",
        "properties": _fields(schema, schema, top=True),
    }
    # A schema without handlers is of a type that CloudFormation itself knows how to update.
    if "handlers" in schema and "update" not in schema["handlers"]:
        found["update"] = False
    defs = {key: _shape(value, schema) for key, value in schema.get("definitions", {}).items()}
    found["defs"] = _reached(found["properties"], defs)
    return {key: value for key, value in found.items() if value not in ([], {}, "")}


def _paths(schema: dict[str, Any], key: str) -> list[str]:
    return sorted({_path(pointer) for pointer in schema.get(key, ())})


def _path(pointer: str) -> str:
    """`/properties/Rules/*/Id` or `/properties/Rules/items/properties/Id` -> `Rules/*/Id`."""
    parts = pointer.removeprefix("/properties/").split("/")
    return "/".join("*" if part == "items" else part for part in parts if part != "properties")


def _fields(node: dict[str, Any], schema: dict[str, Any], *, top: bool = False) -> dict[str, Any]:
    """Shapes of an object's properties, whichever branch of the schema names them."""
    found: dict[str, Any] = {}
    for branch in ("allOf", "anyOf", "oneOf"):
        for part in node.get(branch, ()):
            if not top and isinstance(part, dict):
                found |= _fields(_resolved(part, schema), schema)
    return found | {name: _shape(value, schema) for name, value in node.get("properties", {}).items()}


def _resolved(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    target = str(node.get("$ref", ""))
    if target.startswith("#/definitions/"):
        return dict(schema["definitions"].get(target.removeprefix("#/definitions/"), {}))
    return node


def _shape(node: Any, schema: dict[str, Any]) -> Any:
    if not isinstance(node, dict):
        return "j"
    if str(node.get("$ref", "")).startswith("#/definitions/"):
        return "#" + node["$ref"].removeprefix("#/definitions/")
    kind = node.get("type")
    if isinstance(kind, list):
        # `["boolean", "string"]` means that CloudFormation takes either spelling.
        kinds = set(kind) - {"string"}
        kind = kinds.pop() if len(kinds) == 1 and kinds <= set(SCALARS) else "any"
    if kind in SCALARS:
        return SCALARS[kind]
    if kind == "array":
        mark = "{" if node.get("insertionOrder") is False or node.get("uniqueItems") is True else "["
        item = _shape(node.get("items"), schema)
        return mark + item if isinstance(item, str) else [mark, item]
    if kind not in ("object", None):
        return "j"
    fields = _fields(node, schema)
    if fields:
        return fields
    patterns = list(node.get("patternProperties", {}).values())
    return {"*": _shape(patterns[0], schema)} if len(patterns) == 1 else "j"


def _reached(shape: Any, defs: dict[str, Any]) -> dict[str, Any]:
    """The definitions that a shape refers to, however deep."""
    found: dict[str, Any] = {}
    left = [shape]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += one.values()
        elif isinstance(one, list):
            left += one[1:]
        elif "#" in one and (name := one.partition("#")[2]) in defs and name not in found:
            found[name] = defs[name]
            left.append(defs[name])
    return dict(sorted(found.items()))


def _line(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)


def main() -> int:
    """Write the table, or compare it with what is committed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the committed table differs")
    text = table()
    if parser.parse_args().check:
        if TABLE.read_text() == text:
            return 0
        print(f"{TABLE.name} is not what the installed cfn-lint gives\n  next: make update-behaviour-table")
        return 1
    TABLE.write_text(text)
    print(f"{TABLE.name}: {text.count(chr(10)) - 1} types, {len(text) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
