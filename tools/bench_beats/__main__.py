"""`python -m tools.bench_beats`: measure the shipped networks on patients kept back; Markdown on standard output."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services" / "ray_serve"))  # the import root of the app, as on the box

from apps.ecg_rhythm import delineator, model  # noqa: E402
from tools.bench_beats import classes, rhythms, waves  # noqa: E402
from tools.ecg_train import ludb, records, strips  # noqa: E402
from tools.ecg_train.card import placed  # noqa: E402
from tools.ecg_train.rhythms import described  # noqa: E402
from tools.ecg_train.waves import split  # noqa: E402

DOCUMENT = ROOT / "docs" / "accuracy-of-classes.md"


def main(arguments: list[str] | None = None) -> int:
    """Measure and print. Returns the exit code: 0 done, 2 no data."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_beats", description=__doc__)
    default = Path(os.environ.get("ECG_DATA_DIR", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with mitdb/ and so on ($ECG_DATA_DIR)")
    parser.add_argument("--only", choices=sorted(PARTS), help="this part alone")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {DOCUMENT.relative_to(ROOT)} too")
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        print(
            f"no data at {options.data}: set ECG_DATA_DIR (docs/accuracy-of-classes.md says to what)", file=sys.stderr
        )
        return 2
    torch.set_num_threads(1)
    for name, measure in PARTS.items():
        if options.only in (None, name):
            text = measure(options.data)
            print(text, flush=True)
            if options.write:
                document = DOCUMENT.read_text(encoding="utf-8")
                DOCUMENT.write_text(placed(document, name, text), encoding="utf-8")
    return 0


def _waves(data: Path) -> str:
    _, leads = split(ludb.load(data / "ludb"))
    patients = len({lead.patient for lead in leads})
    parts = []
    for title, read in (("From the signal", False), ("As read off a video (simulated)", True)):
        rows = waves.measure(leads, delineator.shipped(), read=read)
        parts += [
            f"**{title}**: {len(leads)} leads of {patients} patients whom the network never saw.",
            waves.edges_table(rows),
            waves.widths_table(rows),
        ]
    return "\n\n".join(parts)


def _classes(data: Path) -> str:
    loaded = [records.load(data / "mitdb", name) for name in records.REPORT]
    rows = classes.measure(loaded, model.BeatClassifier.load(), seed=7)
    parts = [
        "**From the signal**",
        classes.records_table(rows, read=False),
        "**As read off a video (simulated)**",
        classes.records_table(rows, read=True),
        "**Answers and mistakes, as read**",
        classes.risk_table(rows),
    ]
    return "\n\n".join(parts)


def _rhythm(data: Path) -> str:
    every = [*strips.cinc2017(data / "cinc2017"), *strips.others(data)]
    answers = rhythms.measure(described(every, delineator.shipped()))
    return f"{rhythms.classes_table(answers)}\n\n{rhythms.risk_table(answers)}"


PARTS: Mapping[str, Callable[[Path], str]] = {"waves": _waves, "classes": _classes, "rhythm": _rhythm}


if __name__ == "__main__":
    raise SystemExit(main())
