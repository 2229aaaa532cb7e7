"""Two trees as a unified diff of their texts, as Git would show it: template by template. Pure.

A manifest is mostly hashes; of it are shown each stack's parameters and the artifacts, one line each.
"""

import difflib
from collections.abc import Iterator, Mapping

from click import style

from generator.model.manifest import Manifest, StackManifest, UnknownStack, parse
from generator.model.wiring import Wire

_MANIFEST = "manifest.yaml"
_COLOURS = {"-": "red", "+": "green", "@": "cyan"}


def diff_text(
    before: Mapping[str, str], after: Mapping[str, str], names: tuple[str, str], stack: str | None = None
) -> str:
    """Empty where both say the same. `names` go before the paths; `stack`: that one alone. Raises UnknownStack.

    Coloured by ANSI codes, which `click.echo` takes off where nobody sees them.
    """
    sides = [_texts(files, name) for files, name in zip((before, after), names, strict=True)]
    paths = list(dict.fromkeys([*sides[1], *sides[0]]))
    if stack is not None:
        known = list(dict.fromkeys(owner for owner, _ in paths if owner))
        if stack not in known:
            raise UnknownStack(stack, known)
        paths = [path for path in paths if path[0] == stack]
    lines: list[str] = []
    for path in paths:
        old, new = (side.get(path, "") for side in sides)
        if old != new:
            lines += _unified(old, new, *(f"{name}/{path[1]}" for name in names))
    return "\n".join(lines)


_Path = tuple[str, str]
"""Stack (empty: of the whole environment) and file."""


def _texts(files: Mapping[str, str], name: str) -> dict[_Path, str]:
    """What is compared, in the order in which it is applied."""
    if _MANIFEST not in files:
        return {}
    manifest = parse(files[_MANIFEST], f"{name}/{_MANIFEST}")
    found: dict[_Path, str] = {}
    for stack in manifest.stacks:
        found[stack.name, stack.template] = files.get(stack.template, "")
        found[stack.name, f"{_MANIFEST}: {stack.name}"] = _parameters(stack)
    found["", f"{_MANIFEST}: artifacts"] = _artifacts(manifest)
    found["", manifest.serve.config] = files.get(manifest.serve.config, "")
    return found


def _parameters(stack: StackManifest) -> str:
    """And, of a stack that is live, what else an apply would put right."""
    lines = [
        f"{name}: {f'from {value.stack}.{value.output}' if isinstance(value, Wire) else value}"
        for name, value in sorted(stack.parameters.items())
    ]
    return "".join(f"{line}\n" for line in [*lines, *stack.unsettled])


def _artifacts(manifest: Manifest) -> str:
    return "".join(f"{one.kind} {one.name}: {one.address}\n" for one in manifest.artifacts)


def _unified(old: str, new: str, old_name: str, new_name: str) -> Iterator[str]:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm="")
    for number, line in enumerate(lines):
        colour = _COLOURS.get(line[:1])
        yield style(line, bold=True) if number < 2 else style(line, fg=colour) if colour else line
