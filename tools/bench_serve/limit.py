"""The limit: the model in a bare loop, no server, no request. Run as `python -m tools.bench_serve.limit`.

Several processes with one torch thread each, as the servers have them; beside it one process with a thread for each
core. Both with as many windows at once as requests bring, and with fewer where smaller batches are faster. The best of
all these is the limit: what a server without any cost of its own would reach.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from statistics import mean
from typing import Any

from tools.bench_serve.network import Network, load
from tools.bench_serve.windows import requests, sample_windows

_LEAST = 32
_WARM_UP = 3


def sizes(in_flight: int, processes: int, most: int) -> list[int]:
    """Windows a call for each of `processes` when `in_flight` wait in all: its share, up to `most`, and halves."""
    share = max(1, min(most, in_flight // processes))
    found = [share]
    while found[-1] // 2 >= _LEAST:
        found.append(found[-1] // 2)
    return found


def looped(network: Network, device: str, of: Sequence[int], seconds: float, together: Any, answers: Any) -> None:
    """In each process: windows a second, and processor microseconds a window, at each size; all processes in step."""
    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    model, (windows, _) = load(network, device), sample_windows()
    rates = []
    for size in of:
        (batch,) = requests(windows, size, 1)
        for _ in range(_WARM_UP):
            model.probabilities(batch.samples, batch.features)
        together.wait()
        calls, start, spent = 0, time.perf_counter(), time.process_time()
        while (now := time.perf_counter()) < start + seconds:
            model.probabilities(batch.samples, batch.features)
            calls += 1
        rates.append((calls * size / (now - start), 1e6 * (time.process_time() - spent) / (calls * size)))
    answers.put(rates)


def main() -> None:
    """One JSON object: by windows a call, windows a second of all processes, and processor microseconds a window."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", type=Network, choices=list(Network), default=Network.SHIPPED)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="torch threads in each process")
    parser.add_argument("--sizes", type=int, nargs="+", required=True)
    parser.add_argument("--seconds", type=float, default=1.0)
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(given.threads)
    context = multiprocessing.get_context("spawn")
    together, answers = context.Barrier(given.processes), context.Queue()
    arguments = (given.network, given.device, given.sizes, given.seconds, together, answers)
    children = [context.Process(target=looped, args=arguments) for _ in range(given.processes)]
    for child in children:
        child.start()
    rates = [answers.get(timeout=120) for _ in children]
    for child in children:
        child.join()
    together_at = dict(zip(given.sizes, zip(*rates, strict=True), strict=True))
    found = {
        size: (sum(rate for rate, _ in parts), mean(cpu for _, cpu in parts)) for size, parts in together_at.items()
    }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
