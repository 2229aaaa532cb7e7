"""How often apply looks at what it waits for."""

from contextlib import ExitStack

import pytest

from generator.sync.pace import Pace


@pytest.mark.parametrize("minutes", [0.1, 1, 5, 20])
def test_the_end_of_an_operation_is_seen_at_most_a_tenth_of_its_time_later(minutes: float) -> None:
    pace, waited = Pace(), 0.0
    while waited < minutes * 60:
        waited += pace.pause(waited)
    assert waited <= minutes * 60 * 1.1


def test_nobody_waits_longer_than_two_seconds_while_few_wait() -> None:
    pace = Pace()
    assert [pace.pause(waited) for waited in (0.0, 5.0, 3600.0)] == [0.2, 0.5, 2.0]


def test_all_who_wait_together_look_no_more_than_ten_times_a_second() -> None:
    pace = Pace()
    with ExitStack() as together:
        for _ in range(16):
            together.enter_context(pace.waiting())
        assert 16 / pace.pause(0.0) <= 10.0
    assert pace.pause(0.0) == 0.2
