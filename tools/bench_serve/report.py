"""The verdict as text and as JSON. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tools.bench_serve.contenders import Load
from tools.bench_serve.verdict import Overloaded, Row, Target

IN_THE_PATH = """\
In the path: HTTP/1.1 on loopback, queue, batches, the app's model, its answer. A request is a body of float32 windows;
its answer their probabilities. Not in the path: S3, decoding, reading the trace. Client and server share the cores."""


def text(network: str, rows: Sequence[Row], targets: Sequence[Target], loads: Sequence[Load]) -> str:
    """One network's table and targets."""
    lines = []
    for load in loads:
        windows = f"{load.windows} windows" if load.windows > 1 else "1 window"
        lines += ["", f"{network} network, {load.concurrency} at once, {windows} a request"]
        lines.append(f"{'':<36} {'':>9}   of limit by {'':>17}   CPU us a window  others'")
        lines.append(f"{'':<36} windows/s   rate    CPU   p50 ms   p99 ms    server   client    cores")
        lines += [_line(row) for row in rows if row.load == load.name]
    lines.append("")
    lines += [f"{_mark(one):<7} {one.text:<66} {_figure(one):>7}  wanted {one.wanted}" for one in targets]
    return "\n".join(lines)


def overload_text(network: str, overloads: Sequence[Overloaded]) -> str:
    """What became of requests at twice the capacity."""
    lines = []
    for one in overloads:
        seen = one.seen
        reached = seen.sent / seen.sending_s if seen.sending_s else 0.0
        lines += [
            f"{network} network, {one.contender}: videos at {one.asked_per_s:.0f} a second (sent at {reached:.0f}), "
            f"for {seen.sending_s:.1f} s",
            f"  sent {seen.sent}, answered {seen.answered}, told to come again {seen.turned_away} times, came again "
            f"{seen.came_again}, connections broken {seen.broken}, lost {seen.lost}, p99 {_number(one.p99_ms)} ms",
        ]
        lines += [f"  lost: {reason}" for reason in dict.fromkeys(seen.reasons[:5])]
    return "\n".join(lines)


def as_json(machine: Mapping[str, Any], networks: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Everything, single rounds included."""
    found: dict[str, Any] = {"machine": dict(machine)}
    for name, parts in networks.items():
        found[name] = {
            "rounds": [asdict(one) for one in parts["rounds"]],
            "rows": [asdict(one) for one in parts["rows"]],
            "targets": [asdict(one) for one in parts["targets"]],
            "overload": [
                {
                    "contender": one.contender,
                    "asked_per_s": one.asked_per_s,
                    "p99_ms": one.p99_ms,
                    **{key: value for key, value in asdict(one.seen).items() if key != "latencies_s"},
                }
                for one in parts["overload"]
            ],
        }
    return found


def _line(row: Row) -> str:
    broken = f"  {row.broken} connections broken" if row.broken else ""
    cpu = f"{row.server_cpu_us:9.0f} {_number(row.client_cpu_us, 0):>8}"
    return (
        f"{row.contender:<36} {row.windows_per_s:9.0f} {_number(row.of_limit, 2):>6} {_number(row.by_cpu, 2):>6}"
        f" {_number(row.p50_ms):>8} {_number(row.p99_ms):>8} {cpu} {row.others:8.2f}{broken}"
    )


def _number(value: float | None, places: int = 1) -> str:
    return "" if value is None else f"{value:.{places}f}"


def _figure(target: Target) -> str:
    if target.seen is None:
        return "-"
    return f"{target.seen:.0f}" if target.wanted == "0" else f"{target.seen:.2f}"


def _mark(target: Target) -> str:
    return "unknown" if target.met is None else ("met" if target.met else "MISSED")
