"""Deployments as text."""

import json
from datetime import UTC, datetime, timedelta

from generator.report.history_text import history_data, history_json, history_text
from generator.sync.ledger import Deployment, Result, StackResult

BEGAN = datetime(2026, 11, 23, 12, tzinfo=UTC)
DONE = Deployment(
    id="ab12cd34",
    environment="dev",
    who="alice@laptop",
    commit="0123456789abcdef",
    digest="d",
    began=BEGAN,
    result=Result.SUCCEEDED,
    ended=BEGAN + timedelta(seconds=93),
    stacks={"network": StackResult("unchanged", 0.1), "api": StackResult("updated", 80.0)},
)
FAILED = Deployment(
    id="ffff0000",
    environment="dev",
    who="github",
    commit="",
    digest="",
    began=BEGAN,
    result=Result.FAILED,
    ended=BEGAN + timedelta(seconds=5),
    stacks={"api": StackResult("failed", 4.0)},
    error="wave 4 failed\nstack api ended in UPDATE_ROLLBACK_COMPLETE",
)
KILLED = Deployment(id="11112222", environment="dev", who="bob", commit="", digest="", began=BEGAN)


def test_a_line_says_when_who_which_commit_how_long_and_what_changed() -> None:
    _, line = history_text([DONE]).splitlines()
    assert line.split("  ") == [
        "2026-11-23 12:00:00", "ab12cd34", "succeeded", "93 s", "0123456789ab", "alice@laptop", "api",
    ]  # fmt: skip


def test_a_failed_deployment_shows_its_reason() -> None:
    assert "    stack api ended in UPDATE_ROLLBACK_COMPLETE" in history_text([FAILED]).splitlines()


def test_a_deployment_without_an_end_is_not_called_failed() -> None:
    assert "running?" in history_text([KILLED])


def test_an_empty_ledger_says_so() -> None:
    assert history_text([]) == "nothing was deployed yet"


def test_json_holds_all_that_the_ledger_says() -> None:
    assert Deployment.from_text(json.dumps(json.loads(history_json([DONE]))[0])) == DONE


def test_the_page_is_told_how_long_a_deployment_took_what_it_changed_and_how_it_ended() -> None:
    done, failed, killed = history_data([DONE, FAILED, KILLED])
    assert (done["outcome"], done["seconds"], done["changed"]) == ("succeeded", 93.0, ["api"])
    assert (failed["outcome"], failed["commit"], failed["error"]) == ("failed", None, FAILED.error)
    assert (killed["outcome"], killed["seconds"]) == ("running", None)
