"""Columns as `kubectl get` sets them: as wide as their widest cell, three blanks apart, the last one unbounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from click import style

_GAP = "   "


@dataclass(frozen=True)
class Cell:
    """A cell; `colour` is one of click's."""

    text: str
    colour: str | None = None


def table(header: Sequence[str], rows: Sequence[Sequence[Cell | str]]) -> list[str]:
    """Lines of a table, its header first."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    columns = range(len(header))
    widths = [max([len(header[column]), *(len(row[column].text) for row in cells)]) for column in columns]
    lines = [_GAP.join(name.ljust(width) for name, width in zip(header, widths, strict=True)).rstrip()]
    for row in cells:
        # Padded before coloured: codes have no width.
        parts = [
            style(cell.text, fg=cell.colour) + " " * (width - len(cell.text)) if cell.colour else cell.text.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ]
        lines.append(_GAP.join(parts).rstrip())
    return lines


def age(span: timedelta) -> str:
    """A duration as kubectl writes it: `45s`, `12m`, `5h`, `3d`."""
    seconds = max(0, int(span.total_seconds()))
    for size, unit, up_to in ((1, "s", 120), (60, "m", 120), (3600, "h", 48)):
        if seconds < size * up_to:
            return f"{seconds // size}{unit}"
    return f"{seconds // 86_400}d"
