"""The ledger of deployments, and going back by it."""

import pytest

from generator.sync.errors import CallRefused
from generator.sync.ledger import Deployment, Ledger, Result, StackResult
from generator.sync.rollback import NothingToRollBackTo, good_before, revert_commands
from tests.generator.sync.worlds import FakeClock, InMemoryLedger

ONE = {"manifest.yaml": "one", "stacks/api.yaml": "same"}
TWO = {"manifest.yaml": "two", "stacks/api.yaml": "same"}
STACKS = {"api": StackResult("updated", 12.5)}


@pytest.fixture
def store() -> InMemoryLedger:
    return InMemoryLedger(FakeClock())


@pytest.fixture
def ledger(store: InMemoryLedger) -> Ledger:
    return Ledger(store, "dev")


def deploy(ledger: Ledger, files: dict[str, str], commit: str, result: Result = Result.SUCCEEDED) -> Deployment:
    return ledger.end(ledger.begin(files, "alice", commit, "d" * 64), result, STACKS)


def test_a_record_says_who_what_how_long_and_with_which_outcome(ledger: Ledger) -> None:
    deploy(ledger, ONE, "c" * 40)
    (found,) = ledger.history()
    assert (found.who, found.commit, found.digest, found.result) == ("alice", "c" * 40, "d" * 64, Result.SUCCEEDED)
    assert found.stacks == STACKS
    assert found.seconds is not None
    assert found.seconds > 0


def test_nothing_that_was_written_is_ever_written_again(ledger: Ledger, store: InMemoryLedger) -> None:
    deploy(ledger, ONE, "a")
    before = dict(store.texts)
    deploy(ledger, ONE, "b")
    assert before.items() <= store.texts.items()
    assert len(store.texts) == len(before) + 2  # a beginning and an end: the files are there already


def test_a_deployment_that_was_killed_is_seen_as_running_without_an_end(ledger: Ledger) -> None:
    deploy(ledger, ONE, "a")
    ledger.begin(TWO, "bob", "b", "")
    assert [(one.commit, one.result) for one in ledger.history()] == [("b", Result.RUNNING), ("a", Result.SUCCEEDED)]


def test_history_is_newest_first_and_bounded(ledger: Ledger) -> None:
    for commit in "abcde":
        deploy(ledger, ONE, commit)
    assert [one.commit for one in ledger.history(limit=2)] == ["e", "d"]


def test_environments_do_not_see_each_other(store: InMemoryLedger) -> None:
    deploy(Ledger(store, "dev"), ONE, "a")
    assert Ledger(store, "prod").history() == ()


def test_a_deployed_tree_comes_back_byte_for_byte(ledger: Ledger) -> None:
    files = {"manifest.yaml": "한글 \n", "stacks/api.yaml": "a: 1\n"}
    assert ledger.files(deploy(ledger, files, "a")) == files


def test_a_tree_that_was_tampered_with_is_not_deployed(ledger: Ledger, store: InMemoryLedger) -> None:
    done = deploy(ledger, ONE, "a")
    store.texts[f"deployed/dev/{done.files['manifest.yaml']}"] = "other"
    with pytest.raises(CallRefused, match=r"manifest\.yaml\) is not what was deployed"):
        ledger.files(done)


def test_going_back_means_the_last_good_tree_that_is_another_than_the_last_one(ledger: Ledger) -> None:
    deploy(ledger, ONE, "a")
    deploy(ledger, TWO, "b")
    deploy(ledger, TWO, "c", Result.FAILED)
    assert good_before(ledger.history(), "dev").commit == "a"


def test_a_failed_deployment_is_never_gone_back_to(ledger: Ledger) -> None:
    deploy(ledger, ONE, "a", Result.FAILED)
    deploy(ledger, TWO, "b")
    with pytest.raises(NothingToRollBackTo, match="successful ones: b"):
        good_before(ledger.history(), "dev")


def test_a_revision_may_be_named_by_the_beginning_of_its_commit_or_deployment(ledger: Ledger) -> None:
    first = deploy(ledger, ONE, "abc123")
    deploy(ledger, TWO, "def456")
    assert good_before(ledger.history(), "dev", "abc").commit == "abc123"
    assert good_before(ledger.history(), "dev", first.id).commit == "abc123"
    with pytest.raises(NothingToRollBackTo, match="no successful deployment of fff"):
        good_before(ledger.history(), "dev", "fff")


def test_without_a_history_there_is_nothing_to_go_back_to() -> None:
    with pytest.raises(NothingToRollBackTo):
        good_before((), "dev")


def test_the_way_through_git_reverts_what_lies_between_the_two_commits(ledger: Ledger) -> None:
    good, bad = deploy(ledger, ONE, "a" * 40), deploy(ledger, TWO, "b" * 40)
    assert "git revert --no-edit aaaaaaaaaaaa..bbbbbbbbbbbb" in revert_commands(good, bad)
