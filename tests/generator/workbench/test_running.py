"""What is told of the apps on the box, and which log lines are an app's."""

from typing import Any

import pytest
from click import unstyle

from generator.workbench.running import all_well, apps_text, of_app, versions_of

VERSION, OTHER = "a" * 64 + ".zip", "b" * 64 + ".zip"
APP: dict[str, Any] = {
    "status": "RUNNING",
    "message": "",
    "version": VERSION,
    "deployments": {
        "Ingress": {"status": "HEALTHY", "message": "", "replicas": {"RUNNING": 1}},
        "Model": {"status": "UPDATING", "message": "starting", "replicas": {"RUNNING": 1, "STARTING": 1}},
    },
}
REPORT: dict[str, Any] = {"apps": {"toy": APP}, "conditions": []}


def row(report: dict[str, Any], wanted: dict[str, str], name: str = "toy") -> str:
    lines = unstyle(apps_text(report, wanted)).splitlines()
    return " ".join(next(line for line in lines if line.startswith(name)).split())


def test_the_wanted_versions_are_those_of_serve_yaml() -> None:
    assert versions_of({"x-ecg": {"apps": {"toy": {"version": VERSION}}}}) == {"toy": VERSION}


def test_an_app_stands_with_version_and_replicas() -> None:
    assert row(REPORT, {"toy": VERSION}) == "toy RUNNING aaaaaaaaaaaa 2/3 - -"


def test_another_version_than_gits_is_told() -> None:
    assert "aaaaaaaaaaaa (Git: bbbbbbbbbbbb)" in row(REPORT, {"toy": OTHER})
    assert "aaaaaaaaaaaa (Git: none)" in row(REPORT, {})


def test_an_app_that_git_wants_and_the_box_has_not_is_absent() -> None:
    assert row(REPORT, {"gone": VERSION}, "gone").startswith("gone ABSENT - (Git: aaaaaaaaaaaa)")


def test_golden_and_canary_are_told_where_the_report_has_them() -> None:
    golden = {"passed": False, "cases": 4, "at": "2026-11-26T10:00:00Z"}
    canary = {"percent": 10, "requests": 50, "errors": 1, "error_rate": 0.02, "verdict": "running"}
    told = row({"apps": {"toy": {**APP, "golden": golden, "canary": canary}}}, {"toy": VERSION})
    assert "FAILED 4, 2026-11-26T10:00:00Z" in told
    assert "10 %, 1 of 50 failed, running" in told


def test_why_a_golden_case_failed_is_told_of_one_app() -> None:
    difference = {"path": "grade", "expected": "good", "actual": "poor", "tolerance": None}
    golden = {"passed": False, "at": "then", "problem": "", "cases": [{"name": "screen", "differences": [difference]}]}
    told = unstyle(apps_text({"apps": {"toy": {**APP, "golden": golden}}}, {"toy": VERSION}, detailed=True))
    assert "FAILED 1, then" in told
    assert "golden screen: grade should be 'good' and is 'poor'" in told


def test_a_golden_that_could_not_be_run_says_why() -> None:
    golden = {"passed": False, "cases": [], "problem": "no replica was free"}
    told = apps_text({"apps": {"toy": {**APP, "golden": golden}}}, {"toy": VERSION}, detailed=True)
    assert "golden: no replica was free" in told


def test_of_one_app_the_deployments_and_their_messages_are_told() -> None:
    told = " ".join(unstyle(apps_text(REPORT, {"toy": VERSION}, detailed=True)).split())
    assert "Model UPDATING 1 RUNNING, 1 STARTING" in told
    assert "Model: starting" in told


def test_why_the_box_is_degraded_stands_below() -> None:
    degraded = {"type": "Degraded", "status": "True", "reason": "RolledBack", "since": "then", "message": "no"}
    fine = {"type": "Ready", "status": "True", "reason": "Serving", "since": "then"}
    told = unstyle(apps_text({**REPORT, "conditions": [degraded, fine]}, {"toy": VERSION})).splitlines()
    assert told[-1] == "Degraded True, RolledBack since then: no"


def test_a_box_without_a_report_says_what_to_do() -> None:
    assert "next: ecgctl status" in apps_text({}, {"toy": VERSION})


@pytest.mark.parametrize(
    ("wanted", "report", "well"),
    [
        ({"toy": VERSION}, REPORT, True),
        ({"toy": OTHER}, REPORT, False),
        ({"toy": VERSION, "gone": VERSION}, REPORT, False),
        ({"toy": VERSION}, {"apps": {"toy": {**APP, "status": "DEPLOYING"}}}, False),
        ({"toy": VERSION}, {}, False),
        ({}, REPORT, False),
    ],
)
def test_well_is_every_wanted_app_running_as_its_wanted_version(
    wanted: dict[str, str], report: dict[str, Any], well: bool
) -> None:
    assert all_well(report, wanted) is well


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"application": "toy", "message": "other is named here"}', True),
        ('{"application": "other", "message": "toy is named here"}', False),
        ('journal: {"logger": "ecg.toy", "message": "measured"}', True),
        ('{"logger": "ecg.other", "message": "measured"}', False),
        ("replica other#Model died", False),
        ("other and toy both", True),
        ("another line of Ray's", True),
        ('{"message": broken', True),
        ("toys are no toy_app", True),
    ],
)
def test_a_line_is_shown_unless_it_tells_of_another_app(line: str, shown: bool) -> None:
    assert of_app(line, "toy", ["other"]) is shown
