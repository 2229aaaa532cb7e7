"""A replica is ready when its model has run, not when its weights are read."""

import time
from collections.abc import Callable, Iterable

from kit import logs


def warm_up(run: Callable[[int], object], sizes: Iterable[int]) -> dict[int, float]:
    """Call `run(size)` for each batch size; seconds that each took, for the log.

    On CUDA the first call loads kernels and chooses algorithms, for seconds; a first patient should not wait for that.
    Call it in the constructor: Ray sends nothing to a replica before it returns, and the old version serves meanwhile.
    """
    took = {}
    for size in sizes:
        start = time.perf_counter()
        run(size)
        took[size] = time.perf_counter() - start
    logs.logger("warmup").info("warm", extra={"seconds_by_size": took})
    return took
