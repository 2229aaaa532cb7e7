"""How a beat differs from its neighbours in time and from the patient's own usual beat in shape."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.model import FEATURES
from apps.ecg_rhythm.reading import FloatArray

Float64 = npt.NDArray[np.float64]


def features(beats: FloatArray, beats_s: Float64, before: int) -> FloatArray:
    """FEATURES numbers a beat, [n, FEATURES], each about 0 for an ordinary beat and clipped to -3 to 3.

    `beats`: [n, 256] windows at 250 Hz with the R peak at column `before`; `beats_s`: [n] R peaks in seconds. All but
    the last is relative to the clip: no number tells the patient's own rate, which S and N do not differ by.
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
    """The two intervals before and after each beat against those around them, and how irregular those are anyway."""
    n = len(beats_s)
    if n < 3:
        return [np.zeros(n) for _ in range(13)]
    logs = np.log(np.diff(beats_s))
    usual = float(np.median(logs))
    before, after = np.append(usual, logs), np.append(logs, usual)
    earlier, later = np.append(usual, before[:-1]), np.append(after[1:], usual)
    local, spread = np.zeros(n), np.zeros(n)
    for i in range(n):
        around = np.concatenate([logs[max(0, i - 6) : max(0, i - 1)], logs[i + 1 : i + 6]])
        around = around if len(around) >= 3 else logs
        local[i] = np.median(around)
        spread[i] = np.median(np.abs(around - local[i]))
    jitter = float(np.median(np.abs(np.diff(logs)))) if n > 3 else 0.0
    return [
        2 * (before - local),
        2 * (after - local),
        2 * (before - earlier),
        2 * (after - before),
        2 * (earlier - local),
        2 * (later - local),
        2 * (local - usual),
        2 * (before - usual),
        (before - local) / (spread + 0.03) / 3,
        (after - local) / (spread + 0.03) / 3,
        10 * spread,
        np.full(n, 10 * jitter),
        np.full(n, 3 * float((before - local < -0.12).mean())),
    ]


def _shape(beats: Float64, before: int) -> list[Float64]:
    """Each beat against the clip's usual one: QRS, P wave, T wave; and against its neighbours."""
    qrs, wide = slice(before - 25, before + 30), slice(before - 62, before + 88)
    p_wave, t_wave = slice(before - 62, before - 15), slice(before + 30, before + 100)
    usual, share = _usual_beat(beats[:, qrs], beats)
    centred = beats - np.median(beats, axis=1, keepdims=True)
    level = usual - np.median(usual)
    height, usual_height = np.ptp(beats[:, qrs], axis=1), max(float(np.ptp(usual[qrs])), 1e-6)
    width = _width(centred[:, qrs])
    p_off = beats[:, p_wave] - beats[:, p_wave].mean(axis=1, keepdims=True) - (usual[p_wave] - usual[p_wave].mean())
    return [
        2 * (1 - _correlation(beats[:, qrs], usual[qrs])),
        2 * (1 - _correlation(beats[:, wide], usual[wide])),
        3 * np.sqrt(np.mean((centred[:, qrs] - level[qrs]) ** 2, axis=1)),
        2 * np.log(np.maximum(height, 1e-3) / usual_height),
        3 * np.log(width / _width(level[None, qrs])),
        1 - _correlation(beats[:, p_wave], usual[p_wave]),
        5 * (np.ptp(beats[:, p_wave], axis=1) - np.ptp(usual[p_wave])),
        np.sign(centred[:, before]) * np.sign(level[before]) - 1,
        2 * (1 - _correlation(beats[:, qrs], np.roll(beats, 1, axis=0)[:, qrs])),
        2 * (1 - _correlation(beats[:, qrs], np.roll(beats, -1, axis=0)[:, qrs])),
        2 * (share - 0.5),
        8 * np.sqrt((p_off**2).mean(axis=1)),
        1 - _correlation(beats[:, t_wave], usual[t_wave]),
        3 * (np.ptp(beats[:, t_wave], axis=1) - np.ptp(usual[t_wave])),
        2 * np.log(width / 12),
    ]


def _usual_beat(qrs: Float64, beats: Float64) -> tuple[Float64, Float64]:
    """Mean of the beats like the one that resembles most others, and the share of beats that each one resembles.

    Steadier than a median where every second beat is ectopic.
    """
    unit = qrs - qrs.mean(axis=1, keepdims=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True) + 1e-9
    alike = unit @ unit.T > 0.9
    medoid = int(alike.sum(axis=1).argmax())
    return np.asarray(beats[alike[medoid]].mean(axis=0), np.float64), alike.mean(axis=1)


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
