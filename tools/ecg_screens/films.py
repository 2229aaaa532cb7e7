"""A film: look, movement, lens and file together, rendered with its truth beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from tools.ecg_screens import files, movement
from tools.ecg_screens.display import Display
from tools.ecg_screens.files import File
from tools.ecg_screens.lens import Filming, Lens
from tools.ecg_screens.looks import Curve, Look
from tools.ecg_screens.movement import Movement, Way
from tools.ecg_video.sources import Recording

FITS = 0.9
"""The curve spans at most this share of its lane, as whoever sets a monitor's gain sees to."""
GAINS = (20.0, 10.0, 5.0, 2.5, 1.0)


@dataclass(frozen=True)
class Film:
    """Everything that a video is made of but the signal and where it begins. `special`: what is out of the ordinary."""

    look: Look = field(default_factory=Look)
    move: Movement = field(default_factory=Movement)
    lens: Lens = field(default_factory=Lens)
    file: File = field(default_factory=File)
    seed: int = 0
    special: str = ""


def before_s(film: Film) -> float:
    """Seconds of the record that the glass may show at the video's second 0."""
    return film.look.lane[2] / (film.move.mm_per_s * film.look.mm_px) + 1.2


def after_s(film: Film, duration_s: float) -> float:
    """Seconds of the record that the glass may show until the video's end."""
    return duration_s * max(1.0, film.move.pan) + 1.5


def display(film: Film, recording: Recording, start_s: float, duration_s: float) -> Display:
    """The film's glass, its gain and its baseline set so that the curve stays inside its lane."""
    part = recording.excerpt(start_s - before_s(film), before_s(film) + after_s(film, duration_s))
    sign = (-1 if film.look.inverted else 1) * film.look.weak
    low, high = float((sign * part.samples).min()), float((sign * part.samples).max())
    room = FITS * film.look.lane[3] / film.look.mm_px
    gains = [gain for gain in GAINS if gain <= film.look.mm_per_mv]
    gain = next((g for g in gains if (high - low) * g <= room), gains[-1])
    look = replace(film.look, mm_per_mv=gain)
    baseline = 0.5 - (low + high) / 2 * look.pixels_per_mv / look.lane[3]
    return Display(look, film.move, part, before_s(film), baseline, seed=film.seed)


def render(path: Path, film: Film, recording: Recording, start_s: float, duration_s: float) -> dict[str, Any]:
    """Write the video and return its truth; the video's second 0 is the record's `start_s`.

    The truth is of the form of tools.ecg_video's: leads in mV by the video's time (on paper that a hand moves: seconds
    of paper, from where its right edge was at first), beats, and the screen's geometry.
    """
    glass = display(film, recording, start_s, duration_s)
    filming = Filming(film.lens, film.look.size, duration_s, film.seed)
    times = film.file.times(duration_s, film.seed)
    size = files.write(path, film.file, times, lambda now: filming.picture(glass.frame(now), now))
    last = float(times[-1])
    shown = movement.drawn_until(film.move, last, glass.lap_s)
    leads = [0, *(i + 1 for i, lane in enumerate(film.look.others) if lane.curve is Curve.ECG)]
    turned = film.lens.turns % 2
    rows = size[0] if turned else size[1]
    inside = (recording.beats_s >= start_s) & (recording.beats_s < start_s + shown)
    samples = [glass.truth(lead, 0.0, shown + 1 / recording.rate).round(5).tolist() for lead in leads]
    return {
        "schema": "ecg-truth/v1",
        "sampling_rate_hz": recording.rate,
        "duration_s": shown,
        "samples": samples[0],
        "other_leads": samples[1:],
        "beats": [
            {"time_s": round(float(at) - start_s, 5), "symbol": symbol}
            for at, symbol in zip(recording.beats_s[inside], _symbols(recording, inside), strict=True)
        ],
        "geometry": {
            "kind": movement.kind(film.move),
            "pixels_per_second": glass.speed,
            "pixels_per_mv": glass.look.pixels_per_mv,
            "lane": list(film.look.lane),
            "baseline_y": float(glass.height(0.0)) + film.look.lane[1],
            "video_pixels_per_second": glass.speed * rows / film.look.size[1] / (1 + 2 * film.lens.margin),
        },
        "screen": {"fps": float(film.file.fps), "width": film.look.size[0], "height": film.look.size[1]},
        "camera": {"rows": rows},
        "paper": film.move.way is Way.PAPER,
        "film": json.loads(json.dumps(asdict(film), default=str)),
    }


def _symbols(recording: Recording, inside: np.ndarray) -> list[str]:
    if not recording.symbols:
        return ["?"] * int(inside.sum())
    return [symbol for symbol, keep in zip(recording.symbols, inside, strict=True) if keep]
