"""`python -m tools.bench_beats`: measure the shipped networks on patients kept back; Markdown on standard output.

Resumable: videos and what was read off them are kept under .local/bench_beats, and made again only where what they come
from changed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services" / "ray_serve"))  # the import root of the app, as on the box

from apps.ecg_rhythm import abstention, delineator, model, rhythm  # noqa: E402
from tools.bench_beats import classes, curves, films, readings, rhythms, side_by_side, videos, waves  # noqa: E402
from tools.ecg_train import ludb, records, strips  # noqa: E402
from tools.ecg_train.card import placed  # noqa: E402
from tools.ecg_train.rhythms import described  # noqa: E402
from tools.ecg_train.waves import split  # noqa: E402

DOCUMENT = ROOT / "docs" / "accuracy-of-classes.md"
EXCERPTS, QUICK = 7, 1


def main(arguments: list[str] | None = None) -> int:
    """Measure and print. Returns the exit code: 0 done, 2 no data."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_beats", description=__doc__)
    default = Path(os.environ.get("ECG_DATA_DIR", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with mitdb/ and so on ($ECG_DATA_DIR)")
    parser.add_argument("--only", choices=sorted(PARTS), help="this part alone")
    parser.add_argument("--excerpts", type=int, default=EXCERPTS, help="videos of each record of MIT-BIH")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} video of each record; not for the document")
    parser.add_argument(
        "--work", action="store_true", help="videos of the patients that the classifier was trained on: proves nothing"
    )
    parser.add_argument("--write", action="store_true", help=f"put the tables into {DOCUMENT.relative_to(ROOT)} too")
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        print(
            f"no data at {options.data}: set ECG_DATA_DIR (docs/accuracy-of-classes.md says to what)", file=sys.stderr
        )
        return 2
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for name, measure in PARTS.items():
        if options.only in (None, name):
            part = measure(options)
            print(part.text, flush=True)
            if options.write:
                document = DOCUMENT.read_text(encoding="utf-8")
                DOCUMENT.write_text(placed(document, name, part.text), encoding="utf-8")
                for file, picture in part.pictures.items():
                    (DOCUMENT.parent / file).write_text(picture, encoding="utf-8")
    return 0


@dataclass(frozen=True)
class Part:
    """Tables for the document, and pictures beside it by their files' names."""

    text: str
    pictures: Mapping[str, str] = field(default_factory=dict)


def _waves(options: argparse.Namespace) -> Part:
    _, leads = split(ludb.load(options.data / "ludb"))
    patients = len({lead.patient for lead in leads})
    parts = []
    for title, read in (("From the signal", False), ("As read off a video (simulated)", True)):
        rows = waves.measure(leads, delineator.shipped(), read=read)
        parts += [
            f"**{title}**: {len(leads)} leads of {patients} patients whom the network never saw.",
            waves.edges_table(rows),
            waves.widths_table(rows),
        ]
    return Part("\n\n".join(parts))


def _classes(options: argparse.Namespace) -> Part:
    loaded = [records.load(options.data / "mitdb", name) for name in records.REPORT]
    rows = classes.measure(loaded, model.BeatClassifier.load(), seed=7)
    parts = [
        "**From the signal**",
        classes.records_table(rows, read=False),
        "**As read off a video (simulated)**",
        classes.records_table(rows, read=True),
        "**Answers and mistakes, as read**",
        classes.risk_table(rows),
    ]
    probabilities = np.concatenate([row.read.probabilities for row in rows])
    curve = curves.risks(probabilities, np.concatenate([row.read.labels for row in rows]))
    share = float((probabilities.max(axis=1) >= abstention.SURE_OF_BEAT).mean())
    return Part("\n\n".join(parts), {"risk-beats.svg": curves.picture("Beats as read: share wrong", curve, share)})


def _videos(options: argparse.Namespace) -> Part:
    kept = ROOT / ".local" / "bench_beats" / ("work" if options.work else "report")
    names = records.TRAIN if options.work else records.REPORT
    count = QUICK if options.quick else options.excerpts
    classifier = model.BeatClassifier.load()
    shown = films.films(options.data, names, count, kept / "films")
    rows = [videos.row(film, readings.read(film, kept / "readings"), classifier) for film in shown]
    return Part(side_by_side.document(rows))


def _rhythm(options: argparse.Namespace) -> Part:
    every = [*strips.cinc2017(options.data / "cinc2017"), *strips.others(options.data)]
    answers = rhythms.measure(described(every, delineator.shipped()))
    probabilities = np.concatenate([answer.probabilities for answer in answers])
    labels = np.repeat([answer.label for answer in answers], len(rhythms.SEEDS))
    share = float((probabilities.max(axis=1) >= rhythm.SURE).mean())
    picture = curves.picture("Rhythm: share wrong", curves.risks(probabilities, labels), share)
    return Part(f"{rhythms.classes_table(answers)}\n\n{rhythms.risk_table(answers)}", {"risk-rhythm.svg": picture})


PARTS: Mapping[str, Callable[[argparse.Namespace], Part]] = {
    "waves": _waves,
    "classes": _classes,
    "videos": _videos,
    "rhythm": _rhythm,
}


if __name__ == "__main__":
    raise SystemExit(main())
