"""What is live against what Git wants, for one stack: the template's text and the values of its parameters. Pure."""

from collections.abc import Mapping
from typing import Any

from generator.model.environment import UNRESOLVED
from generator.model.manifest import StackManifest
from generator.model.wiring import Wire
from generator.model.yaml_source import InvalidYaml
from generator.model.yaml_source import read as read_yaml
from generator.sync.health.reading import LiveTemplate

_HIDDEN = "****"
"""What CloudFormation shows of a NoEcho parameter."""


def compare(
    stack: StackManifest, text: str, live: LiveTemplate, outputs: Mapping[str, Mapping[str, str]]
) -> tuple[str, ...]:
    """What differs between Git and a live stack, one line each; nothing where it is synced.

    A value that Git leaves `unresolved` is the target's own and cannot differ; one that CloudFormation hides (NoEcho)
    cannot be compared.
    """
    found = [f"template: {difference}" for difference in _template_differences(text, live.template)]
    for name, value in stack.parameters.items():
        match value:
            case Wire(source, output):
                wanted = outputs.get(source, {}).get(output)
            case _:
                wanted = None if value == UNRESOLVED else value
        given = live.parameters.get(name)
        if isinstance(value, Wire) and wanted is None:
            found.append(f"{name}: wired from {value.stack}.{value.output}, which is not there")
        elif wanted is not None and given not in (wanted, _HIDDEN):
            found.append(f"{name}: live {given if given is not None else 'nothing'}, Git {wanted}")
    return tuple(found)


def _template_differences(wanted: str, live: str) -> list[str]:
    # CloudFormation may drop the last line end.
    if wanted.rstrip() == live.rstrip():
        return []
    try:
        sides = [read_yaml(text, "template").data for text in (wanted, live)]
    except InvalidYaml:
        return ["the texts differ"]
    if not all(isinstance(side, Mapping) for side in sides):
        return ["the texts differ"]
    desired, present = sides
    changed = []
    for section in dict.fromkeys([*desired, *present]):
        new, old = desired.get(section), present.get(section)
        if new == old:
            continue
        if isinstance(new, Mapping) and isinstance(old, Mapping):
            names = [name for name in dict.fromkeys([*new, *old]) if new.get(name) != old.get(name)]
            changed += [f"{_word(name, new, old)} {section}.{name}" for name in names]
        else:
            changed.append(f"{section} differs")
    return changed or ["only the spelling differs"]


def _word(name: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    return "Git adds" if name not in old else "Git drops" if name not in new else "differs in"
