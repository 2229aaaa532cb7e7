"""What one reading takes: the real reader and classifier, in this process, on one core's clock. Prints; keeps nothing.

Seconds are CPU seconds of this process and its threads, the least of some repetitions: unlike wall time they hardly
depend on what else the machine does. A reader that decodes on two cores is done sooner than its CPU seconds say.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services/ray_serve"))

from apps.ecg_rhythm import analysis, beats, model, overlay  # noqa: E402
from apps.ecg_rhythm.reading import Reading  # noqa: E402
from kit.contract import AppError  # noqa: E402

Value = TypeVar("Value")
_BATCHES = (1, 32, 256, 1024, 2048)


def measure(repeats: int) -> dict[str, Any]:
    """A table like `measured.json`, from the samples and the golden videos that can be read."""
    torch.set_num_threads(1)  # threads that wait for each other spin, and would count
    classifier = model.BeatClassifier.load()
    found = [row for path in _videos() if (row := _video(path, classifier, repeats))]
    batches = {size: _batch(classifier, size, repeats) for size in _BATCHES}
    (least, base), *_, (most, longest) = batches.items()
    return {
        "command": f"make scaling ARGS='--measure --repeats {repeats}'",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {_processor()}, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
        "videos": found,
        "batch": {
            "base_s": round(base, 5),
            "window_s": round((longest - base) / (most - least), 7),
            "measured_s": {str(size): round(one, 5) for size, one in batches.items()},
        },
    }


def show(table: dict[str, Any]) -> Iterator[str]:
    """For people, then the same for `measured.json`."""
    yield f"{table['machine']}, load {table['load']}, {table['date']}"
    yield f"{'video':16} {'s':>5} {'frames':>6} {'size':>9} {'CPU s':>6} {'wall s':>7} ms/frame windows write"
    for one in table["videos"]:
        per_frame = 1000 * one["read_cpu_s"] / one["frames"]
        yield (
            f"{one['name']:16} {one['duration_s']:5.1f} {one['frames']:6} {one['size']:>9} {one['read_cpu_s']:6.2f} "
            f"{one['read_wall_s']:7.2f} {per_frame:8.2f} {one['windows']:7} {one['write_cpu_s']:5.2f}"
        )
    batch = table["batch"]
    yield f"a batch: {1000 * batch['base_s']:.2f} ms, and {1000 * batch['window_s']:.4f} ms for each window more"
    yield f"measured, windows: seconds {batch['measured_s']}"
    yield ""
    yield json.dumps(table, indent=1)


def _videos() -> Iterator[Path]:
    yield from sorted((ROOT / "samples").glob("*.mp4"))
    yield from sorted((ROOT / "services/ray_serve/apps/ecg_rhythm/golden").glob("*/input.mp4"))


def _video(path: Path, classifier: model.BeatClassifier, repeats: int) -> dict[str, Any] | None:
    sample = path.parent.name == "samples"
    try:
        read_cpu, read_wall, (reading, windows) = _least(repeats, lambda: _read(path))
    except AppError:
        return None  # a golden case of a video that must be refused
    probabilities = classifier.probabilities(windows.samples, windows.features)

    def write() -> bytes:
        result = analysis.result(reading, probabilities)
        result["app"] = {"name": "ecg_rhythm", "version": "unpublished", "device": "cpu"}
        return overlay.draw(reading, result)

    write_cpu, _, _ = _least(repeats, write)
    video = reading.video
    return {
        "name": path.stem if sample else f"golden/{path.parent.name}",
        "sample": sample,
        "duration_s": round(video.duration_s, 2),
        "frames": video.frames,
        "size": f"{video.width}x{video.height}",
        "read_cpu_s": round(read_cpu, 3),
        "read_wall_s": round(read_wall, 3),
        "windows": len(windows.samples),
        "write_cpu_s": round(write_cpu, 3),
    }


def _read(path: Path) -> tuple[Reading, beats.BeatWindows]:
    reading = analysis.read(path)
    return reading, beats.windows(reading)


def _batch(classifier: model.BeatClassifier, size: int, repeats: int) -> float:
    samples = np.zeros((size, model.WINDOW), np.float32)
    features = np.zeros((size, model.FEATURES), np.float32)
    classifier.probabilities(samples, features)
    return _least(10 * repeats, lambda: classifier.probabilities(samples, features))[0]


def _least(times: int, work: Callable[[], Value]) -> tuple[float, float, Value]:
    """Least CPU and least wall seconds of `times` runs, and what the last one gave."""
    cpu, wall = [], []
    for _ in range(times):
        cpu_start, wall_start = time.process_time(), time.perf_counter()
        value = work()
        cpu.append(time.process_time() - cpu_start)
        wall.append(time.perf_counter() - wall_start)
    return min(cpu), min(wall), value


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
