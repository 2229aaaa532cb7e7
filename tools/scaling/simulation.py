"""Videos through queue, API workers, readers and classifiers: discrete events on a heap.

    arrives -> [queue] -> a task's free slot -> [ingress's queue] -> reader: read, classify in a batch, write -> done
                  ^              |  429: the task's circuit opens, the video goes back
                  +--------------+  the box is lost: an attempt is spent, the video comes back after its backoff

What the API's worker does is in services/api/ecg_api/{worker,circuit}.py, what a batch waits for in kit/batching.py.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from tools.scaling.plant import Outage, Plant, ServiceTimes, Video

_INSTANT = 1e-9  # less than this is float noise, not time to wait


@dataclass
class _Job:
    video: Video
    attempts: int = 0
    started: float = math.nan
    read_at: float = math.nan
    task: _Task | None = None
    box: _Box | None = None


@dataclass
class _Task:
    """One API task: slots, and the circuit that they share."""

    free: int
    failures: int = 0
    opened: bool = False


@dataclass
class _Box:
    idle: int
    up: bool = True
    life: int = 0
    """Counts outages: what was to happen in an earlier life does not."""
    at_work: list[_Job] = field(default_factory=list)
    batch: deque[_Job] = field(default_factory=deque)
    classifying: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of the videos; times in seconds."""

    waits: tuple[float, ...]
    """From arrival to the start of the reading that succeeded, of each finished video."""
    stays: tuple[float, ...]
    """From arrival to the result."""
    failed: int
    """Videos that ran out of attempts."""
    turned_away: int
    """Answers 429."""
    broken: int
    """Readings that a lost box broke off."""
    batches: Counter[int]
    """How often a batch had so many videos."""
    busy: float
    """Reader-seconds in which a video was in a reader's hands."""
    span: float
    """From the first arrival to the last result."""
    longest_queue: int

    def wait_at(self, share: float) -> float:
        """The wait that this share of the videos does not exceed."""
        return percentile(self.waits, share)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of the values do not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


class Simulation:
    """One run. `service` gives what a batch takes; `seed` is for the jitter of backoffs."""

    def __init__(
        self,
        plant: Plant,
        service: ServiceTimes,
        videos: Sequence[Video],
        outages: Sequence[Outage] = (),
        seed: int = 0,
    ) -> None:
        self._plant, self._service, self._videos, self._outages = plant, service, videos, outages
        self._random = random.Random(seed)  # noqa: S311 jitter, no secret
        self._now = 0.0
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._queue: deque[_Job] = deque()
        self._asking: deque[_Job] = deque()
        self._tasks = [_Task(plant.slots) for _ in range(plant.tasks)]
        self._boxes = [_Box(plant.readers) for _ in range(plant.boxes)]
        self._waits: list[float] = []
        self._stays: list[float] = []
        self._failed = self._turned_away = self._broken = self._longest = 0
        self._batches: Counter[int] = Counter()
        self._busy = 0.0

    def run(self) -> Outcome:
        """Until every video is done or failed."""
        for video in self._videos:
            self._at(video.arrives, partial(self._arrive, _Job(video)))
        for one in self._outages:
            self._at(one.start, partial(self._lose, self._boxes[one.box]))
            self._at(one.end, partial(self._return, self._boxes[one.box]))
        last = 0.0
        while self._events:
            self._now, _, happen = heapq.heappop(self._events)
            done = len(self._stays)
            happen()
            last = self._now if len(self._stays) > done else last
        first = self._videos[0].arrives if self._videos else 0.0
        return Outcome(
            tuple(self._waits),
            tuple(self._stays),
            self._failed,
            self._turned_away,
            self._broken,
            self._batches,
            self._busy,
            last - first,
            self._longest,
        )

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happen))

    def _after(self, box: _Box, seconds: float, happen: Callable[[], None]) -> None:
        """Later, unless the box is lost before."""
        life = box.life
        self._at(self._now + seconds, lambda: happen() if box.life == life else None)

    # --- queue and API workers

    def _arrive(self, job: _Job) -> None:
        self._queue.append(job)
        self._longest = max(self._longest, len(self._queue))
        self._take()

    def _take(self) -> None:
        """Every free slot whose circuit is closed takes a video; long polling, so at once."""
        while self._queue:
            task = max((one for one in self._tasks if not one.opened), key=lambda one: one.free, default=None)
            if task is None or not task.free:
                return
            job = self._queue.popleft()
            task.free -= 1
            job.task = task
            self._ask(job)

    def _ask(self, job: _Job) -> None:
        box = self._idle_box()
        up = sum(box.up for box in self._boxes)
        if box is not None:
            self._read(job, box)
        elif up and (self._plant.max_queued < 0 or len(self._asking) < self._plant.max_queued * up):
            self._asking.append(job)
        else:
            self._turn_away(job)

    def _idle_box(self) -> _Box | None:
        """The one with the most idle readers: Serve asks the less busy of two replicas, this is the limit of it."""
        box = max(self._boxes, key=lambda one: one.idle if one.up else 0)
        return box if box.up and box.idle else None

    def _turn_away(self, job: _Job) -> None:
        """429, or nobody there: the whole task leaves the boxes alone for a while; no attempt is spent."""
        self._turned_away += 1
        task = self._released(job)
        task.failures += 1
        task.opened = True
        pause = max(self._backoff(task.failures), self._plant.retry_after)
        self._at(self._now + pause, partial(self._arrive, job))
        self._at(self._now + pause, partial(self._probe, task))

    def _probe(self, task: _Task) -> None:
        if any(box.up for box in self._boxes):
            task.opened = False
            self._take()
        else:
            task.failures += 1
            self._at(self._now + self._backoff(task.failures), partial(self._probe, task))

    def _released(self, job: _Job) -> _Task:
        task = job.task
        assert task is not None  # noqa: S101 only who holds a slot gives it back
        job.task = None
        task.free += 1
        return task

    def _backoff(self, failures: int) -> float:
        ceiling = min(30.0, 2.0 ** min(failures - 1, 16))
        return self._random.uniform(ceiling / 2, ceiling)

    # --- a box

    def _read(self, job: _Job, box: _Box) -> None:
        box.idle -= 1
        box.at_work.append(job)
        job.box, job.started = box, self._now
        self._after(box, job.video.read * self._plant.stretch, partial(self._classify, job, box))

    def _classify(self, job: _Job, box: _Box) -> None:
        job.read_at = self._now
        box.batch.append(job)
        self._gather(box)

    def _gather(self, box: _Box) -> None:
        """Run a batch when it is full or its first video has waited long enough; else look again then."""
        if box.classifying or not box.batch:
            return
        left = box.batch[0].read_at + self._plant.batch_wait - self._now
        if left < _INSTANT or sum(one.video.windows for one in box.batch) >= self._plant.batch_units:
            self._cut(box)
        else:
            self._after(box, left, partial(self._gather, box))

    def _cut(self, box: _Box) -> None:
        """As many videos as fit, in order, the first in any case."""
        together = [box.batch.popleft()]
        units = together[0].video.windows
        while box.batch and units + box.batch[0].video.windows <= self._plant.batch_units:
            units += box.batch[0].video.windows
            together.append(box.batch.popleft())
        box.classifying = True
        self._batches[len(together)] += 1
        seconds = self._service.batch + self._service.window * units
        self._after(box, seconds, partial(self._classified, together, box))

    def _classified(self, together: Sequence[_Job], box: _Box) -> None:
        box.classifying = False
        for job in together:
            self._after(box, job.video.write * self._plant.stretch, partial(self._done, job, box))
        self._gather(box)

    def _done(self, job: _Job, box: _Box) -> None:
        self._waits.append(job.started - job.video.arrives)
        self._stays.append(self._now - job.video.arrives)
        self._leave(job, box)
        self._released(job).failures = 0
        self._next()

    def _leave(self, job: _Job, box: _Box) -> None:
        box.at_work.remove(job)
        box.idle += 1
        self._busy += self._now - job.started

    def _next(self) -> None:
        """Idle readers take who waits at an ingress, then the slots take new ones."""
        while self._asking and (box := self._idle_box()) is not None:
            self._read(self._asking.popleft(), box)
        self._take()

    # --- its loss

    def _lose(self, box: _Box) -> None:
        box.up, box.life = False, box.life + 1
        box.batch.clear()
        box.classifying = False
        for job in tuple(box.at_work):
            self._broken += 1
            self._leave(job, box)
            self._released(job)
            job.attempts += 1
            if job.attempts >= self._plant.max_attempts:
                self._failed += 1
            else:
                self._at(self._now + self._backoff(job.attempts), partial(self._arrive, job))
        if not any(one.up for one in self._boxes):
            while self._asking:
                self._turn_away(self._asking.popleft())
        self._take()

    def _return(self, box: _Box) -> None:
        box.up = True
        self._next()
