"""`python -m tools.ecg_screens OUT_DIR`: draw videos of ECGs, each with its truth beside it."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import cv2

from tools.bench_ecg import patients
from tools.ecg_screens import draws, films
from tools.ecg_screens.draws import Factor
from tools.ecg_screens.looks import Product

_EXAMPLES = """\
examples:
  ten videos, everything about them drawn by seed 0 to 9; signals made up
    python -m tools.ecg_screens /tmp/screens
  the same of real records, those to work with (never those that are reported on)
    python -m tools.ecg_screens /tmp/screens --data DATA_DIR
  five ways of filming an ordinary monitor
    python -m tools.ecg_screens /tmp/screens --special camera --count 5 --seed 20
  a tube with its fading tail, three times
    python -m tools.ecg_screens /tmp/screens --look tube --count 3
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse, draw, print. Returns the exit code: 0 done, 2 wrong input."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.ecg_screens",
        description="Videos of ECGs on screens and paper, with truth beside them, drawn by another hand.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, help="NAME.mp4 (or .mov .webm .mkv .avi) and NAME.truth.json go here")
    parser.add_argument("--count", type=int, default=10, help="how many videos (default 10)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first; each next has the next (default 0)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each (default 8)")
    parser.add_argument("--data", type=Path, help="folder with mitdb/ and cinc2017/; without it signals are made up")
    parser.add_argument("--special", choices=[str(f) for f in Factor], default="all", help="what is drawn at random")
    parser.add_argument("--look", choices=[p.name.lower() for p in Product], help="one product only")
    options = parser.parse_args(arguments)
    if options.data and not (options.data / "mitdb").is_dir():
        print(f"no records at {options.data}: it needs mitdb/ and cinc2017/, or leave --data out", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    people = patients.load(options.data, report=False)
    product = Product[options.look.upper()] if options.look else None
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seed, options.seed + options.count):
        film = draws.film(Factor(options.special), seed, product)
        patient = people[seed % len(people)]
        start_s = draws.start(film, patient.recording.duration_s, options.seconds)
        path = options.folder / f"{options.special}-{seed:03d}{film.file.kind.suffix}"
        truth = films.render(path, film, patient.recording, start_s, options.seconds)
        path.with_suffix(".truth.json").write_text(json.dumps(truth))
        print(f"{path}  {film.special}  {patient.name}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
