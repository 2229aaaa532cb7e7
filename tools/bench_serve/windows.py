"""What is sent: real beats, as many as a 30 s video of them has, and the bytes that carry them."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import signal

from apps.ecg_rhythm.beats import BeatWindows, cut
from apps.ecg_rhythm.model import CLASSES, FEATURES, WINDOW
from apps.ecg_rhythm.reading import Waveform

VIDEO_S = 30.0
ROOT = Path(__file__).resolve().parents[2]
_SAMPLE = ROOT / "samples" / "sweep.truth.json"
_HZ = 250.0
_ROW_BYTES = 4 * (WINDOW + FEATURES)

Rows = npt.NDArray[np.float32]


def sample_windows() -> tuple[BeatWindows, int]:
    """Each beat of the sample (MIT-BIH record 208), and how many beats 30 s of it have.

    Cut by the app's own `beats.cut` from the signal that the sample video was rendered from: no video is decoded.
    """
    truth = json.loads(_SAMPLE.read_text())
    recorded = np.asarray(truth["samples"], np.float64)
    samples = signal.resample(recorded, round(truth["duration_s"] * _HZ)).astype(np.float32)
    wave = Waveform(_HZ, 0.0, "mV", True, samples, np.ones(len(samples), np.float32))
    beats_s = np.asarray([beat["time_s"] for beat in truth["beats"]], np.float64)
    return cut(wave, beats_s), round(len(beats_s) * VIDEO_S / truth["duration_s"])


def requests(windows: BeatWindows, each: int, count: int) -> list[BeatWindows]:
    """`count` requests of `each` windows; every one starts at another beat and goes round."""
    total = len(windows.samples)
    rows = [(first + np.arange(each)) % total for first in range(count)]
    return [BeatWindows(windows.samples[row], windows.features[row]) for row in rows]


def to_bytes(windows: BeatWindows) -> bytes:
    """All samples [n, 256], then all features [n, 16]; float32, little-endian."""
    return windows.samples.astype("<f4").tobytes() + windows.features.astype("<f4").tobytes()


def from_bytes(body: bytes) -> BeatWindows:
    """What `to_bytes` wrote. Raises ValueError for any other length."""
    count, rest = divmod(len(body), _ROW_BYTES)
    if rest or not count:
        raise ValueError(f"{len(body)} bytes are no windows: each has {_ROW_BYTES}")
    values = np.frombuffer(body, "<f4").copy()  # torch wants memory that it may write
    samples, features = np.split(values, [count * WINDOW])
    return BeatWindows(samples.reshape(count, WINDOW), features.reshape(count, FEATURES))


def answer_to_bytes(probabilities: Rows) -> bytes:
    """[n, 5] class probabilities; float32, little-endian."""
    return probabilities.astype("<f4").tobytes()


def answer_from_bytes(body: bytes) -> Rows:
    """What `answer_to_bytes` wrote."""
    return np.frombuffer(body, "<f4").reshape(-1, len(CLASSES))
