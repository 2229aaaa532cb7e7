"""`python -m tools.grade_screens`: how the grades of `signal_quality` go with what `ecg_rhythm` reads, as a table.

Every row is the same part of a real recorded ECG on a rendered screen, filmed in another way; both apps get the file.
The figures of the model card come from here (minutes). They are not accuracy: one patient,
rendered screens.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "services/ray_serve"))

from apps.ecg_rhythm import analysis
from apps.signal_quality import grading
from kit.contract import AppError
from tools.ecg_video import scoring, video
from tools.ecg_video.golden import HANDHELD, PAPER, SCROLL, SWEEP, excerpt
from tools.ecg_video.settings import Camera, Encoding, Screen

SECONDS = 6.0
UNREAD_DB = -5.0
"""What a video that the reader refuses counts in the rank correlation: less than any that it reads."""


def conditions() -> Iterator[tuple[str, Screen, Camera, Encoding]]:
    """Name, screen, camera and encoding of each row."""
    fine = Encoding(preset="veryfast")
    yield "sweep", SWEEP, Camera(), fine
    yield "scroll", SCROLL, Camera(), fine
    yield "light theme", PAPER, Camera(), fine
    yield "no grid", replace(SWEEP, grid=False), Camera(), fine
    yield "H.264 at CRF 40", SWEEP, Camera(), Encoding(crf=40, preset="veryfast")
    yield "handheld", SWEEP, HANDHELD, fine
    for name, values in {
        "blur": (0.7, 1.5, 2.5, 4.0),
        "shake": (0.7, 1.5, 3.0),
        "noise": (8.0, 20.0, 45.0),
        "low_light": (0.5, 0.8, 0.93),
        "glare": (0.6, 1.0),
        "moire": (0.5, 1.0),
        "perspective": (0.03, 0.08),
        "dropped": (0.3, 0.7),
    }.items():
        for value in values:
            fault: dict[str, Any] = {name: value}
            yield f"{name.replace('_', ' ')} {value:g}", SWEEP, Camera(**fault), fine
    yield "scroll, shake 1.5", SCROLL, Camera(shake=1.5), fine
    yield "scroll, blur 2.5", SCROLL, Camera(blur=2.5), fine
    yield "scroll, low light 0.93", SCROLL, Camera(low_light=0.93), fine


def main(arguments: list[str] | None = None) -> int:
    """Print the table as Markdown. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.grade_screens", description=__doc__)
    parser.add_argument("--seed", type=int, default=11, help="of everything random (default 11)")
    options = parser.parse_args(arguments)
    print("| condition | score | grade | reasons | SNR of the reading, dB |\n|---|---|---|---|---|")
    scores, snrs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, screen, camera, encoding in conditions():
            path = Path(folder) / "input.mp4"
            truth = video.render(path, excerpt(screen), SECONDS, screen, camera, encoding, options.seed)
            found = grading.result(grading.grade_video(path))
            snr, said = _read(path, truth)
            scores.append(found["score"])
            snrs.append(snr)
            reasons = ", ".join(found["findings"]).replace("_", " ")
            print(f"| {name} | {found['score']:.2f} | {found['grade']} | {reasons} | {said} |", flush=True)
    rank = spearmanr(scores, snrs).statistic
    print(f"\nRank correlation of score and SNR over the {len(scores)} rows (Spearman): {rank:.2f}")
    return 0


def _read(path: Path, truth: dict[str, object]) -> tuple[float, str]:
    try:
        reading = analysis.read(path)
    except AppError as refusal:
        return UNREAD_DB, f"refused: {refusal.code.replace('_', ' ')}"
    probabilities = np.full((len(reading.beats_s), 5), 0.2, np.float32)
    snr = scoring.score(analysis.result(reading, probabilities), truth)["snr_db"]
    return (UNREAD_DB, "nothing") if snr is None else (float(snr), f"{snr:.1f}")


if __name__ == "__main__":
    raise SystemExit(main())
