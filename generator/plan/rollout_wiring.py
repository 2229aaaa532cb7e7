"""Who refers to what: within a template, and over the manifest's wiring into other stacks."""

from collections.abc import Mapping
from typing import Any

from generator.model.wiring import Wire
from generator.plan.tree import Att, Call, Ref, Text, Tree


def named(value: Any) -> set[str]:
    """Names of the resources and parameters that a canonical value refers to.

    The same as walking `generator.plan.tree.references`, without generators: a plan of thousands of resources walks
    each of them.
    """
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            continue
        if isinstance(one, Mapping):
            waiting.extend(one.values())
        elif isinstance(one, list | tuple):
            waiting.extend(one)
        elif isinstance(one, Ref):
            found.add(one.name)
        elif isinstance(one, Att):
            found.add(one.resource)
        elif isinstance(one, Text):
            waiting.extend(one.pieces)
        elif isinstance(one, Call):
            waiting.append(one.argument)
    return found


class Wiring:
    """The wires of one tree; each template is walked once, when it is first asked about."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._outputs: dict[str, Mapping[str, set[str]]] = {}
        self._used: dict[str, set[str]] = {}
        self._takers: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for stack in tree.manifest.stacks if tree.manifest else ():
            for parameter, value in stack.parameters.items():
                if isinstance(value, Wire):
                    self._takers.setdefault((value.stack, value.output), []).append((stack.name, parameter))

    def users(self, stack: str, resource: str) -> tuple[str, ...]:
        """Other stacks that use a resource, in the order of the manifest. To be watched is not to be used."""
        takers = [
            taker
            for output, names in self._named_by_outputs(stack).items()
            if resource in names
            for taker in self._takers.get((stack, output), ())
        ]
        return tuple(dict.fromkeys(user for user, parameter in takers if parameter in self._parameters_used(user)))

    def _named_by_outputs(self, stack: str) -> Mapping[str, set[str]]:
        if stack not in self._outputs:
            template = self._tree.templates.get(stack)
            outputs = template.outputs if template else {}
            self._outputs[stack] = {name: named(value) for name, value in outputs.items()}
        return self._outputs[stack]

    def _parameters_used(self, stack: str) -> set[str]:
        """What anything but an alarm or a dashboard of the stack refers to."""
        if stack not in self._used:
            template = self._tree.templates.get(stack)
            self._used[stack] = set().union(
                *(
                    named(resource.properties)
                    for resource in (template.resources.values() if template else ())
                    if not resource.type.startswith("AWS::CloudWatch::")
                )
            )
        return self._used[stack]
