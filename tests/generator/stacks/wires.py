"""The wiring of built templates, worked out as the renderer does it."""

from generator.environments.dev import ENVIRONMENT
from generator.model.environment import Environment
from generator.model.wiring import Wire, waves, wire
from generator.stacks import literals
from tests.generator.stacks.built import Built


def wires_of(built: Built, environment: Environment = ENVIRONMENT) -> dict[str, dict[str, Wire]]:
    """The output that feeds each parameter without a literal. Raises WiringError."""
    given = {stack: set(values) for stack, values in literals(environment).items()}
    given["api"] = given.get("api", set()) | {"ImageTag"}
    given["cdn"] = given.get("cdn", set()) | {"PageScripts"}
    return wire(
        {name: set(one.get("Parameters", ())) - given.get(name, set()) for name, one in built.templates.items()},
        {name: set(one.get("Outputs", ())) for name, one in built.templates.items()},
    )


def waves_of(built: Built, environment: Environment = ENVIRONMENT) -> dict[str, int]:
    """The wave of each stack. Raises WiringError on a circle."""
    return waves(
        {stack: {source.stack for source in named.values()} for stack, named in wires_of(built, environment).items()}
    )
