"""The state machine, pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ecg_api import jobs
from ecg_api.errors import ChangeRefused
from ecg_api.ids import is_id, new_id
from ecg_api.jobs import FINAL, TRANSITIONS, Change, Claim, Failure, Guard, Job, JobState, Owner, changed

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JOB = Job(Owner("local"), "id", JobState.QUEUED, "a.mp4", 9, "video/mp4", "videos/local/id/source.mp4", NOW, NOW)
MINE = Claim("mine", "m1", 100)


def test_every_state_can_be_deleted_and_deleted_is_the_end() -> None:
    for state, targets in TRANSITIONS.items():
        assert (JobState.DELETED in targets) is (state is not JobState.DELETED)


def test_final_states_lead_nowhere_but_to_deletion_and_failed_ones_to_another_try() -> None:
    for state in FINAL:
        assert TRANSITIONS[state] <= {JobState.DELETED} | ({JobState.QUEUED} if state is JobState.FAILED else set())


def test_a_change_that_the_table_of_transitions_does_not_know_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="no transition from done to queued"):
        Change(JobState.QUEUED, (Guard(JobState.DONE),))


def test_a_claim_counts_an_attempt_and_handing_back_takes_it_off_again() -> None:
    claimed = changed(JOB, jobs.claimed(MINE, 100), NOW)
    assert (claimed.state, claimed.attempts, claimed.claim) == (JobState.ANALYSING, 1, MINE)
    back = changed(claimed, jobs.handed_back("mine"), NOW)
    assert (back.state, back.attempts, back.claim) == (JobState.QUEUED, 0, None)
    assert changed(claimed, jobs.to_be_retried("mine"), NOW).attempts == 1


def test_only_the_holder_of_the_claim_can_end_an_analysis() -> None:
    claimed = changed(JOB, jobs.claimed(MINE, 100), NOW)
    for change in (jobs.done("other", "k"), jobs.failed("other", Failure("a", "b")), jobs.handed_back("other")):
        with pytest.raises(ChangeRefused) as refused:
            changed(claimed, change, NOW)
        assert refused.value.current == claimed
    assert changed(claimed, jobs.done("mine", "k"), NOW).result_key == "k"


def test_a_claim_that_was_not_renewed_can_be_taken_over_by_any_message() -> None:
    claimed = changed(JOB, jobs.claimed(MINE, 100), NOW)
    other = Claim("other", "m2", 300)
    with pytest.raises(ChangeRefused):
        changed(claimed, jobs.claimed(other, 100), NOW)
    assert changed(claimed, jobs.claimed(other, 101), NOW).claim == other
    renewed = changed(claimed, jobs.renewed(replace(MINE, until=200)), NOW)
    with pytest.raises(ChangeRefused):
        changed(renewed, jobs.claimed(other, 101), NOW)


def test_a_redelivery_takes_an_analysis_over_and_a_duplicate_does_not() -> None:
    claimed = changed(JOB, jobs.claimed(MINE, 100), NOW)
    again = Claim("again", "m1", 100)
    assert changed(claimed, jobs.claimed(again, 100), NOW).claim == again
    with pytest.raises(ChangeRefused):
        changed(claimed, jobs.claimed(Claim("duplicate", "m2", 100), 100), NOW)


def test_a_deleted_job_keeps_no_name_and_no_result() -> None:
    finished = replace(JOB, state=JobState.DONE, result_key="k")
    tombstone = changed(finished, jobs.deleted(123), NOW)
    assert (tombstone.name, tombstone.result_key, tombstone.expires_at) == ("", None, 123)


def test_ids_sort_by_time_and_have_one_spelling() -> None:
    early, late = new_id(NOW), new_id(datetime(2026, 11, 23, 12, 0, 1, tzinfo=UTC))
    assert early < late
    assert is_id(early)
    for other in (early.upper(), early.replace("-", ""), "../" + early, early + "\n", "", "local"):
        assert not is_id(other)
