"""The limit and every server in turn, forwards and backwards; each alone on the machine, warm, for some seconds."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import assert_never

from reconciler.front import Front
from reconciler.ray_head import KEEPS_MEMORY
from tools.bench_serve import client, processes
from tools.bench_serve.contenders import Contender, Load, Runs, loads
from tools.bench_serve.limit import sizes
from tools.bench_serve.measured import Measured
from tools.bench_serve.network import Network
from tools.bench_serve.processes import Server
from tools.bench_serve.servers import on_ray
from tools.bench_serve.servers.settings import Settings
from tools.bench_serve.windows import requests, sample_windows, to_bytes

_BODIES = 64  # different ones, so that nothing can be remembered
_WARM_UP_S = 1.0


@dataclass(frozen=True)
class Bench:
    """How it is measured."""

    folder: Path
    seconds: float
    workers: int
    device: str
    max_size: int
    wait_ms: float
    tries: int
    """Where others used more than `others` cores it is measured again, so often at most; the quietest counts."""
    others: float
    say: Callable[[str], None]

    def rounds(self, network: Network, wanted: Sequence[Contender], count: int) -> Iterator[Measured]:
        """`count` rounds, every second one backwards. A server that does not start is said, and left out."""
        for number in range(count):
            turns = [list(group) for _, group in groupby(wanted, lambda one: one.runs)]
            for together in turns[:: -1 if number % 2 else 1]:
                names = ", ".join(one.name.strip() for one in together)
                self.say(f"{network}, round {number + 1} of {count}: {names}")
                try:
                    yield from self._measure(network, number, together)
                except (processes.NotStarted, on_ray.NotStarted) as error:
                    self.say(f"not measured: {error}")

    def settings(self, network: Network) -> Settings:
        """A server's, on a free port."""
        return Settings(network, processes.free_port(), self.workers, self.device, self.max_size, self.wait_ms)

    def started(self, settings: Settings, who: Contender) -> AbstractContextManager[Server]:
        """That contender's server. Entering raises processes.NotStarted or on_ray.NotStarted."""
        environment = settings.environment() | KEEPS_MEMORY | {"OMP_NUM_THREADS": str(threads(self.workers))}
        match who.runs:
            case Runs.OUR_APP | Runs.OUR_APP_BEHIND_HAPROXY:
                front = Front.HAPROXY if who.runs is Runs.OUR_APP_BEHIND_HAPROXY else Front.PROXY
                return on_ray.serving(settings, front, self.folder / who.runs, environment)
            case Runs.PLAIN | Runs.BATCHED | Runs.LIT:
                module, log = f"tools.bench_serve.servers.{who.runs}", self.folder / f"{who.runs}.log"
                windows, _ = sample_windows()
                body = to_bytes(requests(windows, 1, 1)[0])
                return processes.serving(module, client.Target(settings.port, who.path), body, environment, log)
            case Runs.LOOP:
                raise ValueError("the limit is no server")
            case _:
                assert_never(who.runs)

    def _measure(self, network: Network, number: int, together: Sequence[Contender]) -> Iterator[Measured]:
        if together[0].runs is Runs.LOOP:
            for load in loads():
                yield self._limit(network, number, together[0], load)
            return
        settings = self.settings(network)
        with self.started(settings, together[0]) as server:
            for who in together:
                for load in loads():
                    if load.name in who.loads:
                        yield self._quietest(lambda: self._load(network, number, server, who, load))  # noqa: B023 called at once

    def _quietest(self, measure: Callable[[], Measured]) -> Measured:
        seen = [measure()]
        while seen[-1].others > self.others and len(seen) < self.tries:
            seen.append(measure())
        return min(seen, key=lambda one: one.others)

    def _load(self, network: Network, number: int, server: Server, who: Contender, load: Load) -> Measured:
        windows, _ = sample_windows()
        bodies = [to_bytes(one) for one in requests(windows, load.windows, _BODIES)]
        target = client.Target(server.port, who.path, server.host)

        def answered(seconds: float) -> client.Answered:
            if who.by_handle:
                return client.run(client.remote_loop(target, load.concurrency, seconds))
            return client.run(client.closed_loop(target, bodies, load.concurrency, seconds))

        answered(_WARM_UP_S)
        before = (processes.cpu_s(server.pid), time.process_time(), processes.machine_cpu_s())
        seen = answered(self.seconds)
        after = (processes.cpu_s(server.pid), time.process_time(), processes.machine_cpu_s())
        servers, clients, everybody = (late - early for early, late in zip(before, after, strict=True))
        latencies, count = sorted(seen.latencies_s), len(seen.latencies_s)
        total = count * load.windows
        return Measured(
            who.name,
            network,
            load.name,
            number,
            windows_per_s=total / seen.seconds,
            p50_ms=1000 * latencies[count // 2],
            p99_ms=1000 * latencies[int(count * 0.99)],
            server_cpu_us=1e6 * servers / total,
            client_cpu_us=1e6 * clients / total,
            broken=seen.broken,
            others=max(0.0, everybody - servers - clients) / seen.seconds,
        )

    def _limit(self, network: Network, number: int, who: Contender, load: Load) -> Measured:
        """The best of what `limit` tries: so many processes as servers have, and one with a thread a core."""
        layouts = sorted({(self.workers, threads(self.workers)), (1, os.cpu_count() or 1)})

        def looped(count: int, each: int) -> Measured:
            tried = sizes(load.windows * load.concurrency, count, self.max_size)
            command = [sys.executable, "-m", "tools.bench_serve.limit", "--network", network, "--device", self.device]
            command += ["--processes", str(count), "--threads", str(each), "--sizes", *map(str, tried)]
            environment = {**os.environ, **KEEPS_MEMORY, "PYTHONPATH": processes.PYTHON_PATH}
            machine, before, start = processes.machine_cpu_s(), processes.children_cpu_s(), time.perf_counter()
            told = subprocess.run(command, env=environment, check=True, capture_output=True).stdout
            seconds, used = time.perf_counter() - start, processes.children_cpu_s() - before
            others = max(0.0, processes.machine_cpu_s() - machine - used) / seconds
            rate, cpu_us = max(json.loads(told).values())
            return Measured(who.name, network, load.name, number, rate, None, None, cpu_us, None, 0, others)

        found = [self._quietest(lambda: looped(*layout)) for layout in layouts]  # noqa: B023 called at once
        return max(found, key=lambda one: one.windows_per_s)


def threads(workers: int) -> int:
    """torch threads for each of `workers`: more than there are cores would wait for each other."""
    return max(1, (os.cpu_count() or 1) // workers)
