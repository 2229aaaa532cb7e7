"""What a strip as a whole looks like: irregularity, waves, ectopic beats, noise. The rhythm network's inputs; pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import signal

from apps.ecg_rhythm.beats import fill, steady
from apps.ecg_rhythm.reading import FloatArray, Waveform
from apps.ecg_rhythm.waves import BeatWaves, Wave

Float64 = npt.NDArray[np.float64]

FEATURES = 32
UNLIKE = 0.25
"""1 - correlation with the usual complex, above which a beat is an odd one."""


def describe(wave: Waveform, beats_s: Float64, waves: Sequence[BeatWaves]) -> FloatArray:
    """FEATURES numbers about a strip with at least four beats; most lie between -1 and 3.

    Nothing is asked of the beat classifier, so that each of the two networks can change alone.
    """
    level = steady(fill(wave.samples), wave.sampling_rate_hz)
    at = np.round((beats_s - wave.start_s) * wave.sampling_rate_hz).astype(int)
    logs = np.log(np.diff(beats_s))
    unlike, noise = _shapes(level, at, wave.sampling_rate_hz)
    early = np.append(False, logs - _local(logs) < -0.12)
    odd = unlike > UNLIKE
    numbers = [
        *_irregularity(logs, ~early & ~odd),
        *_waves(waves),
        *(4 * float(share.mean()) for share in (early & ~odd, early & odd, odd & ~early)),
        float(np.sort(unlike)[-3:].mean()) * 2,
        *noise,
    ]
    if len(numbers) != FEATURES:
        raise AssertionError(f"{len(numbers)} numbers made, {FEATURES} declared in strip.FEATURES")
    return np.asarray(np.nan_to_num(np.array(numbers)).clip(-4, 4), np.float32)


def _local(logs: Float64) -> Float64:
    """The usual interval around each one."""
    return np.array([np.median(logs[max(0, i - 5) : i + 6]) for i in range(len(logs))])


def _irregularity(logs: Float64, ordinary: npt.NDArray[np.bool_]) -> list[float]:
    """Of all intervals, and of those between two ordinary beats: ectopic beats are irregular too."""
    steps = np.diff(logs)
    between = ordinary[:-1] & ordinary[1:]
    nn = logs[between] if between.sum() >= 3 else logs
    nn_steps = steps[between[1:] & between[:-1]]
    nn_steps = nn_steps if len(nn_steps) >= 2 else steps
    low, quarter, middle, three, high = np.percentile(logs, [5, 25, 50, 75, 95])
    turns = np.sign(steps[1:]) != np.sign(steps[:-1]) if len(steps) > 1 else np.zeros(1)
    return [
        2 * float(middle - np.log(0.8)),
        10 * float(three - quarter),
        4 * float(high - low),
        5 * float(logs.std()),
        5 * float(np.sqrt((steps**2).mean())),
        10 * float(np.median(np.abs(steps))),
        10 * float(nn.std()),
        10 * float(np.sqrt((nn_steps**2).mean())),
        15 * float(np.median(np.abs(nn_steps))),
        2 * float((np.abs(steps) > 0.1).mean()),
        2 * float((np.abs(nn_steps) > 0.05).mean()),
        4 * float((logs - middle < -0.2).mean()),
        4 * float((logs - middle > 0.25).mean()),
        float(turns.mean()),
        _entropy(nn),
        2 * float(between.mean()),
    ]


def _entropy(logs: Float64) -> float:
    """Sample entropy of length 1 with a tolerance of 6 % (Lake and Moorman, Am J Physiol 300:H319-H325, 2011)."""
    if len(logs) < 4:
        return 0.0
    near = np.abs(logs[:, None] - logs[None, :]) < 0.06
    np.fill_diagonal(near, False)
    pairs, runs = near[:-1, :-1].sum(), (near[:-1, :-1] & near[1:, 1:]).sum()
    return float(-np.log((runs + 1) / (pairs + 2)))


def _waves(waves: Sequence[BeatWaves]) -> list[float]:
    p = [one.p for one in waves if isinstance(one.p, Wave)]
    pr = np.array([one.pr_s for one in waves if one.pr_s is not None])
    qrs = np.array([one.qrs_s for one in waves if one.qrs_s is not None])
    t = np.array([isinstance(one.t, Wave) for one in waves])
    return [
        2 * len(p) / len(waves),
        2 * sum(one.probability for one in p) / len(waves),
        20 * float(pr.std()) if len(pr) > 2 else 1.0,
        10 * float(np.median(pr) - 0.16) if len(pr) > 2 else 0.0,
        20 * float(np.median(qrs) - 0.09) if len(qrs) else 0.0,
        40 * float(qrs.std()) if len(qrs) > 2 else 1.0,
        2 * len(qrs) / len(waves),
        2 * float(t.mean()),
    ]


def _shapes(level: Float64, at: npt.NDArray[np.int64], fs: float) -> tuple[Float64, list[float]]:
    """How unlike the usual complex each one is, 0 to 2, and numbers about that and about what lies between."""
    reach = round(0.1 * fs)
    window = np.arange(-reach, reach + 1)
    rows = np.pad(level, reach, mode="edge")[at[:, None] + reach + window]
    rows = rows - rows.mean(axis=1, keepdims=True)
    height = max(float(np.median(np.ptp(rows, axis=1))), 1e-6)
    usual = np.median(rows, axis=0)
    unlike = 1 - rows @ usual / (np.linalg.norm(rows, axis=1) * np.linalg.norm(usual) + 1e-9)
    far = np.ones(len(level), bool)
    far[(at[:, None] + window).clip(0, len(level) - 1).ravel()] = False
    waves = signal.sosfiltfilt(signal.butter(2, (4.0, 9.0), "bandpass", fs=fs, output="sos"), level)
    between = [np.abs(waves[far]), np.abs(np.diff(level)[far[1:]])] if far.sum() > 1 else [np.zeros(1), np.zeros(1)]
    noise = [
        4 * float(np.median(unlike)),
        4 * float(unlike.mean()),
        20 * float(np.median(between[0])) / height,
        40 * float(np.median(between[1])) / height,
    ]
    return np.asarray(unlike, np.float64), noise
