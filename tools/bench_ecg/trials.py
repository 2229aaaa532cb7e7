"""Reads a clip blind and scores it. What was scored is kept until the reader's code or the clip changes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from apps.ecg_rhythm import analysis, tape
from apps.ecg_rhythm.reading import Reading
from kit.contract import AppError
from tools.bench_ecg.clips import Clip
from tools.ecg_video import scoring

WINDOW_S = 0.5
"""Confidence is held against error in windows of this length."""
SHIFT_S, PAPER_SHIFT_S = 0.1, 0.5
"""By how much a reading may be shifted as a whole to fit the truth."""
READER = Path(analysis.__file__).parents[2]
SCORED_BY = (Path(__file__), Path(scoring.__file__))


@dataclass(frozen=True)
class Trial:
    """One clip's outcome. `refused`: the code, with no figures then. `windows`: confidence and error (mV) of each."""

    condition: str
    patient: str
    index: int
    kind: str
    ceiling_db: float
    refused: str = ""
    snr_db: float | None = None
    readable: float = 0.0
    quality: float = 0.0
    calibrated: bool = False
    gain_error: float | None = None
    f1: float | None = None
    timing_ms: float | None = None
    rate_error_bpm: float | None = None
    kind_right: bool = False
    windows: tuple[tuple[float, float], ...] = ()


def run(clip: Clip, folder: Path) -> Trial:
    """The clip's trial, from the notes of an earlier run where nothing has changed since."""
    note = folder / f"{clip.path.stem}-{reader(*SCORED_BY)}.json"
    if note.exists():
        known = json.loads(note.read_text())
        return Trial(**{**known, "windows": tuple(tuple(pair) for pair in known["windows"])})
    trial = _score(clip)
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(asdict(trial)))
    return trial


def _score(clip: Clip) -> Trial:
    truth = clip.truth()
    kind = truth["geometry"]["kind"]
    rows = truth["camera"]["rows"] or truth["screen"]["height"]
    speed = truth["geometry"]["pixels_per_second"] * rows / truth["screen"]["height"]
    times, leads = shown(truth)
    known = {"condition": clip.condition, "patient": clip.patient.name, "index": clip.index, "kind": kind}
    try:
        reading = analysis.read(clip.path)
    except AppError as refusal:
        return Trial(**known, ceiling_db=ceiling(times, leads[0], speed), refused=str(refusal.code))
    wave = reading.waveform
    read_s = wave.start_s + np.arange(len(wave.samples)) / wave.sampling_rate_hz
    read = wave.samples.astype(np.float64)
    # A strip's time 0 is where its trace is first read, which its truth can only guess.
    most = PAPER_SHIFT_S if kind == "paper" else SHIFT_S
    scores = [
        scoring.snr_db(read_s, read, times, lead, calibrated=wave.amplitude_calibrated, max_shift_s=most)
        for lead in leads
    ]
    best = int(np.argmax([score[0] for score in scores]))
    snr, shift = scores[best]
    gain, error = _against(read_s - shift, read, times, leads[best], wave.amplitude_calibrated)
    beats = np.array([beat["time_s"] for beat in truth["beats"]])
    found_s = reading.beats_s - shift if kind == "paper" else reading.beats_s
    match = scoring.beat_f1(found_s, beats) if clip.patient.beats else None
    return Trial(
        **known,
        ceiling_db=ceiling(times, leads[best], speed),
        snr_db=snr,
        readable=reading.quality.readable_share,
        quality=reading.quality.signal_quality,
        calibrated=wave.amplitude_calibrated,
        gain_error=abs(gain - 1.0) if wave.amplitude_calibrated else None,
        f1=None if match is None else match["f1"],
        timing_ms=match["timing_error_ms"] if match is not None and match["matched"] else None,
        rate_error_bpm=_rate_error(reading, beats) if clip.patient.beats else None,
        kind_right=reading.display.kind.value == kind,
        windows=_windows(reading, shift, times, error),
    )


def shown(truth: dict[str, Any]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Times and leads of a truth document up to the video's last frame: what no frame shows nobody can read.

    A paper's truth holds no more than that.
    """
    fps = truth["screen"]["fps"]
    on_paper = truth["geometry"]["kind"] == "paper"
    last_s = truth["duration_s"] if on_paper else (round(truth["duration_s"] * fps) - 1) / fps
    leads = [np.array(lead) for lead in (truth["samples"], *truth["other_leads"])]
    times = np.arange(len(leads[0])) / truth["sampling_rate_hz"]
    there = times <= last_s + 1e-9
    return times[there], [lead[there] for lead in leads]


def ceiling(times: np.ndarray, true: np.ndarray, pixels_per_second: float) -> float:
    """SNR of a perfect reader of pixel columns: the truth's mean over each column, straight lines between them."""
    column_s = 1.0 / pixels_per_second
    centres = np.arange(times[0] + column_s / 2, times[-1] - column_s / 2, column_s)
    fine = np.linspace(-0.5, 0.5, 9)[None, :] * column_s + centres[:, None]
    heights = np.interp(fine.ravel(), times, true).reshape(fine.shape).mean(axis=1)
    return scoring.snr_db(centres, heights, times, true, calibrated=True, max_shift_s=0.0)[0]


def _against(
    read_s: np.ndarray, read: np.ndarray, times: np.ndarray, true: np.ndarray, calibrated: bool
) -> tuple[float, np.ndarray]:
    """Gain of the reading (least squares, 1 is right) and its error in mV at each of `times`, NaN where unread."""
    there = np.interp(times, read_s, read, left=np.nan, right=np.nan)
    known = np.isfinite(there)
    if known.sum() < 10:
        return 1.0, np.full(len(times), np.nan)
    values, reference = there[known] - there[known].mean(), true[known] - true[known].mean()
    power = float(values @ values)
    gain = float(reference @ reference) and float(values @ reference) / float(reference @ reference)
    fit = 1.0 if calibrated or not power else float(values @ reference) / power
    error = np.full(len(times), np.nan)
    error[known] = fit * values - reference
    return gain, error


def _windows(reading: Reading, shift: float, times: np.ndarray, error: np.ndarray) -> tuple[tuple[float, float], ...]:
    confidence = np.interp(
        times, np.arange(len(reading.waveform.confidence)) / tape.RATE_HZ - shift, reading.waveform.confidence
    )
    number = (times / WINDOW_S).astype(int)
    pairs = []
    for window in range(int(number[-1]) + 1):
        inside = (number == window) & np.isfinite(error)
        if inside.sum() > 0.5 * (number == window).sum():
            pairs.append((float(confidence[inside].mean()), float(np.sqrt((error[inside] ** 2).mean()))))
    return tuple(pairs)


def _rate_error(reading: Reading, beats: np.ndarray) -> float | None:
    if len(beats) < 3 or len(reading.beats_s) < 3:
        return None
    return abs(60.0 / float(np.diff(reading.beats_s).mean()) - 60.0 / float(np.diff(beats).mean()))


def reader(*more: Path) -> str:
    """Digest of what a trial depends on beside its clip: the reader, its weights, and `more` files, that score it."""
    files = [*sorted((READER / "apps" / "ecg_rhythm").rglob("*.py")), READER / "kit" / "video.py"]
    files += sorted((READER / "apps" / "ecg_rhythm").rglob("*.safetensors"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in (*files, *more))).hexdigest()[:12]
