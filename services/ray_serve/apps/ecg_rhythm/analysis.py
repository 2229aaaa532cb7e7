"""From a video file to the result that docs/architecture.md describes.

`read` is the CPU half (decode, trace, beats), `classifier.probabilities` the batched half; `analyse` does both here.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, assert_never

import numpy as np

from apps.ecg_rhythm import abstention, beats, delineation, delineator, intervals, model, quality, rhythm, rhythm_model
from apps.ecg_rhythm.model import BeatClassifier
from apps.ecg_rhythm.reader import read_trace
from apps.ecg_rhythm.reading import FloatArray, Progress, Reading
from apps.ecg_rhythm.waves import BeatWaves, Unmarked, Wave

SCHEMA = "ecg-result/v1"
NOTICE = (
    "Research and education use only; not a medical device. Not cleared by FDA, MFDS or under CE; not for diagnosis, "
    "treatment, monitoring or alarms. The waveform is reconstructed from video and may be wrong; amplitudes are "
    "uncalibrated unless marked; no finding does not rule out disease. With chest pain, fainting or breathlessness "
    "call the emergency number. A clinician must review the original ECG."
)


@dataclass(frozen=True)
class Analysis:
    """A reading with its beats' class probabilities, [beats, 5] in the order of `model.CLASSES`."""

    reading: Reading
    probabilities: FloatArray

    def to_result(self) -> dict[str, Any]:
        """The result document, without the parts that only the app knows (`app`, `overlay`)."""
        return result(self.reading, self.probabilities)


def _silent(_stage: str, _fraction: float) -> None:
    pass


def read(path: Path, progress: Progress = _silent) -> Reading:
    """Read the ECG trace of the video file at `path`: waveform, R peaks, quality, waves. CPU only.

    Nothing about the screen is given: lane, speed, scale and kind are found. Raises `ReadingError`.
    """
    found = read_trace(path, progress)
    started = time.perf_counter()
    progress("beats", 0.0)
    reading = with_beats(found)
    progress("beats", 1.0)
    return replace(reading, timings_s={**found.timings_s, "beats": time.perf_counter() - started})


def with_beats(found: Reading) -> Reading:
    """`found`, as `read_trace` returns it, with R peaks, quality, findings and waves."""
    reading = quality.judge(found, beats.detect(found.waveform))
    return replace(reading, waves=delineation.delineate(reading.waveform, reading.beats_s, delineator.shipped()))


def analyse(
    path: Path,
    *,
    device: str = "cpu",
    classifier: BeatClassifier | None = None,
    progress: Progress = _silent,
) -> Analysis:
    """Read and classify in this process. Raises `ReadingError` for a video that cannot be read."""
    classifier = classifier or BeatClassifier.load(device=device)
    reading = read(path, progress)
    progress("classify", 0.0)
    started = time.perf_counter()
    inputs = beats.windows(reading)
    probabilities = classifier.probabilities(inputs.samples, inputs.features)
    progress("classify", 1.0)
    timings = {**reading.timings_s, "classify": time.perf_counter() - started}
    return Analysis(replace(reading, timings_s=timings), probabilities)


def result(reading: Reading, probabilities: FloatArray) -> dict[str, Any]:
    """The JSON-ready result of a reading and its class probabilities ([beats, 5]).

    Without `app` and `overlay`, which the caller adds. Raises `ValueError` if the two do not belong together.
    """
    if probabilities.shape != (len(reading.beats_s), len(model.CLASSES)):
        raise ValueError(
            f"{len(reading.beats_s)} beats need probabilities of shape "
            f"({len(reading.beats_s)}, {len(model.CLASSES)}), not {probabilities.shape}"
        )
    wave, video, display = reading.waveform, reading.video, reading.display
    rr = intervals.rr(reading)
    rr = rr[np.isfinite(rr)]
    said = abstention.answers(reading, probabilities)
    judged = rhythm.judge(reading, rhythm_model.shipped())
    measured = intervals.measures(reading, np.array([one.answer == "N" for one in said], bool), judged.bars)
    waves: Sequence[BeatWaves | None] = reading.waves or [None] * len(said)
    return {
        "schema": SCHEMA,
        "notice": NOTICE,
        "video": {
            "duration_s": round(video.duration_s, 3),
            "frames": video.frames,
            "width": video.width,
            "height": video.height,
            "fps": round(video.fps, 3),
            "codec": video.codec,
        },
        "display": {
            "kind": display.kind.value,
            "sweep_period_s": None if display.sweep_period_s is None else round(display.sweep_period_s, 4),
            "pixels_per_second": round(display.pixels_per_second, 3),
            "lane": list(display.lane),
            "turned_deg": display.turned_deg,
        },
        "waveform": {
            "sampling_rate_hz": wave.sampling_rate_hz,
            "start_s": round(wave.start_s, 4),
            "unit": wave.unit,
            "amplitude_calibrated": wave.amplitude_calibrated,
            "samples": [None if np.isnan(v) else round(float(v), 4) for v in wave.samples],
            "confidence": [round(float(v), 3) for v in wave.confidence],
        },
        "beats": [
            {
                "time_s": round(float(at), 4),
                "class": one.likeliest,
                "probability": round(one.probability, 4),
                "answer": one.answer,
                "reason": None if one.reason is None else one.reason.value,
                "waves": _waves(marked),
            }
            for at, one, marked in zip(reading.beats_s, said, waves, strict=True)
        ],
        "rr_s": [round(float(v), 4) for v in rr],
        "heart_rate_bpm": intervals.heart_rate(rr),
        "rhythm": judged.to_data(),
        "intervals": {name: measure.to_data() for name, measure in measured.items()},
        "quality": {
            "signal_quality": round(reading.quality.signal_quality, 3),
            "readable_share": round(reading.quality.readable_share, 4),
        },
        "findings": [finding.value for finding in reading.findings],
        "limits": list(reading.limits),
        "timings_s": {stage: round(seconds, 4) for stage, seconds in reading.timings_s.items()},
    }


def _waves(marked: BeatWaves | None) -> dict[str, dict[str, float | str]] | None:
    """The waves of a beat: seconds, or the reason why there are none."""
    if marked is None:
        return None
    return {name: _wave(getattr(marked, name)) for name in ("p", "qrs", "t")}


def _wave(found: Wave | Unmarked) -> dict[str, float | str]:
    match found:
        case Unmarked():
            return {"reason": found.value}
        case Wave():
            return {
                "onset_s": round(found.onset_s, 4),
                "peak_s": round(found.peak_s, 4),
                "offset_s": round(found.offset_s, 4),
                "probability": round(found.probability, 3),
            }
        case _:
            assert_never(found)
