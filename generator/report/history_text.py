"""Deployments as a table, as JSON, and as the operations page shows them."""

import json
from collections.abc import Sequence
from typing import Any

from generator.sync.ledger import Deployment, Result

_HEAD = ("BEGAN (UTC)", "ID", "RESULT", "TOOK", "COMMIT", "WHO", "CHANGED")


def history_text(history: Sequence[Deployment]) -> str:
    """One line per deployment, newest first; a failed one's reason below it."""
    if not history:
        return "nothing was deployed yet"
    rows = [_HEAD, *(_row(one) for one in history)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    said = [lines[0]]
    for line, one in zip(lines[1:], history, strict=True):
        said.append(line)
        said += [f"    {text}" for text in one.error.splitlines()[:3]]
    return "\n".join(said)


def history_json(history: Sequence[Deployment]) -> str:
    """All that the ledger says, as an array."""
    return json.dumps([json.loads(one.to_text()) for one in history], indent=1)


def history_data(history: Sequence[Deployment]) -> list[dict[str, Any]]:
    """What `status/{env}.json` keeps of the ledger: who, what, how long, and how it ended."""
    return [
        {
            "id": one.id,
            "commit": one.commit or None,
            "who": one.who,
            "began": one.began.isoformat(),
            "seconds": one.seconds,
            "outcome": one.result.value,
            "changed": _changed(one),
            "note": one.note,
            "error": one.error,
        }
        for one in history
    ]


def _changed(one: Deployment) -> list[str]:
    return [name for name, result in one.stacks.items() if result.action != "unchanged"]


def _row(one: Deployment) -> tuple[str, ...]:
    return (
        f"{one.began:%Y-%m-%d %H:%M:%S}",
        one.id,
        # Without an end it runs, or it was killed; the ledger cannot tell, the lease can.
        "running?" if one.result is Result.RUNNING else one.result.value,
        f"{one.seconds:.0f} s" if one.seconds is not None else "-",
        one.commit[:12] or "-",
        one.who,
        (", ".join(_changed(one)) or ("nothing" if one.stacks else "-")) + (f" ({one.note})" if one.note else ""),
    )
