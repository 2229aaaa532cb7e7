"""Proof by use: the last gate of a deployment does with it what a client does.

    health through the CDN -> the sample goes up, is analysed, its result comes back -> it agrees with the truth
                                                                                     -> its video is deleted

The gates before it ask AWS and the box about each part. This one goes the whole way at once: CDN, load balancer, API,
S3, queue, Ray Serve. Where that fails, apply goes back, as from any other gate.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from generator.errors import EcgError
from generator.sync.agreement import compare
from generator.sync.errors import NotWorking
from generator.sync.health import Thing
from generator.sync.ports import Clock

DOMAIN = "DistributionDomainName"
"""The output that names the front door; the names are the wiring, so one stack has it."""
HEALTHY = {"status": "healthy", "service": "backend"}


class AnalysisFailed(EcgError):
    """A video was not analysed, or the API refused a request."""

    def __init__(self, what: str, code: str, message: str, *, transient: bool = False) -> None:
        self.what, self.code, self.message = what, code, message
        self.transient = transient
        """Asking again may help: nobody answered, or with a status of 500 and above."""
        super().__init__(f"{self.reason}\n  next: docs/api.md says what the code means and what to do")

    @property
    def reason(self) -> str:
        """What was done, the API's code and its message, in one line."""
        return f"{self.what}: {self.code}: {self.message}"


@dataclass(frozen=True)
class JobProgress:
    """Where a video's job stands; `fraction` from 0 to 1 of `stage`."""

    video: str
    state: str
    stage: str = ""
    fraction: float = 0.0


@dataclass(frozen=True)
class Analysis:
    """A finished job: its result, and the seconds that each step took from here."""

    video: str
    result: Mapping[str, Any]
    seconds: Mapping[str, float]


class Api(Protocol):
    """The deployed API, through its public address. Every method may raise AnalysisFailed."""

    def health(self) -> object:
        """What `/api/health` answers now."""

    def analyse(self, video: Path, report: Callable[[JobProgress], None], deadline_s: float) -> Analysis:
        """Upload a video and wait for its result; the first report comes as soon as the video has an id."""

    def delete(self, video: str) -> None:
        """Delete a video and all that was made of it."""


@dataclass(frozen=True)
class Deadlines:
    """How long a proof waits, in seconds."""

    health: float = 120.0
    """The first seconds after a deployment may see a 502 or 503 while targets change."""
    analysis: float = 600.0
    """Enough for an attempt that the API gives up after two minutes of silence, and for another."""
    poll: float = 2.0


@dataclass(frozen=True)
class HealthAnswered:
    """The API answers through the CDN."""

    url: str
    seconds: float


@dataclass(frozen=True)
class SampleMoved:
    """The sample's job reached another state, or another stage of its analysis."""

    video: str
    state: str
    stage: str


@dataclass(frozen=True)
class SampleRead:
    """The deployment is proved: the sample's result agrees with the truth."""

    beats: int
    rate_bpm: float
    seconds: float


@dataclass(frozen=True)
class SampleLeft:
    """The sample's video could not be deleted again. That proves nothing against the deployment."""

    url: str
    """Of the video; a DELETE of it is what is left to do."""
    why: str


@dataclass(frozen=True)
class ProofOmitted:
    """Nothing was asked: these were stopped on purpose, and through them nothing can be read."""

    suspended: tuple[str, ...]


ProofFact = HealthAnswered | SampleMoved | SampleRead | SampleLeft | ProofOmitted


class Step(StrEnum):
    """Where a proof failed, in the words of its message."""

    HEALTH = "the API is not healthy"
    ANALYSIS = "the sample was not analysed"
    AGREEMENT = "the sample was read wrongly"


_NEXT = {
    Step.HEALTH: ("logs {} api --since 15m", "status {} -o wide"),
    Step.ANALYSIS: ("logs {} model-server --since 15m", "logs {} api --since 15m"),
    Step.AGREEMENT: ("logs {} model-server --since 15m",),
}


class ProofFailed(NotWorking):
    """What was deployed does not do what it is for."""

    def __init__(self, environment: str, url: str, step: Step, reasons: Sequence[str]) -> None:
        self.environment, self.url, self.step, self.reasons = environment, url, step, tuple(reasons)
        # The first line stands alone in the ledger, so it has a reason.
        first, *others = reasons
        details = [f"  {line}" for line in (*others, f"asked through {url}")]
        commands = [f"  next: ecgctl {command.format(environment)}" for command in _NEXT[step]]
        super().__init__("\n".join([f"{step}: {first}", *details, *commands]))


@dataclass(frozen=True)
class Proof:
    """The proof of one apply: call it with the outputs of its stacks, once everything is healthy."""

    environment: str
    sample: Path
    truth: Mapping[str, Any]
    """What there is to read in the sample, `ecg-video-truth/v1`."""
    connect: Callable[[str, Mapping[str, str]], Api]
    """The API behind a distribution's domain name; with all outputs, which say how the proof signs in."""
    clock: Clock
    report: Callable[[ProofFact], None] = lambda _: None
    deadlines: Deadlines = Deadlines()
    suspended: Sequence[Thing] = ()
    """What the gates before it have found stopped on purpose by the time of the call: that holds no deployment up."""

    def __call__(self, outputs: Mapping[str, Mapping[str, str]]) -> None:
        """Use what was deployed. Raises ProofFailed."""
        if self.suspended:
            self.report(ProofOmitted(tuple(thing.label for thing in self.suspended)))
            return
        domain = next((found[DOMAIN] for found in outputs.values() if DOMAIN in found), None)
        if domain is None:
            raise self._failed("no address", Step.HEALTH, f"no stack has the output {DOMAIN}")
        known = {name: value for found in outputs.values() for name, value in found.items()}
        url, api = f"https://{domain}", self.connect(domain, known)
        self._await_health(api, url)
        begun = self.clock.monotonic()
        with self._deleting(api, url) as follow:
            try:
                analysis = api.analyse(self.sample, follow, self.deadlines.analysis)
            except AnalysisFailed as error:
                raise self._failed(url, Step.ANALYSIS, error.reason) from error
        read = compare(analysis.result, self.truth)
        if read.mistakes or read.beats is None or read.rate_bpm is None:
            raise self._failed(url, Step.AGREEMENT, *read.mistakes)
        self.report(SampleRead(read.beats, read.rate_bpm, self.clock.monotonic() - begun))

    def _await_health(self, api: Api, url: str) -> None:
        begun = self.clock.monotonic()
        while True:
            try:
                answer = api.health()
            except AnalysisFailed as error:
                said = error.reason
            else:
                if answer == HEALTHY:
                    return self.report(HealthAnswered(url, self.clock.monotonic() - begun))
                said = f"GET /api/health answers {json.dumps(answer)[:200]}, not {json.dumps(HEALTHY)}"
            if self.clock.monotonic() - begun >= self.deadlines.health:
                raise self._failed(url, Step.HEALTH, f"{said}, still so after {self.deadlines.health:.0f} s")
            self.clock.sleep(self.deadlines.poll)

    @contextmanager
    def _deleting(self, api: Api, url: str) -> Iterator[Callable[[JobProgress], None]]:
        """Gives what follows the sample's job; the video that it has met is deleted on any way out."""
        met: list[SampleMoved] = []

        def follow(progress: JobProgress) -> None:
            moved = SampleMoved(progress.video, progress.state, progress.stage)
            if moved not in met[-1:]:
                met.append(moved)
                self.report(moved)

        try:
            yield follow
        finally:
            if met:
                try:
                    api.delete(met[0].video)
                except AnalysisFailed as error:
                    self.report(SampleLeft(f"{url}/api/videos/{met[0].video}", error.reason))

    def _failed(self, url: str, step: Step, *reasons: str) -> ProofFailed:
        return ProofFailed(self.environment, url, step, reasons)
