"""How a beat differs from its neighbours in time and from the patient's own usual beat in shape."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.model import FEATURES
from apps.ecg_rhythm.reading import FloatArray

Float64 = npt.NDArray[np.float64]


def features(beats: FloatArray, beats_s: Float64, before: int) -> FloatArray:
    """Sixteen numbers a beat, [n, 16], each about 0 for an ordinary beat and clipped to -3 to 3.

    `beats`: [n, 256] windows at 250 Hz with the R peak at column `before`; `beats_s`: [n] R peaks in seconds.
    """
    n = len(beats)
    if n == 0:
        return np.zeros((0, FEATURES), np.float32)
    columns = _rhythm(beats_s) + _shape(beats.astype(np.float64), before)
    table = np.stack(columns, axis=1)
    if table.shape[1] != FEATURES:
        raise AssertionError(f"{table.shape[1]} features made, {FEATURES} declared in model.FEATURES")
    return np.nan_to_num(table).clip(-3, 3).astype(np.float32)


def _rhythm(beats_s: Float64) -> list[Float64]:
    n = len(beats_s)
    if n < 3:
        return [np.zeros(n) for _ in range(7)]
    rr = np.diff(beats_s)
    usual = float(np.median(rr))
    before = np.concatenate([[usual], rr])
    after = np.concatenate([rr, [usual]])
    earlier = np.concatenate([[usual], before[:-1]])
    local = np.array([np.median(rr[max(0, i - 5) : i + 5]) for i in range(n)])
    spread = np.array([np.std(rr[max(0, i - 5) : i + 5]) for i in range(n)]) / usual
    return [
        np.log(before / local) * 2,
        np.log(after / local) * 2,
        np.log(before / earlier) * 2,
        np.log(after / before) * 2,
        np.log(local / usual) * 2,
        np.full(n, np.log(usual / 0.8) * 2),
        spread * 3,
    ]


def _shape(beats: Float64, before: int) -> list[Float64]:
    qrs = slice(before - 25, before + 30)
    wide = slice(before - 62, before + 88)
    p_wave = slice(before - 62, before - 20)
    usual = _usual_beat(beats[:, qrs], beats)
    centred = beats - np.median(beats, axis=1, keepdims=True)
    height = np.ptp(beats[:, qrs], axis=1)
    usual_height = max(float(np.ptp(usual[qrs])), 1e-6)
    return [
        2 * (1 - _correlation(beats[:, qrs], usual[qrs])),
        2 * (1 - _correlation(beats[:, wide], usual[wide])),
        3 * np.sqrt(np.mean((centred[:, qrs] - (usual - np.median(usual))[qrs]) ** 2, axis=1)),
        np.log(np.maximum(height, 1e-3) / usual_height) * 2,
        np.log(_width(centred[:, qrs]) / _width((usual - np.median(usual))[None, qrs])) * 3,
        1 - _correlation(beats[:, p_wave], usual[p_wave]),
        5 * (np.ptp(beats[:, p_wave], axis=1) - np.ptp(usual[p_wave])),
        np.sign(centred[:, before]) * np.sign(usual[before] - np.median(usual)) - 1,
        2 * (1 - _correlation(beats[:, qrs], np.roll(beats, 1, axis=0)[:, qrs])),
    ]


def _usual_beat(qrs: Float64, beats: Float64) -> Float64:
    """Mean of the beats like the one that resembles most others: steadier than a median where every second beat
    is ectopic."""
    unit = qrs - qrs.mean(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True) + 1e-9
    likeness = unit @ unit.T
    medoid = int((likeness > 0.9).sum(axis=1).argmax())
    return np.asarray(beats[likeness[medoid] > 0.9].mean(axis=0), np.float64)


def _correlation(rows: Float64, other: Float64) -> Float64:
    a = rows - rows.mean(axis=1, keepdims=True)
    b = other - other.mean(axis=-1, keepdims=True)
    scale = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=-1) + 1e-9
    return np.asarray((a * b).sum(axis=1) / scale, np.float64)


def _width(rows: Float64) -> Float64:
    """Spread in samples of a complex's energy about its centre: a wide beat has a wide spread."""
    power = rows**2 + 1e-9
    power /= power.sum(axis=1, keepdims=True)
    where = np.arange(rows.shape[1])[None, :]
    centre = (power * where).sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt((power * (where - centre) ** 2).sum(axis=1)) + 1.0, np.float64)
