"""`python -m tools.bench_ecg`: read real ECGs off rendered videos, blind, and print how well, condition by condition.

Resumable: clips and scores are kept under .local/bench_ecg, and made again only where what they come from changed.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services" / "ray_serve"))  # the import root of the app, as on the box

import cv2  # noqa: E402

from tools.bench_ecg import clips, no_ecg, patients, report, trials  # noqa: E402
from tools.bench_ecg.conditions import CONDITIONS, PAPER  # noqa: E402

QUICK = 4


def main(arguments: list[str] | None = None) -> int:
    """Render, read, print. Returns the exit code: 0 done, 2 no data."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_ecg", description=__doc__)
    default = Path(os.environ.get("ECG_DATA_DIR", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with mitdb/ and cinc2017/ ($ECG_DATA_DIR)")
    parser.add_argument("--made-up", action="store_true", help="made-up signals: runs without data, and proves nothing")
    parser.add_argument("--work", action="store_true", help="the patients to work with, not those to report on")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} excerpts a condition; not for the document")
    parser.add_argument("--excerpts", type=int, default=20, help="excerpts a condition, each another patient")
    parser.add_argument("--only", nargs="*", default=(), help="conditions by a part of their name")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/accuracy.md")
    parser.add_argument("--plot", type=Path, help="draw SNR by condition and risk by coverage into this PNG")
    options = parser.parse_args(arguments)
    data = None if options.made_up else options.data
    if data is not None and not (data / "mitdb").is_dir():
        print(
            f"no records at {data}: set ECG_DATA_DIR to a folder with mitdb/ and cinc2017/ (PhysioNet, ODC-BY 1.0), "
            "or try the tool with --made-up",
            file=sys.stderr,
        )
        return 2
    cv2.setNumThreads(1)
    count = QUICK if options.quick else options.excerpts
    people = patients.load(data, report=not options.work)[:count]
    chosen = [c for c in (*CONDITIONS, PAPER) if not options.only or any(part in c.name for part in options.only)]
    kept = ROOT / ".local" / "bench_ecg" / ("made-up" if data is None else "work" if options.work else "report")
    found: list[trials.Trial] = []
    started = time.monotonic()
    for condition in chosen:
        for index, patient in enumerate(people):
            clip = clips.make(condition, patient, index, kept / "clips")
            found.append(trials.run(clip, kept / "trials"))
        print(report.row(condition, [t for t in found if t.condition == condition.name]), flush=True)
    print(f"\n{len(found)} clips in {time.monotonic() - started:.0f} s", flush=True)
    text = report.document(chosen, found)
    if not options.only:
        text += "\n\n" + no_ecg.table(count)
    print(text)
    if options.write:
        report.write(ROOT / "docs" / "accuracy.md", text)
    if options.plot:
        report.plot(options.plot, chosen, found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
