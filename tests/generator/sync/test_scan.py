"""What a scan means for an image, how long it is waited for, and what an apply does about it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import botocore.session
import pytest

from generator.model.manifest import Artifact, ArtifactKind, ScanThreshold
from generator.model.wiring import Wire
from generator.render.yaml_text import dump
from generator.sync.errors import ApplyFailed
from generator.sync.gates import GateFailed
from generator.sync.ledger import Ledger, Result
from generator.sync.progress import Fact, ImageScanned, Noted, ScanAwaited
from generator.sync.rollback import RolledBack, apply_or_go_back
from generator.sync.run import Options, Target
from generator.sync.scan import (
    VERDICTS,
    Finding,
    ImageVulnerable,
    Scan,
    ScanFailed,
    ScanGate,
    Verdict,
    counted,
    judge,
)
from tests.generator.sync.test_apply import FILES, MANIFEST
from tests.generator.sync.worlds import FakeClock, InMemoryArtifacts, InMemoryLedger, InMemoryStacks

IMAGE = Artifact(
    "api", ArtifactKind.IMAGE, "services/api", "src-1", Wire("storage", "BucketName"), ScanThreshold.CRITICAL
)
CLEAN = Scan("COMPLETE", counts={"HIGH": 5, "MEDIUM": 12})
HEARTBLEED = Finding("CVE-2014-0160", "CRITICAL", "openssl 1.0.1f-1", "https://security.example/CVE-2014-0160")
VULNERABLE = Scan("COMPLETE", counts={"CRITICAL": 1, "HIGH": 5}, findings=(HEARTBLEED,))
RUNNING = Scan("IN_PROGRESS")


@dataclass
class Scans:
    """A registry whose answers are given in turn; the last one stays."""

    answers: Sequence[Scan | None]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def read(self, repository: str, tag: str) -> Scan | None:
        self.asked.append((repository, tag))
        return self.answers[min(len(self.asked), len(self.answers)) - 1]


@dataclass
class World:
    """A gate in front of a registry."""

    scans: Scans
    clock: FakeClock = field(default_factory=FakeClock)
    told: list[Fact] = field(default_factory=list)

    @classmethod
    def of(cls, *answers: Scan | None) -> "World":
        return cls(Scans(answers))

    @property
    def gate(self) -> ScanGate:
        return ScanGate("dev", self.scans, self.clock, self.told.append)


# --- the verdict ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "threshold", "verdict"),
    [
        ({"CRITICAL": 1}, "CRITICAL", Verdict.VULNERABLE),
        ({"HIGH": 1}, "CRITICAL", Verdict.PASSED),
        ({"CRITICAL": 1}, "HIGH", Verdict.VULNERABLE),
        ({"HIGH": 1}, "HIGH", Verdict.VULNERABLE),
        ({"MEDIUM": 9, "LOW": 9, "INFORMATIONAL": 9, "UNDEFINED": 9, "UNTRIAGED": 9}, "HIGH", Verdict.PASSED),
        ({"CRITICAL": 1}, "NONE", Verdict.PASSED),
        ({"CRITICAL": 0}, "CRITICAL", Verdict.PASSED),
        ({}, "HIGH", Verdict.PASSED),
    ],
)
@pytest.mark.parametrize("status", ["COMPLETE", "ACTIVE"])
def test_findings_as_severe_as_the_threshold_or_worse_stop_an_image(
    status: str, counts: dict[str, int], threshold: str, verdict: Verdict
) -> None:
    assert judge(Scan(status, counts=counts), ScanThreshold(threshold)) is verdict


def test_every_status_that_ecr_documents_has_a_verdict() -> None:
    ecr: Any = botocore.session.get_session().get_service_model("ecr")
    assert set(ecr.shape_for("ScanStatus").enum) == set(VERDICTS)


def test_a_status_that_nobody_knows_is_a_failure() -> None:
    assert judge(Scan("QUANTUM"), ScanThreshold.CRITICAL) is Verdict.FAILED


def test_findings_are_counted_from_the_worst() -> None:
    assert counted({"LOW": 1, "NEW": 3, "CRITICAL": 2, "HIGH": 0}) == "2 CRITICAL, 1 LOW, 3 NEW"
    assert counted({}) == "no findings"


# --- the gate ---------------------------------------------------------------------------------------------------------


def test_a_scan_that_is_over_and_found_nothing_severe_is_told_at_once() -> None:
    world = World.of(CLEAN)
    world.gate(IMAGE, "ecg-dev-api")
    assert world.told == [ImageScanned("api", {"HIGH": 5, "MEDIUM": 12}, "CRITICAL")]
    assert world.scans.asked == [("ecg-dev-api", "src-1")]
    assert world.clock.now == 0


def test_a_scan_that_runs_is_waited_for_and_said_once() -> None:
    world = World.of(None, Scan("PENDING"), RUNNING, CLEAN)
    world.gate(IMAGE, "ecg-dev-api")
    assert [type(fact) for fact in world.told] == [ScanAwaited, ImageScanned]
    assert world.clock.now == 15


def test_what_is_found_is_named_with_the_worst_first_and_with_what_to_do() -> None:
    many = tuple(Finding(f"CVE-2026-{n}", "HIGH", "zlib 1.2", f"https://s.example/{n}") for n in range(9))
    medium = Finding("CVE-2026-99", "MEDIUM", "curl 8", "https://s.example/99")
    scan = Scan("COMPLETE", counts={"HIGH": 9, "CRITICAL": 1, "MEDIUM": 1}, findings=(medium, *many, HEARTBLEED))
    with pytest.raises(ImageVulnerable) as caught:
        World.of(scan).gate(replace(IMAGE, scan=ScanThreshold.HIGH), "ecg-dev-api")
    assert str(caught.value).splitlines() == [
        "image api (ecg-dev-api:src-1) has 1 CRITICAL, 9 HIGH, 1 MEDIUM; dev blocks on CRITICAL and HIGH, "
        "so no later wave was started",
        "  CRITICAL CVE-2014-0160 in openssl 1.0.1f-1: https://security.example/CVE-2014-0160",
        *(f"  HIGH CVE-2026-{n} in zlib 1.2: https://s.example/{n}" for n in range(4)),
        "  and 5 more",
        "  next: have services/api/Dockerfile take a newer base or package, ecgctl render, merge",
        "  next: or, with a reviewer's approval, change registry.scan_blocks in generator/environments/dev.py, "
        "ecgctl render, merge",
    ]


@pytest.mark.parametrize("status", [status for status, verdict in VERDICTS.items() if verdict is Verdict.FAILED])
def test_a_scan_that_cannot_run_stops_with_its_reason_and_the_command_that_scans_again(status: str) -> None:
    with pytest.raises(ScanFailed) as caught:
        World.of(RUNNING, Scan(status, "The scan failed with an internal error.")).gate(IMAGE, "ecg-dev-api")
    image = "--repository-name ecg-dev-api --image-id imageTag=src-1"
    assert str(caught.value).splitlines() == [
        f"image api (ecg-dev-api:src-1) was not scanned: {status}: The scan failed with an internal error.",
        f"  next: aws ecr describe-image-scan-findings {image}",
        f"  next: aws ecr start-image-scan {image}, then apply again",
    ]


def test_a_scan_that_never_ends_stops_after_five_minutes() -> None:
    world = World.of(RUNNING)
    with pytest.raises(ScanFailed, match="was not scanned: IN_PROGRESS after 300 s"):
        world.gate(IMAGE, "ecg-dev-api")
    assert world.clock.now == 300


def test_an_image_that_cannot_be_scanned_goes_on_with_a_note_and_without_waiting() -> None:
    world = World.of(Scan("UNSUPPORTED_IMAGE", "The operating system is not supported."))
    world.gate(IMAGE, "ecg-dev-api")
    said = "image api goes on without a scan: UNSUPPORTED_IMAGE: The operating system is not supported."
    assert world.told == [Noted(said)]
    assert world.clock.now == 0


def test_an_image_that_nobody_scans_goes_on_with_a_note_after_a_short_grace() -> None:
    world = World.of(None)
    world.gate(IMAGE, "ecg-dev-api")
    assert world.told[-1] == Noted("image api goes on without a scan: none has begun after 30 s")
    assert world.clock.now == 30


def test_where_nothing_blocks_nobody_is_asked() -> None:
    world = World.of(VULNERABLE)
    world.gate(replace(IMAGE, scan=ScanThreshold.NONE), "ecg-dev-api")
    assert (world.scans.asked, world.told) == ([], [])


# --- the apply --------------------------------------------------------------------------------------------------------

SCANNED = replace(MANIFEST, artifacts=(IMAGE, *MANIFEST.artifacts))
TREE = {**FILES, "manifest.yaml": dump(SCANNED.to_data())}
_commits = (f"commit-{number}" for number in count())


class Environment:
    """Storage with the repository in wave 0, the API in wave 1."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.stacks, self.artifacts = InMemoryStacks(), InMemoryArtifacts()
        store = InMemoryLedger(self.clock)
        self.target = Target(self.stacks, self.artifacts, self.clock, ledger=store)
        self.ledger = Ledger(store, "dev")
        self.told: list[Fact] = []

    def deploy(self, scan: Scan, *, address: str = "src-1", healthy: bool = True) -> None:
        def fail(*_: object) -> None:
            raise GateFailed("dev", "the GPU box", 90, ())

        *others, service = SCANNED.stacks
        service = replace(service, parameters={**service.parameters, "ImageTag": address})
        artifacts = (replace(IMAGE, address=address), *MANIFEST.artifacts)
        manifest = replace(SCANNED, stacks=(*others, service), artifacts=artifacts)
        api = FILES["stacks/api.yaml"].replace("Service", f"Service{address[-1]}")
        files = {**TREE, "stacks/api.yaml": api, "manifest.yaml": dump(manifest.to_data())}
        gate = ScanGate("dev", Scans([scan]), self.clock, self.told.append)
        options = Options("alice", next(_commits), after_publish=gate, after_box=None if healthy else fail)
        apply_or_go_back(manifest, files, self.target, self.told.append, options)

    @property
    def api(self) -> str:
        return self.stacks.deployed["ecg-dev-api"][0]


def test_a_vulnerable_image_stops_an_apply_before_the_stack_that_runs_it() -> None:
    world = Environment()
    with pytest.raises(ImageVulnerable):
        world.deploy(VULNERABLE)
    assert set(world.stacks.live) == {"ecg-dev-network", "ecg-dev-storage"}
    assert world.ledger.history()[0].result is Result.FAILED


def test_packages_are_published_while_the_image_is_scanned() -> None:
    world = Environment()
    with pytest.raises(ImageVulnerable):
        world.deploy(VULNERABLE)
    assert world.artifacts.log == ["api", "agent"]


def test_what_runs_goes_on_when_a_later_image_is_vulnerable_and_the_next_image_passes() -> None:
    world = Environment()
    world.deploy(CLEAN)
    with pytest.raises(ImageVulnerable):
        world.deploy(VULNERABLE, address="src-2")
    assert "Service1" in world.api
    world.deploy(CLEAN, address="src-3")
    assert "Service3" in world.api


def test_an_image_that_is_there_already_is_judged_again() -> None:
    world = Environment()
    world.deploy(CLEAN)
    with pytest.raises(ApplyFailed, match="CVE-2014-0160"):
        world.deploy(VULNERABLE)


def test_the_way_back_asks_for_no_scan() -> None:
    world = Environment()
    world.deploy(CLEAN)
    world.told.clear()
    with pytest.raises(RolledBack):
        world.deploy(CLEAN, address="src-2", healthy=False)
    assert [type(fact) for fact in world.told].count(ImageScanned) == 1
    assert "Service1" in world.api
