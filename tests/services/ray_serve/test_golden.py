"""Golden cases: what is compared, what is reported, and that the shipped apps pass theirs from their own packages."""

import asyncio
import json
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from generator.publish.package import app_package
from generator.serve_apps import SERVE_APPS
from kit.contract import AnalyzeRequest, Event, Failure, GoldenRequest, Progress, Result
from kit.golden import Case, Expectations, GoldenUnreadable, cases, compare, prove

ROOT = Path(__file__).resolve().parents[3]

RESULT: dict[str, Any] = {
    "rate": {"mean": 98.4, "min": None},
    "beats": [{"class": "N", "time_s": 0.5}, {"class": "V", "time_s": 1.25}],
    "rr_s": [0.62, 0.6],
    "findings": [],
    "calibrated": True,
    "count": 2,
    "kind": "sweep",
    "broken": float("nan"),
    "endless": float("inf"),
    "long": ["x" * 50] * 9,
}


def expecting(*expect: dict[str, Any], **more: Any) -> Expectations:
    document = {"schema": "golden-expectations/v1", **({"expect": list(expect)} if expect else {}), **more}
    return Expectations.model_validate(json.loads(json.dumps(document)))


def differences(**expectation: Any) -> list[dict[str, Any]]:
    return [one.to_data() for one in compare(expecting(expectation), Result(RESULT))]


# --- comparison


@pytest.mark.parametrize(
    "expectation",
    [
        {"path": "rate.mean", "equals": 98.0, "tolerance": 0.5},
        {"path": "rate.mean", "equals": 98.4},
        {"path": "rate.min", "equals": None},
        {"path": "beats", "length": 2},
        {"path": "beats", "length": 3, "tolerance": 1},
        {"path": "beats.0.class", "equals": "N"},
        {"path": "beats.-1.time_s", "equals": 1.25},
        {"path": "rr_s", "equals": [0.6, 0.6], "tolerance": 0.03},
        {"path": "findings", "equals": []},
        {"path": "calibrated", "equals": True},
        {"path": "rate.mean", "at_least": 98},
        {"path": "rate.mean", "at_most": 98.4},
        {"path": "count", "equals": 2.0},
    ],
)
def test_what_holds_is_no_difference(expectation: dict[str, Any]) -> None:
    assert differences(**expectation) == []


@pytest.mark.parametrize(
    ("expectation", "expected", "actual"),
    [
        ({"path": "rate.mean", "equals": 97.0, "tolerance": 1.0}, 97.0, 98.4),
        ({"path": "rate.median", "equals": 97.0}, 97.0, "missing"),
        ({"path": "beats.2.class", "equals": "N"}, "N", "missing"),
        ({"path": "beats.first", "equals": "N"}, "N", "missing"),
        ({"path": "kind.of", "equals": "N"}, "N", "missing"),
        ({"path": "rate.median", "equals": None}, None, "missing"),
        ({"path": "rate.min", "equals": 60}, 60, None),
        ({"path": "rate.mean", "equals": None}, None, 98.4),
        ({"path": "broken", "equals": 1.0, "tolerance": 1e9}, 1.0, "nan"),
        ({"path": "broken", "at_least": 0.0}, ">= 0.0", "nan"),
        ({"path": "broken", "at_most": 0.0}, "<= 0.0", "nan"),
        ({"path": "endless", "at_least": 0.0}, ">= 0.0", "inf"),
        ({"path": "kind", "equals": 1.0}, 1.0, "sweep"),
        ({"path": "rate.mean", "equals": "98.4"}, "98.4", 98.4),
        ({"path": "calibrated", "equals": 1}, 1, True),
        ({"path": "count", "equals": True}, True, 2),
        ({"path": "rate", "equals": 98.4}, 98.4, '{"mean": 98.4, "min": null}'),
        ({"path": "calibrated", "at_least": 0}, ">= 0.0", True),
        ({"path": "rate.mean", "at_least": 99}, ">= 99.0", 98.4),
        ({"path": "kind", "length": 5}, "a list of 5", "sweep"),
        ({"path": "rate.min", "length": 0}, "a list of 0", None),
        ({"path": "kind", "equals": ["sweep"]}, ["sweep"], "sweep"),
    ],
)
def test_each_kind_of_mismatch_is_told_with_both_values(
    expectation: dict[str, Any], expected: Any, actual: Any
) -> None:
    (found,) = differences(**expectation)
    assert found == {
        "path": expectation["path"],
        "expected": expected,
        "actual": actual,
        "tolerance": expectation.get("tolerance"),
    }


def test_a_wrong_length_is_a_difference_of_the_length() -> None:
    (found,) = differences(path="beats", length=5, tolerance=1)
    assert (found["path"], found["expected"], found["actual"]) == ("beats.length", 5, 2)
    (found,) = differences(path="rr_s", equals=[0.62], tolerance=0.1)
    assert (found["path"], found["expected"], found["actual"]) == ("rr_s.length", 1, 2)


def test_a_list_differs_where_it_differs() -> None:
    (found,) = differences(path="rr_s", equals=[0.62, 0.9], tolerance=0.05)
    assert (found["path"], found["expected"], found["actual"]) == ("rr_s.1", 0.9, 0.6)


def test_long_values_are_cut_and_every_difference_is_json() -> None:
    (found,) = differences(path="long", equals="x")
    assert len(found["actual"]) < 130
    json.dumps(found, allow_nan=False)


def test_all_differences_are_told_at_once() -> None:
    expectations = expecting({"path": "kind", "equals": "scroll"}, {"path": "count", "equals": 3})
    assert [one.path for one in compare(expectations, Result(RESULT))] == ["kind", "count"]


def test_a_case_may_expect_an_error_by_its_code() -> None:
    refused = expecting(error="no_trace")
    assert compare(refused, Failure("no_trace", "whatever the words")) == ()
    (found,) = compare(refused, Failure("internal", "a bug"))
    assert (found.path, found.expected, found.actual) == ("error", "no_trace", "internal: a bug")
    (found,) = compare(refused, Result(RESULT))
    assert (found.path, found.expected, found.actual) == ("error", "no_trace", None)


def test_an_error_that_nobody_expected_is_the_one_difference() -> None:
    (found,) = compare(expecting({"path": "kind", "equals": "sweep"}), Failure("no_trace", "Nothing moves."))
    assert (found.path, found.expected, found.actual) == ("error", None, "no_trace: Nothing moves.")


@pytest.mark.parametrize(
    ("document", "mistake"),
    [
        ({"expect": [{"path": "a"}]}, "needs exactly one of"),
        ({"expect": [{"path": "a", "equals": 1, "length": 2}]}, "needs exactly one of"),
        ({"expect": [{"path": "a", "equals": "x", "tolerance": 1}]}, "has a tolerance"),
        ({"expect": [{"path": "a", "at_least": 1, "tolerance": 1}]}, "has a tolerance"),
        ({"expect": [{"path": "a", "equals": 1, "tolerance": -1}]}, "greater than or equal to 0"),
        ({"expect": [{"path": "a", "equal": 1}]}, "Extra inputs"),
        ({"expect": []}, "either a list 'expect'"),
        ({"expect": [{"path": "a", "equals": 1}], "error": "x"}, "either a list 'expect'"),
        ({"schema": "golden-expectations/v2", "error": "x"}, "golden-expectations/v1"),
    ],
)
def test_an_expectation_that_says_nothing_is_refused(document: dict[str, Any], mistake: str) -> None:
    with pytest.raises(ValidationError, match=mistake):
        Expectations.model_validate({"schema": "golden-expectations/v1", **document})


# --- the folder


def folder(root: Path, expected: str | None = '{"schema": "golden-expectations/v1", "error": "x"}') -> Path:
    case = root / "apps/toy/golden/plain"
    case.mkdir(parents=True)
    (case / "input.mov").write_bytes(b"x")
    if expected is not None:
        (case / "expected.json").write_text(expected)
    return root / "apps/toy"


def test_a_case_is_asked_as_a_caller_asks_and_knows_its_folder(tmp_path: Path) -> None:
    (case,) = cases(folder(tmp_path), tmp_path)
    assert case.request == GoldenRequest.model_validate(
        {
            "job_id": "golden-plain",
            "video": {"bucket": "golden", "key": "input.mov"},
            "folder": "apps/toy/golden/plain",
        }
    )


def test_an_app_without_cases_has_none(tmp_path: Path) -> None:
    assert cases(tmp_path, tmp_path) == ()


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        (None, "golden/plain: there is no expected.json beside input.mov"),
        ("{", "golden/plain/expected.json: it is not JSON"),
        (
            '{"schema": "golden-expectations/v1", "expect": [{"path": "a"}]}',
            "expect.0 Value error, 'a' needs exactly one",
        ),
    ],
)
def test_a_broken_case_is_told_by_file_and_mistake(tmp_path: Path, expected: str | None, told: str) -> None:
    with pytest.raises(GoldenUnreadable) as caught:
        cases(folder(tmp_path, expected), tmp_path)
    assert told in caught.value.message
    assert caught.value.code == "golden_unreadable"


def test_a_case_needs_one_input(tmp_path: Path) -> None:
    app = folder(tmp_path)
    (app / "golden/plain/input.mp4").write_bytes(b"y")
    with pytest.raises(GoldenUnreadable, match=r"one input\.\* \(input\.mp4\) and holds input\.mov, input\.mp4"):
        cases(app, tmp_path)


# --- the proof


def a_case(name: str, *expect: dict[str, Any], **more: Any) -> Case:
    return Case(name, f"apps/toy/golden/{name}", "input.mp4", expecting(*expect, **more))


def proved(found: tuple[Case, ...], **answers: list[Event]) -> list[Event]:
    """The events of a proof of an app that answers each case so."""

    async def analyze(asked: AnalyzeRequest) -> AsyncIterator[Event]:
        for event in answers[asked.job_id.removeprefix("golden-")]:
            yield event

    async def run() -> list[Event]:
        return [event async for event in prove(found, analyze)]

    return asyncio.run(run())


GOOD = a_case("good", {"path": "kind", "equals": "sweep"})
BAD = a_case("bad", {"path": "kind", "equals": "scroll"})


def test_a_proof_passes_progress_on_and_ends_with_one_report() -> None:
    events = proved(
        (BAD, GOOD), bad=[Progress("read", 0.5), Result(RESULT)], good=[Progress("read", 0.1), Result(RESULT)]
    )
    assert events[:-1] == [Progress("read", 0.5), Progress("read", 0.1)]
    last = events[-1]
    assert isinstance(last, Result)
    report = json.loads(json.dumps(last.result, allow_nan=False))
    seconds = [case.pop("seconds") for case in report["cases"]]
    assert all(0 <= one < 5 for one in seconds)
    assert report == {
        "schema": "golden/v1",
        "passed": False,
        "cases": [
            {
                "name": "bad",
                "passed": False,
                "differences": [{"path": "kind", "expected": "scroll", "actual": "sweep", "tolerance": None}],
            },
            {"name": "good", "passed": True, "differences": []},
        ],
    }


def test_an_app_that_ends_without_an_answer_does_not_pass() -> None:
    (last,) = proved((GOOD,), good=[])
    assert isinstance(last, Result)
    assert last.result["cases"][0]["differences"][0]["actual"].startswith("internal: ")


def test_a_busy_app_is_not_judged() -> None:
    events = proved((GOOD, BAD), good=[Failure("busy", "all replicas are busy")])
    assert events == [Failure("busy", "all replicas are busy")]


# --- the shipped apps, in Ray's local testing mode, from their packages


def unpacked(name: str, to: Path) -> Path:
    (app,) = (one for one in SERVE_APPS if one.name == name)
    package = app_package(ROOT, app)
    assert package is not None
    with zipfile.ZipFile(BytesIO(package.content)) as archive:
        archive.extractall(to)
    return to


def run_golden(where: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "kit.golden", *arguments],
        cwd=where,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(where), "AWS_DEFAULT_REGION": "us-east-1"},
    )


@pytest.mark.parametrize("app", [app.name for app in SERVE_APPS])
def test_a_shipped_app_passes_its_golden_cases_from_its_own_package(app: str, tmp_path: Path) -> None:
    answer = run_golden(unpacked(app, tmp_path), app)
    assert answer.returncode == 0, answer.stdout + answer.stderr[-4000:]
    report = json.loads(answer.stdout)
    assert report["schema"] == "golden/v1"
    assert report["passed"]
    assert report["cases"]


def test_a_golden_that_does_not_hold_fails_the_command_and_names_the_difference(tmp_path: Path) -> None:
    where = unpacked("signal_quality", tmp_path)
    expected = where / "apps/signal_quality/golden/screen/expected.json"
    expected.write_text(expected.read_text().replace('"equals": "good"', '"equals": "poor"'))
    answer = run_golden(where, "signal_quality", "--case", "screen", "--results", "out")
    assert answer.returncode == 1, answer.stderr[-4000:]
    (case,) = json.loads(answer.stdout)["cases"]
    assert case["differences"] == [{"path": "grade", "expected": "poor", "actual": "good", "tolerance": None}]
    assert json.loads((where / "out/screen.json").read_text())["grade"] == "good"


def test_an_app_that_is_not_there_is_told_so() -> None:
    answer = run_golden(ROOT / "services/ray_serve", "nobody")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "there is no apps/nobody/app.py" in answer.stderr
