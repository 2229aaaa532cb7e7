"""What a check says, for people and as JSON. Pure."""

import json
import math
from collections.abc import Sequence
from typing import Any

from click import style
from rich.table import Table

from generator.model.serve import Box, ServeApp
from generator.workbench.measurements import Level, Served, judged
from generator.workbench.stages import Checked, Outcome

_WIDTH = 12


def outcome_lines(outcome: Outcome) -> list[str]:
    """A stage in a line, and what is wrong below it."""
    mark = style("passed", fg="green") if outcome.passed else style("FAILED", fg="red", bold=True)
    first, *rest = outcome.words.splitlines() or [""]
    took = style(f" ({outcome.seconds:.1f} s)", dim=True) if outcome.seconds >= 0.1 else ""
    indent = " " * (_WIDTH + 9)
    lines = [f"  {outcome.stage:{_WIDTH}}{mark} {first}{took}", *(indent + line for line in rest)]
    if not outcome.passed:
        if outcome.where:
            head, *rest = outcome.where.splitlines()
            lines += [f"{indent}where: {head}", *(f"{indent}       {line}" for line in rest)]
        lines.append(f"{indent}next:  {outcome.action}")
    return lines


def levels_table(served: Served) -> Table:
    """Concurrencies as rows."""
    unit = "windows/s" if served.batched else "video s/s"
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for head in ("AT ONCE", "ANSWERED", "429", "FAILED", "P50", "P99", "VIDEOS/S", unit.upper()):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("IN A BATCH: HOW OFTEN")
    for level in served.levels:
        table.add_row(
            str(level.concurrency),
            str(len(level.latencies_s)),
            str(level.busy),
            str(sum(level.errors.values())),
            _ms(level.p50_ms),
            _ms(level.p99_ms),
            f"{level.requests_per_s:.2f}",
            f"{level.windows_per_s:.1f}",
            _batches(level),
        )
    return table


def memory_line(app: ServeApp, served: Served, box: Box) -> str:
    """Peak resident memory by deployment, beside what is declared and what the box has."""
    declared = {one.name: one.memory_mb for one in app.deployments}
    parts = [
        f"{name} {', '.join(f'{one:.0f}' for one in replicas)}"
        + (f" (declares {declared[name]})" if declared.get(name) else "")
        for name, replicas in sorted(served.memory_mb.items())
    ]
    has = f" of the box's {box.memory_mb}" if box.memory_mb else ""
    return f"peak memory, MiB: {'; '.join(parts)}; {served.peak_memory_mb:.0f} in all{has}"


def checks_json(checked: Sequence[Checked], apps: Sequence[ServeApp], box: Box) -> str:
    """Everything, for scripts; also what the picture is drawn from."""
    by_name = {app.name: app for app in apps}
    return json.dumps({"apps": [app_data(one, by_name[one.app], box) for one in checked]}, indent=1, allow_nan=False)


def app_data(checked: Checked, app: ServeApp, box: Box) -> dict[str, Any]:
    """One app's check as data."""
    data: dict[str, Any] = {
        "app": checked.app,
        "passed": checked.passed,
        "stages": [
            {
                "stage": str(one.stage),
                "passed": one.passed,
                "words": one.words,
                "where": one.where,
                "next": one.action,
                "seconds": round(one.seconds, 2),
            }
            for one in checked.outcomes
        ],
        "served": None,
    }
    if checked.served:
        data["served"] = _served_data(checked.served, app, box)
    return data


def _served_data(served: Served, app: ServeApp, box: Box) -> dict[str, Any]:
    judgement = judged(app, served, box)
    return {
        "started_s": round(served.started_s, 1),
        "device": served.device,
        "video_s": round(served.video_s, 2),
        "unit": "window" if served.batched else "second of video",
        "slo": {"p99_ms": app.slo.p99_ms, "min_windows_per_s": app.slo.min_windows_per_s, "met": judgement.met},
        "caveats": list(judgement.caveats),
        "broken": list(judgement.broken),
        "box": {"cpus": box.cpus, "gpus": box.gpus, "memory_mb": box.memory_mb},
        "memory_mb": {name: [round(one, 1) for one in found] for name, found in sorted(served.memory_mb.items())},
        "levels": [_level_data(level) for level in served.levels],
    }


def _level_data(level: Level) -> dict[str, Any]:
    return {
        "concurrency": level.concurrency,
        "seconds": round(level.seconds, 2),
        "answered": len(level.latencies_s),
        "busy": level.busy,
        "errors": dict(level.errors),
        "p50_ms": _known(level.p50_ms),
        "p99_ms": _known(level.p99_ms),
        "videos_per_s": round(level.requests_per_s, 3),
        "windows_per_s": round(level.windows_per_s, 2),
        "batches": {
            "count": level.batches.count,
            "requests": level.batches.requests,
            "units": level.batches.units,
            "by_requests": dict(level.batches.by_requests),
        }
        if level.batches
        else None,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 1)


def _ms(value: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.0f} ms" if value < 10_000 else f"{value / 1000:.1f} s"


def _batches(level: Level) -> str:
    if not level.batches or not level.batches.count:
        return "-"
    return ", ".join(f"{size}: {count}" for size, count in level.batches.by_requests.items())
