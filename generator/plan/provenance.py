"""Which line of Python made a resource: where its logical id stands in the module of its stack.

A static look, so that a plan needs no generator run: `generator/stacks/<stack>.py` holds the stack, logical ids are
literals there (they are public API). Where an id is composed, the module's function is named instead.
"""

import ast
from collections.abc import Mapping
from dataclasses import replace

from generator.plan.facts import ResourceChange


def module_of(stack: str) -> str:
    """The module that builds a stack, below `generator/stacks/`."""
    return f"{stack.replace('-', '_')}.py"


def with_sources(changes: tuple[ResourceChange, ...], modules: Mapping[str, str]) -> tuple[ResourceChange, ...]:
    """Fill in `source` of each change. `modules`: file name -> text of `generator/stacks/*.py`."""
    lines: dict[str, dict[str, int]] = {}
    located = []
    for change in changes:
        module = module_of(change.stack)
        if module not in modules:
            located.append(change)
            continue
        if module not in lines:
            lines[module] = _literals(modules[module])
        line = lines[module].get(change.resource)
        place = f"generator/stacks/{module}"
        located.append(
            replace(change, source=f"{place}:{line}" if line else f"{place}:{change.stack.replace('-', '_')}()")
        )
    return tuple(located)


def _literals(text: str) -> dict[str, int]:
    """Each string literal of a module with its line; where it is an argument of a call, that wins over other uses."""
    found: dict[str, int] = {}
    called: dict[str, int] = {}
    try:
        module = ast.parse(text)
    except SyntaxError:
        return {}
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            first = node.args[0]
            # `ec2.VPC("Vpc", ...)`: a resource is made with keywords or more arguments, `Ref("Vpc")` has neither.
            if isinstance(first.value, str) and (node.keywords or len(node.args) > 1):
                called[first.value] = min(first.lineno, called.get(first.value, first.lineno))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found[node.value] = min(node.lineno, found.get(node.value, node.lineno))
    return found | called
