"""Frames are looked at one step behind the decoder, in order, and what goes wrong there is said."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from apps.ecg_rhythm.behind import MOST_WAITING, Behind
from kit.video import Frame


def frames(count: int) -> list[Frame]:
    return [Frame(float(i), np.zeros((2, 2), np.uint8), None) for i in range(count)]


def test_every_frame_is_looked_at_in_order_by_the_end() -> None:
    seen: list[float] = []
    with Behind(lambda frame: seen.append(frame.time_s)) as behind:
        for frame in frames(50):
            behind.put(frame)
    assert seen == [float(i) for i in range(50)]


def test_what_goes_wrong_with_a_frame_is_raised_at_the_end_at_the_latest() -> None:
    def fails(frame: Frame) -> None:
        raise ValueError(f"frame {frame.time_s:g}")

    with pytest.raises(ValueError, match="frame 0"), Behind(fails) as behind:
        behind.put(frames(1)[0])


def test_no_more_frames_wait_than_are_allowed() -> None:
    begun, held = [], threading.Event()

    def slow(frame: Frame) -> None:
        begun.append(frame.time_s)
        held.wait(10)

    with Behind(slow) as behind:
        for frame in frames(MOST_WAITING):
            behind.put(frame)
        one_more = threading.Thread(target=behind.put, args=(frames(1)[0],))
        one_more.start()
        one_more.join(0.2)
        assert one_more.is_alive()
        held.set()
        one_more.join(10)
    assert len(begun) == MOST_WAITING + 1


def test_an_error_of_the_decoder_is_not_hidden_and_the_thread_ends() -> None:
    before = threading.active_count()

    def decoded() -> None:
        with Behind(lambda frame: None) as behind:
            behind.put(frames(1)[0])
            raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        decoded()
    assert threading.active_count() == before
