"""What was seen of a served app, against its service level and the box. Pure.

Level       requests at one concurrency for a while
Served      all levels of one app, the memory of its replicas, where it ran
judged      Served -> what holds of its Slo, in words that say what the figures are worth
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from generator.model.serve import Box, ServeApp
from generator.workbench.exposition import Batches

SLO_VIDEO_S = 30.0
"""The length of video that `Slo.p99_ms` speaks of."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of the values do not exceed (nearest rank); NaN where there is none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Level:
    """Requests with `concurrency` of them always under way."""

    concurrency: int
    seconds: float
    latencies_s: tuple[float, ...]
    """Of those that were answered with a result."""
    busy: int = 0
    """Answers 429; each was asked again."""
    errors: Mapping[str, int] = field(default_factory=dict)
    video_s: float = 0.0
    """Seconds of video in what was answered."""
    batches: Batches | None = None

    @property
    def p50_ms(self) -> float:
        """Milliseconds; NaN where nothing was answered."""
        return percentile(self.latencies_s, 0.5) * 1000

    @property
    def p99_ms(self) -> float:
        """Milliseconds; the largest where there are fewer than 100."""
        return percentile(self.latencies_s, 0.99) * 1000

    @property
    def requests_per_s(self) -> float:
        """Videos answered a second."""
        return len(self.latencies_s) / self.seconds

    @property
    def windows_per_s(self) -> float:
        """Units of the app's batches a second; seconds of video where it has no batches."""
        return (self.batches.units if self.batches else self.video_s) / self.seconds


@dataclass(frozen=True)
class Served:
    """A served app. `device`: what the results say they ran on; `video_s`: mean length of the videos asked about."""

    started_s: float
    levels: tuple[Level, ...]
    memory_mb: Mapping[str, Sequence[float]]
    """Deployment -> peak resident memory of each of its replicas, MiB."""
    device: str
    video_s: float

    @property
    def batched(self) -> bool:
        """Does the app put requests together?"""
        return any(level.batches for level in self.levels)

    @property
    def peak_memory_mb(self) -> float:
        """Of all replicas together."""
        return math.fsum(one for replicas in self.memory_mb.values() for one in replicas)


@dataclass(frozen=True)
class Judgement:
    """What holds: `met` the service level as measured here."""

    met: bool
    words: tuple[str, ...]
    caveats: tuple[str, ...]
    """What the figures do not say."""
    broken: tuple[str, ...] = ()
    """What is wrong whatever the machine: errors, memory beyond what is declared or what the box has."""


def judged(app: ServeApp, served: Served, box: Box) -> Judgement:
    """The service level is met where one concurrency gives both: the p99, and the windows a second."""
    slo, unit = app.slo, "windows" if served.batched else "seconds of video"
    answered = [level for level in served.levels if level.latencies_s]
    both = [one for one in answered if one.p99_ms <= slo.p99_ms and one.windows_per_s >= slo.min_windows_per_s]
    in_time = [one.concurrency for one in answered if one.p99_ms <= slo.p99_ms]
    most = max((level.windows_per_s for level in answered), default=0.0)
    words = (
        f"p99 within {slo.p99_ms / 1000:g} s "
        + (f"up to {max(in_time)} at once" if in_time else "at no concurrency that was tried"),
        f"at most {most:.1f} {unit}/s, promised {slo.min_windows_per_s:g}",
    )
    return Judgement(bool(both), words, tuple(_caveats(app, served)), tuple(_broken(app, served, box)))


def _caveats(app: ServeApp, served: Served) -> list[str]:
    said = []
    if served.device != "cuda" and any(one.gpus for one in app.deployments):
        said.append(
            f"measured on {served.device}: the service level is meant for the box's GPU, of which this says nothing"
        )
    elif served.device != "cuda":
        said.append("measured on this machine's CPU, which is not the box's: the order of magnitude at most")
    if abs(served.video_s - SLO_VIDEO_S) > 1:
        said.append(f"videos of {served.video_s:.1f} s on average; the p99 is promised for {SLO_VIDEO_S:g} s")
    if not served.batched:
        said.append("the app puts nothing together: a window is counted as one second of video")
    fewest = min((len(level.latencies_s) for level in served.levels), default=0)
    if fewest < 100:
        said.append(f"as few as {fewest} answers at a concurrency: below 100 the p99 is the slowest of them")
    return said


def _broken(app: ServeApp, served: Served, box: Box) -> list[str]:
    said = []
    errors: dict[str, int] = {}
    for level in served.levels:
        for code, count in level.errors.items():
            errors[code] = errors.get(code, 0) + count
    if errors:
        said.append("requests failed: " + ", ".join(f"{count} {code}" for code, count in sorted(errors.items())))
    if any(not level.latencies_s for level in served.levels):
        said.append("at some concurrency nothing was answered")
    for one in app.deployments:
        if one.memory_mb and (most := max(served.memory_mb.get(one.name, (0.0,)))) > one.memory_mb:
            said.append(f"a replica of {one.name} took {most:.0f} MiB and declares {one.memory_mb}")
    if box.memory_mb and served.peak_memory_mb > box.memory_mb:
        said.append(f"its replicas took {served.peak_memory_mb:.0f} MiB in all and the box has {box.memory_mb}")
    return said
