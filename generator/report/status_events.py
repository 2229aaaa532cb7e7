"""Stack events and log lines as text, newest last, failures in red. Pure."""

from collections.abc import Sequence

from click import style

from generator.report.columns import Cell, table
from generator.sync.traces import LogLine, StackMoment


def events_text(moments: Sequence[StackMoment]) -> str:
    """A table of events; a resource that failed by itself is red, one that was cancelled with it is not."""
    rows = []
    for stack, event in ((moment.stack, moment.event) for moment in moments):
        colour = "red" if event.failed or "ROLLBACK" in event.status else None
        kind = event.type.removeprefix("AWS::")
        cells = (f"{event.time:%Y-%m-%d %H:%M:%S}", stack, event.logical_id, kind, event.status, event.reason)
        rows.append([Cell(text, colour) for text in cells])
    return "\n".join(table(("TIME", "STACK", "RESOURCE", "TYPE", "STATUS", "REASON"), rows))


def log_text(line: LogLine) -> str:
    """One line of a log, with its time and the end of its stream's name (which tells tasks apart)."""
    return style(f"{line.time:%H:%M:%S} {line.stream.rpartition('/')[2][:8]}  ", dim=True) + line.text
