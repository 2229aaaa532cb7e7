"""The values that a stack's template gets at deploy time."""

from collections.abc import Mapping

from generator.model.environment import UNRESOLVED
from generator.model.manifest import Manifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.errors import MissingOutput, Unresolved


def require_resolved(manifest: Manifest, resolutions: Mapping[str, str]) -> None:
    """Raise Unresolved with every parameter that reads `unresolved` and that `resolutions` does not supply."""
    missing = [
        (stack.name, name)
        for stack in manifest.stacks
        for name, value in stack.parameters.items()
        if value == UNRESOLVED and name not in resolutions
    ]
    if missing:
        raise Unresolved(manifest.name, missing)


def resolve(
    stack: StackManifest, outputs: Mapping[str, Mapping[str, str]], resolutions: Mapping[str, str]
) -> dict[str, str]:
    """Fill in a stack's parameters from live outputs, by stack. Raises MissingOutput."""
    values = {}
    for name, value in stack.parameters.items():
        match value:
            case Wire(source, output):
                if output not in outputs.get(source, {}):
                    raise MissingOutput(stack.name, name, source, output)
                values[name] = outputs[source][output]
            case _:
                values[name] = resolutions[name] if value == UNRESOLVED else value
    return values
