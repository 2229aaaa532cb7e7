"""Where the facts of an apply are shown: a live tree on a terminal, lines elsewhere, JSON for machines."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live

from generator.report.apply_lines import json_line, line
from generator.report.apply_tree import ApplyTree
from generator.sync.progress import Report

OUTPUTS = ("auto", "text", "jsonl")


@contextmanager
def showing(console: Console, output: str = "auto") -> Iterator[Report]:
    """Gives the function to report facts to; `output` is one of OUTPUTS."""
    if output == "auto" and console.is_terminal:
        tree = ApplyTree()
        with Live(tree, console=console, refresh_per_second=8):
            yield tree.add
        return
    write = json_line if output == "jsonl" else line
    yield lambda fact: console.out(write(fact), highlight=False)
