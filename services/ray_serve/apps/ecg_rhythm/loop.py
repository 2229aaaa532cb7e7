"""Tells a short video played again and again: its pictures come back exactly, which no heart's do.

Each frame is held against the one a while later. In a loop that difference falls to nothing at the loop's own length;
a strip of very even beats only comes near it, when beat lies upon beat.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import ByteArray

SPARSE = 8
"""Of every so many rows and columns one is looked at."""
PIXELS = 300
"""The pixels that change most, this many of them, are compared."""
LONGEST_S = 60.0
"""Only so much of a video is looked at: a loop longer than half of this shows enough of a heart."""
SHORTEST_S = 0.8
BESIDE_S = 0.7
"""A loop's difference is held against that at lags this much shorter and longer."""
FALLS_TO = 0.3
"""Share of that to which a loop falls. 252 rendered clips of real hearts fell to 0.36 at least; 50 loops made of them
to 0.06 (median), nine in ten below 0.24."""
REPEATED = 0.8
"""Share of the frames that come back; where a loop begins anew some may be lost."""


@dataclass
class Repeats:
    """Feed it every frame's luma with `add`; then ask for the loop's length."""

    _times: list[float] = field(default_factory=list)
    _seen: list[ByteArray] = field(default_factory=list)

    def add(self, time_s: float, luma: ByteArray) -> None:
        """Take the next frame, [height, width]."""
        sparse = luma[::SPARSE, ::SPARSE]
        if time_s > LONGEST_S or (self._seen and self._seen[0].shape != sparse.shape):
            return
        self._times.append(time_s)
        self._seen.append(sparse.copy())

    def length_s(self) -> float | None:
        """Seconds after which the pictures come back, at least once whole; None where they do not."""
        count = len(self._times)
        if count < 8 or self._times[-1] <= 2 * SHORTEST_S:
            return None
        step = (self._times[-1] - self._times[0]) / (count - 1)
        first, beside, most = round(SHORTEST_S / step), max(2, round(BESIDE_S / step)), count // 2
        off = _differences(_busiest(np.stack(self._seen)), min(most + beside, count - 2))
        best, length = FALLS_TO, None
        for lag in range(max(first, beside + 1), min(most, len(off) - beside) + 1):
            around = min(off[lag - 1 - beside], off[lag - 1 + beside])
            if off[lag - 1] < best * around:
                best, length = off[lag - 1] / around, lag * step
        return length


def _busiest(seen: ByteArray) -> npt.NDArray[np.int16]:
    """The PIXELS that change most, [frames, PIXELS]."""
    flat = seen.reshape(len(seen), -1)
    changing = flat[:: max(1, len(flat) // 64)].std(axis=0)
    return np.ascontiguousarray(flat[:, np.argsort(-changing, kind="stable")[:PIXELS]].astype(np.int16))


def _differences(pixels: npt.NDArray[np.int16], most: int) -> npt.NDArray[np.float64]:
    """How much frames and those 1 to `most` frames later differ, but for the few that differ most, [most]."""
    lags = range(1, most + 1)
    return np.array([np.percentile(np.abs(pixels[lag:] - pixels[:-lag]).mean(axis=1), 100 * REPEATED) for lag in lags])
