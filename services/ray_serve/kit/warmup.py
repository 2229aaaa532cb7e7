"""A replica is ready when its model has run, not when its weights are read."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from kit import logs


class MemoryMeter(Protocol):
    """What tells how much memory work takes; `kit.device.Device` does."""

    def peak_bytes(self, run: Callable[[], object]) -> int | None:
        """Call `run`; the bytes that it took at its highest, or None where that cannot be told."""


@dataclass(frozen=True)
class Warmth:
    """What the warm-up found: seconds by batch size, and bytes that a unit takes (None where it cannot be told)."""

    seconds_by_size: Mapping[int, float]
    unit_bytes: float | None


def warm_up(run: Callable[[int], object], sizes: Iterable[int], memory: MemoryMeter) -> Warmth:
    """Call `run(size)` for each batch size, smallest first.

    On CUDA the first call loads kernels and chooses algorithms, for seconds; a first patient should not wait for that.
    Call it in the constructor: Ray sends nothing to a replica before it returns, and the old version serves meanwhile.
    A unit's memory is that of the largest batch, divided: what a call takes whatever its size is counted in, so the
    figure is rather too high than too low.
    """
    took: dict[int, float] = {}
    unit_bytes = None
    for size in sorted(sizes):
        start = time.perf_counter()
        peak = memory.peak_bytes(lambda size=size: run(size))  # type: ignore[misc]  # mypy has no type for a default
        took[size] = time.perf_counter() - start
        unit_bytes = None if peak is None else peak / size
    logs.logger("warmup").info("warm", extra={"seconds_by_size": took, "unit_bytes": unit_bytes})
    return Warmth(took, unit_bytes)
