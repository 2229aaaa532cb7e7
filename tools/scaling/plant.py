"""What the simulation is told: how long work takes, and what works on it. Plain data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRAME_RATE = 30.0
MEASURED = Path(__file__).parent / "measured.json"


@dataclass(frozen=True)
class ServiceTimes:
    """Seconds of work on one core, as `measure` found them."""

    read_per_frame: tuple[float, ...]
    """Decoding, reading and finding beats, a frame; one value a video that was measured."""
    write: float
    """Result and overlay of one video."""
    windows_per_s: float
    """Beats in a second of video."""
    batch: float
    """A batch through the classifier, however small."""
    window: float
    """Each window more in a batch."""

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> ServiceTimes:
        """From `measured.json` or a table like it."""
        videos = [one for one in table["videos"] if one["sample"]]
        return cls(
            read_per_frame=tuple(one["read_cpu_s"] / one["frames"] for one in videos),
            write=sum(one["write_cpu_s"] for one in videos) / len(videos),
            windows_per_s=sum(one["windows"] for one in videos) / sum(one["duration_s"] for one in videos),
            batch=table["batch"]["base_s"],
            window=table["batch"]["window_s"],
        )

    @classmethod
    def measured(cls, path: Path = MEASURED) -> ServiceTimes:
        """The committed ones."""
        return cls.of(json.loads(path.read_text()))


@dataclass(frozen=True)
class Plant:
    """Boxes, each with the declared replicas, behind the API's workers."""

    boxes: int
    readers: int
    """TraceReader replicas on a box; each reads one video at a time."""
    max_queued: int
    """Videos that wait at each box's ingress before the next one hears 429; -1 for no limit."""
    batch_units: int
    """Most windows that go through a box's classifier at once."""
    batch_wait: float
    """How long a batch's first video waits for company, in seconds."""
    tasks: int
    """API tasks that take jobs from the queue."""
    slots: int
    """Jobs that each of them has under way."""
    cores: float = math.inf
    """Cores of a box: more readers than that slow each other down."""
    retry_after: float = 2.0
    max_attempts: int = 5

    @classmethod
    def of(cls, config: Mapping[str, Any], boxes: int, tasks: int, slots: int) -> Plant:
        """As `serve.yaml` declares `ecg_rhythm`. Raises LookupError where it does not."""
        (app,) = (one for one in config["applications"] if one["name"] == "ecg_rhythm")
        parts = {one["name"]: one for one in app["deployments"]}
        reader, classifier = parts["TraceReader"], parts["BeatClassifier"]
        scale = reader.get("autoscaling_config")
        batching = classifier["user_config"]["batching"]
        units = batching["max_size"]
        if batching.get("max_mb") and batching.get("unit_kb"):
            units = max(1, min(units, int(batching["max_mb"] * 1024 / batching["unit_kb"])))
        return cls(
            boxes=boxes,
            readers=scale["max_replicas"] if scale else reader["num_replicas"],
            max_queued=reader["max_queued_requests"],
            batch_units=units,
            batch_wait=batching["wait_ms"] / 1000,
            tasks=tasks,
            slots=slots,
            cores=config["x-ecg"]["box"]["cpus"],
            retry_after=reader["backpressure_config"]["retry_after_s"],
        )

    @property
    def stretch(self) -> float:
        """How much longer work takes when all of a box's readers work."""
        return max(1.0, self.readers / self.cores)


@dataclass(frozen=True)
class Video:
    """One video that arrives, and the work in it."""

    arrives: float
    read: float
    write: float
    windows: int


@dataclass(frozen=True)
class Outage:
    """A box that is gone from `start` to `end`; what it had in work breaks off."""

    box: int
    start: float
    end: float
