"""Status as people and scripts read it; whole screens are in tests/golden/status/."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click import unstyle

from generator.report.columns import Cell, age, table
from generator.report.status_events import events_text, log_text
from generator.report.status_json import status_data, status_json
from generator.report.status_text import status_text
from generator.sync.health import Unreadable
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.ledger import Deployment, Result
from generator.sync.ports import StackEvent
from generator.sync.status import EnvironmentStatus
from generator.sync.traces import LogLine, StackMoment
from tests.generator.sync.observed import API, NOW, box_report, live, pointer, status

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "status"
DEPLOYED = Deployment(
    "d1",
    "dev",
    "alice",
    "3f9a2c1b7d5e4f60",
    "digest",
    NOW - timedelta(minutes=35),
    result=Result.SUCCEEDED,
    ended=NOW - timedelta(minutes=30),
)


def troubled() -> EnvironmentStatus:
    stopped = [{"stoppedReason": "CannotPullContainerError: not found", "containers": []}] * 3
    primary = {
        "status": "PRIMARY",
        "taskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/api:6",
        "rolloutState": "COMPLETED",
        "rolloutStateReason": "ECS deployment circuit breaker: rolling back to deploymentId ecs-svc/6.",
    }
    service = {"status": "ACTIVE", "desiredCount": 2, "runningCount": 2, "deployments": [primary]}
    counts = {"ApproximateNumberOfMessages": "4", "ApproximateNumberOfMessagesNotVisible": "1"}
    api = live()["ecg-dev-api"]
    looked = {"StackDriftStatus": "DRIFTED", "LastCheckTimestamp": NOW - timedelta(hours=3)}
    return status(
        {
            "ecg-dev-api": dataclasses.replace(
                api,
                description={**api.description, "DriftInformation": looked},
                template=API.replace("DesiredCount: 2", "DesiredCount: 3"),
            ),
            "ecg-dev-old": LiveTemplate({"StackStatus": "CREATE_COMPLETE", "CreationTime": NOW}, "", {}),
        },
        {
            "api/ApiService": {"service": service, "stopped": stopped},
            "storage/Jobs": {"queue": counts, "dead_letters": counts, "oldest_s": 41.0},
            "serve/box": {"report": box_report(updated_at="2026-11-23T11:00:00Z"), "desired": pointer()},
        },
        strays=("ecg-dev-old",),
        deployed=dataclasses.replace(DEPLOYED, result=Result.FAILED),
        notes=("self-heal is suspended until 18:00",),
    )


NOTHING: dict[str, StackReading] = {"ecg-dev-storage": None, "ecg-dev-api": None}
SCREENS = {
    "healthy.txt": lambda: unstyle(status_text(status(deployed=DEPLOYED))),
    "troubled.txt": lambda: unstyle(status_text(troubled())),
    "troubled-wide.txt": lambda: unstyle(status_text(troubled(), wide=True)),
    "never-applied.txt": lambda: unstyle(status_text(status(NOTHING))),
    "troubled.json": lambda: status_json(troubled()),
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_screen_is_the_reviewed_one(name: str, update_goldens: bool) -> None:
    text = SCREENS[name]() + "\n"
    file = GOLDEN / name
    if update_goldens:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_health_is_told_by_colour_too() -> None:
    assert "\x1b[31mDegraded\x1b[0m" in status_text(troubled())


def test_a_long_message_is_cut_on_a_narrow_screen_only() -> None:
    found = status({"ecg-dev-api": Unreadable("x" * 300)})
    assert max(map(len, unstyle(status_text(found)).splitlines())) < 180
    assert "x" * 300 in status_text(found, wide=True)


def test_json_has_every_stack_with_sync_health_and_reason() -> None:
    data = json.loads(status_json(troubled()))
    assert [stack["name"] for stack in data["stacks"]] == ["storage", "api", "ecg-dev-old"]
    assert data["stacks"][1]["sync"] == "OutOfSync"
    assert "rolling back" in data["stacks"][1]["health"]["reason"]
    assert data["revision"] == DEPLOYED.commit


def test_json_says_when_it_was_so() -> None:
    assert status_data(status())["at"] == NOW.isoformat()


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(seconds=-3), "0s"),
        (timedelta(seconds=119), "119s"),
        (timedelta(seconds=120), "2m"),
        (timedelta(minutes=119), "119m"),
        (timedelta(hours=2), "2h"),
        (timedelta(hours=47), "47h"),
        (timedelta(days=2), "2d"),
    ],
)
def test_ages_are_written_as_kubectl_does(span: timedelta, text: str) -> None:
    assert age(span) == text


def test_colour_does_not_shift_columns() -> None:
    lines = table(("A", "B"), [(Cell("x", "red"), "1"), ("long one", "2")])
    assert [line.index(end) for line, end in zip(map(unstyle, lines), "B12", strict=True)] == [11, 11, 11]


def moment(status_: str, reason: str = "", name: str = "Vpc") -> StackMoment:
    return StackMoment("network", StackEvent("e", NOW, name, "AWS::EC2::VPC", status_, reason))


def test_events_keep_their_order_and_only_causes_are_red() -> None:
    lines = events_text(
        [
            moment("CREATE_FAILED", "The CIDR is invalid"),
            moment("CREATE_FAILED", "Resource creation cancelled", "Subnet"),
            moment("ROLLBACK_COMPLETE"),
        ]
    ).splitlines()
    assert ["\x1b[31m" in line for line in lines] == [False, True, False, True]
    assert unstyle(lines[1]).split(maxsplit=6)[2:] == [
        "network",
        "Vpc",
        "EC2::VPC",
        "CREATE_FAILED",
        "The CIDR is invalid",
    ]


def test_a_log_line_shows_its_time_and_its_task() -> None:
    line = LogLine("1", datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC), "api/api/0f00ba4dcafe", "started")
    assert unstyle(log_text(line)) == "12:00:01 0f00ba4d  started"
