"""A result beside the truth, in plain Python: did the deployed reader read the sample?

Compared are the heart rate and the number of beats. `BEATS_OFF` is one beat at each end of the clip, where a reader may
cut it; a beat lost there leaves the rate as it is. `RATE_OFF_BPM` is a little more than one beat in the middle: with
the 39 beats of `samples/sweep.mp4` at 98.1 bpm, one missed or invented moves the mean by 2.6 bpm, and two by 5.2. So
one mistake passes and two do not. That is loose on purpose: a deployment asks whether the parts work together, and a
beat that other weights see otherwise must not roll it back. Accuracy is judged where the reader is changed
(`tools/ecg_video`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SCHEMA = "ecg-result/v1"
BEATS_OFF = 2
RATE_OFF_BPM = 3.0


@dataclass(frozen=True)
class Comparison:
    """What was read, and what was there to read. What a result does not say, or says in no usable form, is None."""

    schema: str | None
    beats: int | None
    true_beats: int
    rate_bpm: float | None
    true_rate_bpm: float

    @property
    def mistakes(self) -> tuple[str, ...]:
        """Everything that is not as it should be, in words; empty where the sample was read."""
        if self.schema != SCHEMA:
            return (f"the result's schema is {self.schema or 'not given'}, not {SCHEMA}",)
        found = []
        if self.rate_bpm is None or abs(self.rate_bpm - self.true_rate_bpm) > RATE_OFF_BPM:
            read = "no heart rate" if self.rate_bpm is None else f"heart rate {self.rate_bpm:.1f} bpm"
            found.append(f"{read}, the truth is {self.true_rate_bpm:.1f} (may be off by {RATE_OFF_BPM:g})")
        if self.beats is None or abs(self.beats - self.true_beats) > BEATS_OFF:
            read = "no beats" if self.beats is None else f"{self.beats} beats"
            found.append(f"{read}, the truth is {self.true_beats} (may be off by {BEATS_OFF})")
        return tuple(found)


def compare(result: object, truth: Mapping[str, Any]) -> Comparison:
    """Put a result (`ecg-result/v1`, from the network: anything may be missing) beside a truth (`ecg-video-truth/v1`).

    The truth's rate is 60 / mean RR of its beats, as the reader's is.
    """
    times = [float(beat["time_s"]) for beat in truth["beats"]]
    rate = 60.0 * (len(times) - 1) / (times[-1] - times[0])
    said = result if isinstance(result, Mapping) else {}
    schema, beats, heart = said.get("schema"), said.get("beats"), said.get("heart_rate_bpm")
    mean = heart.get("mean") if isinstance(heart, Mapping) else None
    return Comparison(
        schema=schema if isinstance(schema, str) else None,
        beats=len(beats) if isinstance(beats, list) else None,
        true_beats=len(times),
        rate_bpm=float(mean) if isinstance(mean, int | float) and math.isfinite(mean) else None,
        true_rate_bpm=rate,
    )
