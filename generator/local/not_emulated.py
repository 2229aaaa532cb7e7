"""What the embedded AWS takes and does not do: said by the command that deploys there, not left to be found out."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_LIST: Final = Path(__file__).parent / "plugin" / "not_emulated.json"


def not_emulated(resources: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """A line for each of (stack, logical id, type) that is kept here and has no effect, with what is missing."""
    missing: dict[str, str] = json.loads(_LIST.read_text(encoding="utf-8"))
    for stack, resource, kind in resources:
        if kind in missing:
            yield f"{stack}.{resource} ({kind}): {missing[kind]}"
