"""Parameters and outputs. A parameter without a literal is wired from the one output of the same name."""

import re
from typing import Any

from troposphere import Output, Parameter, Ref, Sub, Template


def wired(template: Template, name: str) -> Ref:
    """The value that another stack gives out as `name`."""
    if name not in template.parameters:
        template.add_parameter(Parameter(name, Type="String", Description=f"Output {name} of another stack"))
    return Ref(name)


def wired_each(template: Template, name: str, count: int) -> list[Ref]:
    """The values of outputs that are numbered from 1, such as `PrivateSubnet{}Id`."""
    return [wired(template, name.format(number)) for number in range(1, count + 1)]


def wired_text(template: Template, text: str) -> Sub:
    """Text with `${Name}` in it for what other stacks, or the manifest, give as `Name`."""
    for name in re.findall(r"\$\{(\w+)\}", text):
        wired(template, name)
    return Sub(text)


def literal(template: Template, name: str, description: str, kind: str = "String") -> Ref:
    """A value that the manifest states."""
    template.add_parameter(Parameter(name, Type=kind, Description=description))
    return Ref(name)


def give_out(template: Template, **values: Any) -> None:
    """Outputs, for other stacks to be wired from. They have no Export: an export in use locks both stacks."""
    for name, value in values.items():
        template.add_output(Output(name, Value=value))
