"""Health, from payloads as AWS and the box send them: one file in tests/golden/health/<kind>/ for each state.

A file's name begins with the state that it must be judged as; `reasons.txt` holds what people then read.
"""

import ast
import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader

from generator.sync.gates import Patience
from generator.sync.health import (
    Box,
    Distribution,
    Health,
    HealthStatus,
    Instance,
    Queue,
    Service,
    TargetGroup,
    Thing,
    Unreadable,
    judge,
    worst,
)
from generator.sync.health.queue import LONGEST_WAIT_S
from generator.sync.health.serve_box import STALE_AFTER
from generator.sync.health.stack import stack
from generator.sync.health.target_group import target_group

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "health"
ROOT = Path(__file__).resolve().parents[3]
CASES = sorted(GOLDEN.glob("*/*.json"))
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TASK = "arn:aws:ecs:us-east-1:123456789012:task-definition/ecg-project-pipeline-dev-api:7"
THINGS: dict[str, Thing] = {
    "ecs_service": Service("api", "ApiService", "cluster", "arn:service", TASK),
    "target_group": TargetGroup("api", "ApiTargetGroupArn", "arn:group"),
    "instance": Instance("model-server", "ModelServer", "i-0f00ba4"),
    "distribution": Distribution("cdn", "Distribution", "E2EXAMPLE"),
    "queue": Queue("data", "JobsQueue", "https://queue", "https://dead"),
    "serve_box": Box("serve", "box", "bucket", "observed/dev/box.json", "serve/dev/desired.json", ("ecg_rhythm",)),
}


def judged(case: Path) -> Health:
    payload = json.loads(case.read_text(encoding="utf-8"))
    kind = case.parent.name
    return stack(payload) if kind == "stack" else judge(THINGS[kind], payload, NOW)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.stem}")
def test_a_payload_is_judged_as_its_file_is_named(case: Path) -> None:
    assert judged(case).status.lower() == case.stem.split("-")[0]


def test_the_reasons_are_the_reviewed_ones(update_goldens: bool) -> None:
    written = "".join(f"{c.parent.name}/{c.stem}: {judged(c).status} {judged(c).reason}".rstrip() + "\n" for c in CASES)
    file = GOLDEN / "reasons.txt"
    if update_goldens:
        file.write_text(written, encoding="utf-8")
    assert written == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", [case for case in CASES if not case.stem.startswith("healthy")], ids=lambda c: c.stem)
def test_whatever_is_not_healthy_says_why(case: Path) -> None:
    assert judged(case).reason


def enum(service: str, shape: str) -> list[str]:
    found: Any = Loader().load_service_model(service, "service-2")["shapes"][shape]["enum"]
    return list(found)


@pytest.mark.parametrize("status", enum("cloudformation", "StackStatus"))
def test_every_stack_status_that_cloudformation_has_is_known(status: str) -> None:
    assert stack({"StackStatus": status}).status is not HealthStatus.UNKNOWN


@pytest.mark.parametrize("state", sorted({*enum("elbv2", "TargetHealthStateEnum")} - {"unavailable"}))
def test_every_target_state_but_unchecked_is_known(state: str) -> None:
    said = target_group({"TargetHealthDescriptions": [{"TargetHealth": {"State": state}}]})
    assert said.status is not HealthStatus.UNKNOWN


@pytest.mark.parametrize("state", enum("ec2", "InstanceStateName"))
def test_every_instance_state_is_known(state: str) -> None:
    payload = {"instance": {"State": {"Name": state}}, "status": None}
    assert judge(THINGS["instance"], payload, NOW).status is not HealthStatus.UNKNOWN


def test_every_status_that_the_reconciler_writes_for_an_app_is_known() -> None:
    """Read from its source: services/ may not be imported here, nor the generator there."""
    source = (ROOT / "services/ray_serve/reconciler/snapshot.py").read_text(encoding="utf-8")
    body = next(n for n in ast.parse(source).body if isinstance(n, ast.ClassDef) and n.name == "AppStatus").body
    statuses = [
        node.value.value for node in body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
    ]
    payload = json.loads((GOLDEN / "serve_box/healthy.json").read_text(encoding="utf-8"))
    assert len(statuses) > 5
    for status in statuses:
        payload["report"]["apps"]["ecg_rhythm"]["status"] = status
        assert judge(THINGS["serve_box"], payload, NOW).status is not HealthStatus.UNKNOWN, status


def test_the_worst_part_decides_and_the_unknown_is_worst() -> None:
    """gitops-engine's order, pkg/health/health.go."""
    order = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"]
    assert list(HealthStatus) == order
    for better, worse in itertools.pairwise(order):
        parts = [Health(HealthStatus(worse), "w"), Health(HealthStatus(better), "b")]
        assert worst(parts) == worst(reversed(parts)) == parts[0]


def test_of_two_equally_bad_parts_the_first_speaks_and_nothing_is_healthy() -> None:
    assert worst([Health(HealthStatus.DEGRADED, "a"), Health(HealthStatus.DEGRADED, "b")]).reason == "a"
    assert worst([]).healthy


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
def test_what_aws_refuses_to_tell_is_unknown_with_its_words(thing: Thing) -> None:
    assert judge(thing, Unreadable("AccessDenied: no"), NOW) == Health(HealthStatus.UNKNOWN, "AccessDenied: no")


def test_the_runbook_names_every_state_and_the_patience_of_a_gate() -> None:
    page = (ROOT / "docs/runbooks/health.md").read_text(encoding="utf-8")
    rows = [f"| {status} |" for status in HealthStatus]
    patience = Patience()
    rows += [f"| {name} | {vars(patience)[name]:.0f} |" for name in ("grace", "stalled", "deadline")]
    assert [row for row in rows if row not in page] == []


def test_the_runbook_says_when_silence_and_waiting_become_faults() -> None:
    page = " ".join((ROOT / "docs/runbooks/health.md").read_text(encoding="utf-8").split())
    assert timedelta(minutes=3) == STALE_AFTER
    assert "not reported for three minutes" in page
    assert f"less than {LONGEST_WAIT_S // 60} minutes" in page
