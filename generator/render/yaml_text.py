"""Template and manifest data as YAML text that reads like prose and is the same to the byte on every run.

Short tags (`!Ref`, `!GetAtt a.b`), multi-line strings as literal blocks, strings that some YAML reader could take
for a number quoted, no anchors, no wrapping. Keys are sorted, but for the few places where people expect an order.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_TEMPLATE = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
)
_RESOURCE = ("Type", "Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "CreationPolicy")
_STATEMENT = ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource")
_LIKE_A_NUMBER = re.compile(
    r"[-+.]?[0-9][0-9_.,:]*([eE][-+]?[0-9]*)?|0[xo][0-9a-fA-F_]+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*"
)
"""What YAML 1.1 or 1.2 could read as a number, a time or a date: account ids, versions, `12:30`."""


_ESCAPED = re.compile("[^\n\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
"""Characters that only a double-quoted string can hold: controls, and what YAML too reads as the end of a line."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's own writer: libyaml's can neither indent lists nor write a literal block that holds a tab."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, False)

    def analyze_scalar(self, scalar: str) -> Any:
        analysis = super().analyze_scalar(scalar)
        if _ESCAPED.search(scalar):
            analysis.allow_block = analysis.allow_single_quoted = False
            analysis.allow_block_plain = analysis.allow_flow_plain = False
        elif analysis.multiline and not re.search(r" +(\n|\Z)|\A[ \t\n]", scalar):
            analysis.allow_block = True
        return analysis

    def choose_scalar_style(self) -> str:
        style = super().choose_scalar_style()
        event, analysis = self.event, self.analysis
        # `!Ref Vpc`, not `!Ref 'Vpc'`: the tag says already that it is a string.
        tagged = isinstance(event, yaml.ScalarEvent) and str(event.tag).startswith("!") and not event.style
        if style == "'" and tagged and analysis is not None and analysis.scalar and analysis.allow_block_plain:
            return ""
        return style


def _string(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else "'" if _LIKE_A_NUMBER.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _mapping(dumper: yaml.SafeDumper, value: Mapping[str, Any]) -> yaml.Node:
    if len(value) == 1:
        ((name, argument),) = value.items()
        if (node := _intrinsic(dumper, name, argument)) is not None:
            return node
    return dumper.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=False)


def _intrinsic(dumper: yaml.SafeDumper, name: str, argument: Any) -> yaml.Node | None:
    if name in ("Ref", "Condition") and isinstance(argument, str):
        return dumper.represent_scalar(f"!{name}", argument)
    if not name.startswith("Fn::"):
        return None
    tag = f"!{name.removeprefix('Fn::')}"
    match argument:
        case str():
            return dumper.represent_scalar(tag, argument, style="|" if "\n" in argument else None)
        case [str() as resource, str() as attribute] if tag == "!GetAtt":
            return dumper.represent_scalar(tag, f"{resource}.{attribute}")
        case list():
            return dumper.represent_sequence(tag, argument, flow_style=False)
        case _:
            # CloudFormation rejects a short tag right inside another (`!Base64 !Sub`), so the outer one stays long.
            return None


_Dumper.add_representer(str, _string)
_Dumper.add_representer(dict, _mapping)


def _as_sub(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """`Join` of text and references without a delimiter as the `Sub` that people would write."""
    match value:
        case {"Fn::Join": ["", [*parts]]} if len(value) == 1:
            pieces = [_piece(part) for part in parts]
            if None not in pieces:
                return {"Fn::Sub": "".join(piece for piece in pieces if piece)}
    return value


def _piece(part: Any) -> str | None:
    match part:
        case str():
            return part.replace("${", "${!")
        case {"Ref": str(name)} if len(part) == 1:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [str(resource), str(attribute)]} if len(part) == 1:
            return f"${{{resource}.{attribute}}}"
    return None


def _ordered(value: Any, first: Sequence[str] = ()) -> Any:
    match value:
        case dict():
            value = _as_sub(value)
            lead = _STATEMENT if "Effect" in value else first
            keys = [*(key for key in lead if key in value), *sorted(key for key in value if key not in lead)]
            return {key: _ordered(value[key]) for key in keys}
        case list() | tuple():
            return [_ordered(item) for item in value]
        case _:
            return value


def template_text(template: Mapping[str, Any]) -> str:
    """Write a CloudFormation template, given as plain data (`Template.to_dict()`)."""
    ordered = _ordered(dict(template), (*_TEMPLATE, "Transform", "Resources", "Outputs"))
    ordered["Resources"] = {name: _ordered(resource, _RESOURCE) for name, resource in ordered["Resources"].items()}
    return dump(ordered)


def dump(data: Any) -> str:
    """Write plain data in the order that it has."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**30, default_flow_style=False)
