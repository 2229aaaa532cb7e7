"""The templates of an environment with their intrinsic functions written out, so that tests compare plain values.

`Ref` and `GetAtt` become `${X}` and `${X.Y}`, joins and substitutions become text, and the part of the stack id that
makes names unique becomes `{random}`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from generator.model.environment import Environment
from generator.stacks import STACKS

RANDOM = {"Fn::Select": [0, {"Fn::Split": ["-", {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}]}]}


def plain(value: Any) -> Any:
    """A template's value with its intrinsic functions written out."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value == RANDOM:
        return "{random}"
    match value:
        case {"Ref": str(name)}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"${{{name}.{attribute}}}"
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(plain(part) for part in parts)
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::Sub": [str(text), dict(values)]}:
            return re.sub(r"\$\{(\w+)\}", lambda name: str(plain(values.get(name[1], {"Ref": name[1]}))), text)
        case {"Fn::Base64": inner}:
            return plain(inner)
    return {key: plain(item) for key, item in value.items()}


@dataclass(frozen=True)
class Built:
    """Every stack's template, by stack name, as CloudFormation gets it."""

    templates: Mapping[str, Mapping[str, Any]]

    def resource(self, stack: str, title: str) -> Mapping[str, Any]:
        return self.templates[stack]["Resources"][title]  # type: ignore[no-any-return]

    def properties(self, stack: str, title: str) -> dict[str, Any]:
        """A resource's properties, written out."""
        return plain(self.resource(stack, title)["Properties"])  # type: ignore[no-any-return]

    def of_type(self, kind: str, stack: str | None = None) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, by logical id."""
        return {
            title: plain(resource.get("Properties", {}))
            for name, template in self.templates.items()
            for title, resource in template["Resources"].items()
            if resource["Type"] == kind and stack in (None, name)
        }

    def types(self) -> set[str]:
        return {one["Type"] for template in self.templates.values() for one in template["Resources"].values()}

    def outputs(self, stack: str) -> dict[str, Any]:
        return {name: plain(output["Value"]) for name, output in self.templates[stack]["Outputs"].items()}

    def statements(self, stack: str, title: str) -> list[dict[str, Any]]:
        """What a role, or a bucket's policy, states, without the statements' names."""
        properties = self.properties(stack, title)
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])] or [
            properties["PolicyDocument"]
        ]
        return [
            {key: part for key, part in statement.items() if key != "Sid"}
            for document in documents
            for statement in document["Statement"]
        ]


def build(environment: Environment) -> Built:
    """Build every stack of an environment."""
    return Built({name: stack(environment).to_dict() for name, stack in STACKS.items()})
