"""The stacks of an environment as one template: what a stack gives out stands where another one takes it in."""

import re
from collections.abc import Mapping
from typing import Any

from generator.model.wiring import Wire
from generator.plan.tree import Tree

_PLACE = re.compile(r"\$\{([^!}]+)\}")


class _Stacks:
    """Values of an environment's templates, with the parameters put in."""

    def __init__(self, tree: Tree) -> None:
        assert tree.manifest is not None  # noqa: S101  # whoever reads a tree has refused one without
        self._parameters = {stack.name: stack.parameters for stack in tree.manifest.stacks}
        self.texts: Mapping[str, Mapping[str, Any]] = {
            name: template.source.data for name, template in tree.templates.items() if template.source
        }

    def settled(self, stack: str, value: Any) -> Any:
        """A value of a stack's template that names resources, and no parameters."""
        match value:
            case {"Ref": str(name)} if name in self._parameters[stack]:
                return self._given(stack, name)
            case {"Fn::Sub": str(text)}:
                return _sub(*self._text(stack, text, {}))
            case {"Fn::Sub": [str(text), dict(names)]}:
                return _sub(*self._text(stack, text, {name: self.settled(stack, one) for name, one in names.items()}))
            case dict():
                return {key: self.settled(stack, one) for key, one in value.items()}
            case list():
                return [self.settled(stack, one) for one in value]
            case _:
                return value

    def _given(self, stack: str, parameter: str) -> Any:
        given = self._parameters[stack][parameter]
        if not isinstance(given, Wire):
            return given
        return self.settled(given.stack, self.texts[given.stack]["Outputs"][given.output]["Value"])

    def _text(self, stack: str, text: str, names: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """The text of a Sub with the values of parameters written into it, and those that are not to be written."""
        left = dict(names)

        def written(place: re.Match[str]) -> str:
            name = place[1]
            if name in names or name not in self._parameters[stack]:
                return place[0]
            match self._given(stack, name):
                case {"Ref": str(resource)}:
                    return f"${{{resource}}}"
                case {"Fn::GetAtt": [str(resource), str(attribute)]}:
                    return f"${{{resource}.{attribute}}}"
                case {"Fn::Sub": str(inner)} | str(inner):
                    return inner
                case other:
                    left[name] = other
                    return place[0]

        return _PLACE.sub(written, text), left


def _sub(text: str, names: Mapping[str, Any]) -> Any:
    if names:
        return {"Fn::Sub": [text, names]}
    return {"Fn::Sub": text} if _PLACE.search(text) else text


def one_template(tree: Tree) -> tuple[dict[str, Any], dict[str, str]]:
    """All resources of an environment in one template, and the stack of each.

    Raises ValueError where two stacks have a resource of the same name: ours are named alike in the whole environment.
    """
    stacks, home = _Stacks(tree), dict[str, str]()
    resources: dict[str, Any] = {}
    for stack, text in stacks.texts.items():
        for name, resource in text["Resources"].items():
            if name in home:
                raise ValueError(f"{name} stands in {home[name]} and in {stack}")
            home[name], resources[name] = stack, stacks.settled(stack, resource)
    return {"Resources": resources}, home
