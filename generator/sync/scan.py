"""The scan gate: an image in which its registry finds what the environment blocks on is not run.

    the image is published -> its scan -> not over: look again, until the deadline
                                       -> nothing as severe as the threshold: go on
                                       -> findings: stop, before the wave that would run them
                                       -> it failed, or is not over in time: stop; nobody knows what the image holds
                                       -> the registry cannot scan it, or does not: said, and go on

The threshold stands in the manifest (`scan` of an image), so loosening it is a change that somebody reviews. The way
back (`rollback`) has no gate: what it deploys has run before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Protocol, assert_never

from generator.model.manifest import Artifact, ScanThreshold
from generator.sync.errors import ApplyFailed
from generator.sync.ports import Clock
from generator.sync.progress import ImageScanned, Noted, Report, ScanAwaited

SEVERITIES: Final = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNTRIAGED", "UNDEFINED")
"""From the worst; of the last two nobody has said how severe they are (ECR's FindingSeverity, and Inspector's)."""

_SHOWN: Final = 5


@dataclass(frozen=True)
class Finding:
    """One vulnerability of one package of an image."""

    name: str
    """Mostly a CVE's."""
    severity: str
    package: str
    """Name and version, as the image has it."""
    link: str


@dataclass(frozen=True)
class Scan:
    """A scan of an image as ECR describes it."""

    status: str
    """A ScanStatus of the ECR API, such as `COMPLETE`."""
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Severity -> findings."""
    findings: tuple[Finding, ...] = ()


class Scans(Protocol):
    """A registry's scans."""

    def read(self, repository: str, tag: str) -> Scan | None:
        """The scan of an image, or None where there is none (yet). Raises CallRefused."""


class Verdict(Enum):
    """What a scan means for an image."""

    PASSED = auto()
    VULNERABLE = auto()
    RUNNING = auto()
    UNSCANNED = auto()
    """The registry says that it does not scan this image."""
    FAILED = auto()


VERDICTS: Final[Mapping[str, Verdict]] = {
    "COMPLETE": Verdict.PASSED,
    "ACTIVE": Verdict.PASSED,  # Inspector's: scanned, and scanned again whenever more becomes known
    "PENDING": Verdict.RUNNING,
    "IN_PROGRESS": Verdict.RUNNING,
    "UNSUPPORTED_IMAGE": Verdict.UNSCANNED,
    "SCAN_ELIGIBILITY_EXPIRED": Verdict.UNSCANNED,  # Inspector's: older than images are watched; it was scanned once
    "FAILED": Verdict.FAILED,
    "FINDINGS_UNAVAILABLE": Verdict.FAILED,
    "LIMIT_EXCEEDED": Verdict.FAILED,
    "IMAGE_ARCHIVED": Verdict.FAILED,
    "IMAGE_SIZE_EXCEEDED": Verdict.FAILED,
}
"""ScanStatus (ECR API reference, ImageScanStatus, 2026-11) -> verdict where no finding blocks; others are failures."""


def judge(scan: Scan, threshold: ScanThreshold) -> Verdict:
    """What a scan means for an image of an environment that blocks on `threshold`."""
    verdict = VERDICTS.get(scan.status, Verdict.FAILED)
    if verdict is Verdict.PASSED and any(scan.counts.get(severity) for severity in blocked_by(threshold)):
        return Verdict.VULNERABLE
    return verdict


def blocked_by(threshold: ScanThreshold) -> Sequence[str]:
    """The severities that stop an image, from the worst."""
    if threshold is ScanThreshold.NONE:
        return ()
    return SEVERITIES[: SEVERITIES.index(threshold) + 1]


def counted(counts: Mapping[str, int]) -> str:
    """Numbers of findings in words, from the worst: `2 CRITICAL, 5 HIGH`."""
    known = [*SEVERITIES, *sorted(set(counts) - set(SEVERITIES))]
    return ", ".join(f"{counts[severity]} {severity}" for severity in known if counts.get(severity)) or "no findings"


class ImageVulnerable(ApplyFailed):
    """An image's scan found what its environment blocks on; nothing that would run it was started."""

    def __init__(self, environment: str, artifact: Artifact, repository: str, scan: Scan) -> None:
        self.environment, self.artifact, self.repository, self.scan = environment, artifact, repository, scan
        stops = blocked_by(artifact.scan)
        worst = sorted(
            (one for one in scan.findings if one.severity in stops),
            key=lambda one: (stops.index(one.severity), one.name, one.package),
        )
        more = sum(scan.counts.get(severity, 0) for severity in stops) - len(worst[:_SHOWN])
        super().__init__(
            "\n".join(
                [
                    f"image {artifact.name} ({repository}:{artifact.address}) has {counted(scan.counts)}; "
                    f"{environment} blocks on {' and '.join(stops)}, so no later wave was started",
                    *(f"  {one.severity} {one.name} in {one.package}: {one.link}" for one in worst[:_SHOWN]),
                    *([f"  and {more} more"] if more > 0 else []),
                    f"  next: have {artifact.source}/Dockerfile take a newer base or package, ecgctl render, merge",
                    f"  next: or, with a reviewer's approval, change registry.scan_blocks in "
                    f"generator/environments/{environment}.py, ecgctl render, merge",
                ]
            )
        )


class ScanFailed(ApplyFailed):
    """An image should have been scanned and was not, so nobody knows what it holds."""

    def __init__(self, artifact: Artifact, repository: str, why: str) -> None:
        self.artifact, self.repository, self.why = artifact, repository, why
        image = f"--repository-name {repository} --image-id imageTag={artifact.address}"
        super().__init__(
            f"image {artifact.name} ({repository}:{artifact.address}) was not scanned: {why}\n"
            f"  next: aws ecr describe-image-scan-findings {image}\n"
            f"  next: aws ecr start-image-scan {image}, then apply again"
        )


@dataclass(frozen=True)
class ScanPatience:
    """How long the gate waits, in seconds."""

    deadline: float = 300.0
    """botocore's own waiter (ImageScanComplete) looks 60 times, 5 s apart."""
    grace: float = 30.0
    """So long a scan may not have begun."""
    poll: float = 5.0


@dataclass(frozen=True)
class ScanGate:
    """What `Options.after_publish` takes."""

    environment: str
    scans: Scans
    clock: Clock
    report: Report
    patience: ScanPatience = ScanPatience()

    def __call__(self, artifact: Artifact, store: str) -> None:
        """Return once nothing is known that stops the artifact. Raises ImageVulnerable, ScanFailed, CallRefused."""
        if artifact.scan is ScanThreshold.NONE:
            return
        begun, told = self.clock.monotonic(), False
        while not self._over(artifact, store, self.clock.monotonic() - begun):
            if not told:
                self.report(ScanAwaited(artifact.name))
                told = True
            self.clock.sleep(self.patience.poll)

    def _over(self, artifact: Artifact, store: str, waited: float) -> bool:
        """Whether there is nothing more to wait for."""
        scan = self.scans.read(store, artifact.address)
        if scan is None:
            if waited < self.patience.grace:
                return False
            self._goes_on(artifact, f"none has begun after {waited:.0f} s")
            return True
        said = f"{scan.status}: {scan.reason}" if scan.reason else scan.status
        match judge(scan, artifact.scan):
            case Verdict.PASSED:
                self.report(ImageScanned(artifact.name, scan.counts, artifact.scan.value))
            case Verdict.VULNERABLE:
                raise ImageVulnerable(self.environment, artifact, store, scan)
            case Verdict.FAILED:
                raise ScanFailed(artifact, store, said)
            case Verdict.UNSCANNED:
                self._goes_on(artifact, said)
            case Verdict.RUNNING:
                if waited < self.patience.deadline:
                    return False
                raise ScanFailed(artifact, store, f"{said} after {waited:.0f} s")
            case verdict:
                assert_never(verdict)
        return True

    def _goes_on(self, artifact: Artifact, why: str) -> None:
        self.report(Noted(f"image {artifact.name} goes on without a scan: {why}"))
