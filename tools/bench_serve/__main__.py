"""`python -m tools.bench_serve`: measure, print, and write JSON where asked. `make bench-serve` runs it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services" / "ray_serve"))  # the import root of the app, as on the box

from tools.bench_serve import client, report, verdict  # noqa: E402
from tools.bench_serve.contenders import BEHIND_HAPROXY, CONTENDERS, LITSERVE, OURS, Contender, Runs, loads  # noqa: E402
from tools.bench_serve.measured import Measured  # noqa: E402
from tools.bench_serve.network import Network  # noqa: E402
from tools.bench_serve.processes import BESIDE, PYTHON_PATH  # noqa: E402
from tools.bench_serve.rounds import Bench  # noqa: E402
from tools.bench_serve.windows import requests, sample_windows, to_bytes  # noqa: E402

_MOST_ON_A_CPU, _MOST_ON_CUDA = 64, 512
"""More does not fit into a CPU's cache, and is slower (docs/serve-speed.md)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Returns 0, also where a target is missed: the table says so."""
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C does: servers are ended on the way out
    device = _device()
    cuda = device["kind"] == "cuda"
    wanted = [one for one in CONTENDERS if one.runs in given.only]
    if LITSERVE in wanted and not (BESIDE / "litserve").exists():
        print("LitServe is not here: `make bench-serve` installs it; going on without it", file=sys.stderr)
        wanted.remove(LITSERVE)
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as folder:
        bench = Bench(
            Path(folder),
            given.seconds,
            given.workers or (1 if cuda else os.cpu_count() or 1),
            device["torch_name"],
            given.max_size or (_MOST_ON_CUDA if cuda else _MOST_ON_A_CPU),
            given.wait_ms,
            given.tries,
            given.others,
            lambda line: print(f"\033[2m{line}\033[0m", file=sys.stderr, flush=True),
        )
        machine = {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "device": device["name"],
            "workers": bench.workers,
            "load_average": os.getloadavg()[0],
            "command": " ".join(["python -m tools.bench_serve", *(arguments or sys.argv[1:])]),
        }
        print(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in machine.items()))
        print(report.IN_THE_PATH)
        networks = {str(network): _measured(bench, network, wanted, given) for network in given.networks}
    if given.json:
        given.json.write_text(json.dumps(report.as_json(machine, networks), indent=1) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.bench_serve", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="every second one goes backwards (default 3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="each measurement takes so long (default 4)")
    parser.add_argument("--networks", type=Network, nargs="+", choices=list(Network), default=list(Network))
    parser.add_argument("--only", type=Runs, nargs="+", choices=list(Runs), default=list(Runs), help="these alone")
    parser.add_argument("--workers", type=int, help="model processes of each server (default: cores; 1 on a GPU)")
    most = f"most windows in a batch (default {_MOST_ON_A_CPU}; {_MOST_ON_CUDA} on a GPU)"
    parser.add_argument("--max-size", type=int, help=most)
    parser.add_argument("--wait-ms", type=float, default=0.0, help="how long a batch waits for company (default 0)")
    parser.add_argument("--tries", type=int, default=1, help="measure again where others were busy (default 1)")
    parser.add_argument("--others", type=float, default=0.2, help="cores that others may use before that (default 0.2)")
    parser.add_argument("--overload-seconds", type=float, default=5.0, help="at twice the capacity; 0 to leave it out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    return parser


def _measured(bench: Bench, network: Network, wanted: Sequence[Contender], given: argparse.Namespace) -> dict[str, Any]:
    measured = list(bench.rounds(network, wanted, given.rounds))
    overloads = []
    for who in (OURS, BEHIND_HAPROXY):
        if given.overload_seconds and any(one.contender == who.name for one in measured):
            overloads.append(_overloaded(bench, network, who, measured, given.overload_seconds))
    rows, targets = verdict.rows(measured, CONTENDERS), verdict.targets(measured, overloads)
    print(report.text(network, rows, targets, loads()), flush=True)
    if overloads:
        print(f"\n{report.overload_text(network, overloads)}", flush=True)
    return {"rounds": measured, "rows": rows, "targets": targets, "overload": overloads}


def _overloaded(
    bench: Bench, network: Network, who: Contender, measured: Sequence[Measured], seconds: float
) -> verdict.Overloaded:
    """Videos at twice the rate at which that contender answered them, for `seconds`."""
    video, _ = loads()
    (row,) = (one for one in verdict.rows(measured, [who]) if one.load == video.name)
    rate = 2 * row.windows_per_s / video.windows
    bench.say(f"{network}: {who.name} at twice its capacity")
    windows, _ = sample_windows()
    bodies = [to_bytes(one) for one in requests(windows, video.windows, 64)]
    with bench.started(bench.settings(network), who) as server:
        target = client.Target(server.port, who.path, server.host)
        client.run(client.closed_loop(target, bodies, video.concurrency, 1.0))
        seen = client.run(client.open_loop(target, bodies, rate, seconds, patience_s=60 + 4 * seconds))
    return verdict.Overloaded(who.name, rate, seen)


def _device() -> dict[str, str]:
    """What a model would run on; asked in a process of its own, as the reconciler does."""
    command = [sys.executable, "-m", "kit.device"]
    environment = {**os.environ, "PYTHONPATH": PYTHON_PATH}
    told: dict[str, str] = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    return told


if __name__ == "__main__":
    sys.exit(main())
