"""One apply at a time."""

from collections.abc import Callable

import pytest

from generator.sync.errors import CallRefused, LeaseHeld, LeaseLost
from generator.sync.lease import LIFE_SECONDS, Lease, LeaseRecord, Stored
from tests.generator.sync.worlds import FakeClock, InMemoryLease


class Store(InMemoryLease):
    """Loses the answer of one write; does something while its reader looks again."""

    lose: int = -1
    while_reading: Callable[[], None] = staticmethod(lambda: None)

    def write(self, text: str, replacing: str | None) -> str:
        version = super().write(text, replacing)
        if len(self.writes) == self.lose:
            raise CallRefused("writing the lease: ReadTimeoutError", uncertain=True)
        return version

    def read(self) -> Stored | None:
        self.while_reading()
        return super().read()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> Store:
    return Store(clock)


def record(store: InMemoryLease) -> LeaseRecord:
    assert store.stored is not None
    return LeaseRecord.from_text(store.stored.text)


def test_who_comes_second_is_told_who_holds_it_since_when_and_until_when(store: Store, clock: FakeClock) -> None:
    first, second = Lease(store, "alice, run 7", clock), Lease(store, "bob", clock)
    first.acquire()
    store.while_reading = first.renew
    clock.sleep(5)
    with pytest.raises(LeaseHeld) as caught:
        second.acquire()
    assert caught.value.holder == "alice, run 7"
    assert (caught.value.until - caught.value.since).total_seconds() == LIFE_SECONDS + 7
    assert "alice, run 7 is applying since 2026-11-23 00:00:00 UTC" in str(caught.value)


def test_a_holder_that_shows_no_life_is_waited_out_and_then_succeeded(store: Store, clock: FakeClock) -> None:
    Lease(store, "the dead", clock).acquire()
    waited: list[LeaseRecord] = []
    second = Lease(store, "bob", clock)
    second.acquire(waited.append)
    assert [one.holder for one in waited] == ["the dead"]
    assert LIFE_SECONDS <= clock.now <= LIFE_SECONDS + 2
    assert record(store).holder == "bob"


def test_a_lease_that_ended_long_ago_is_taken_at_once(store: Store, clock: FakeClock) -> None:
    Lease(store, "the dead", clock).acquire()
    clock.sleep(3600)
    before = clock.now
    Lease(store, "bob", clock).acquire()
    assert clock.now == before


def test_a_released_lease_is_taken_at_once_and_the_fence_grows_with_each_holder(store: Store, clock: FakeClock) -> None:
    fences = []
    for name in ("alice", "bob", "carol"):
        with Lease(store, name, clock).held() as lease:
            fences.append(lease.fence)
    assert fences == [1, 2, 3]
    assert record(store).released


def test_it_is_released_on_an_error_and_on_ctrl_c(store: Store, clock: FakeClock) -> None:
    for error in (ValueError, KeyboardInterrupt):
        with pytest.raises(error), Lease(store, "alice", clock).held():
            raise error
        assert record(store).released


def test_a_holder_that_wakes_up_after_its_successor_came_can_start_nothing_more(store: Store, clock: FakeClock) -> None:
    sleeper = Lease(store, "sleeper", clock)
    sleeper.acquire()
    clock.sleep(LIFE_SECONDS + 1)
    Lease(store, "bob", clock).acquire()
    with pytest.raises(LeaseLost, match="the lease went to bob"):
        sleeper.renew()
    sleeper.release()
    assert not record(store).released


def test_an_expired_lease_that_nobody_took_can_still_be_renewed(store: Store, clock: FakeClock) -> None:
    lease = Lease(store, "alice", clock)
    lease.acquire()
    clock.sleep(LIFE_SECONDS * 2)
    lease.renew()
    assert record(store).until > store.now()


@pytest.mark.parametrize("lost", [1, 2])
def test_a_write_whose_answer_was_lost_is_recognised_as_ones_own(store: Store, clock: FakeClock, lost: int) -> None:
    store.lose = lost
    lease = Lease(store, "alice", clock)
    lease.acquire()
    lease.renew()
    lease.renew()
    assert record(store).holder == "alice"


def test_of_two_that_find_it_free_only_one_gets_it(store: Store, clock: FakeClock) -> None:
    first, second = Lease(store, "alice", clock), Lease(store, "bob", clock)

    def first_is_faster() -> None:
        store.while_reading = lambda: None
        first.acquire()

    store.while_reading = first_is_faster
    second.acquire()  # after alice's life, in which she does not renew
    assert clock.now >= LIFE_SECONDS
    with pytest.raises(LeaseLost):
        first.renew()


def test_a_lease_that_a_thread_keeps_outlives_its_first_term(store: Store, clock: FakeClock) -> None:
    import time

    with Lease(store, "alice", clock, life=0.03).held():
        deadline = time.monotonic() + 5
        while len(store.writes) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert len(store.writes) >= 4
