"""How long an apply takes where operations take as long as they really do, in virtual time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from generator.plan.plan import plan
from generator.plan.reading import read_pair
from tests.generator.sync.simulation import Environment, deploy, deploy_plainly, environment, generated, longest_chain
from tests.generator.sync.virtual_clock import VirtualClock

TREE = Path(__file__).parents[3] / "templates_out/dev"


def dev() -> Environment:
    return environment({str(file.relative_to(TREE)): file.read_text() for file in TREE.rglob("*.yaml")})


def chain(one: Environment) -> float:
    return longest_chain(one.manifest, one.times.stacks, one.times.artifacts)


@pytest.mark.parametrize("make", [dev, lambda: generated(50, seed=1), lambda: generated(100, seed=1)])
def test_a_first_deployment_takes_at_most_a_fifth_longer_than_its_longest_chain(
    make: Callable[[], Environment],
) -> None:
    one = make()
    assert chain(one) <= deploy(one).seconds <= 1.2 * chain(one)


def test_the_plan_expects_what_the_engine_takes() -> None:
    """Its minutes less those of the Serve apps, which follow the last stack."""
    one, said = dev(), plan(*read_pair({}, dev().files)).rollout
    assert said.minutes - said.steps[-1].minutes == pytest.approx(deploy(one).seconds / 60, rel=0.05)


def test_it_is_no_slower_than_one_stack_after_the_other() -> None:
    one = dev()
    assert deploy(one).seconds < deploy_plainly(one).seconds


def test_a_hundred_stacks_call_cloudformation_no_more_than_twelve_times_a_second() -> None:
    """It throttles an account at about ten; a client that is throttled waits, and loses more than it had gained."""
    assert deploy(generated(100, seed=1)).busiest <= 12


def test_virtual_time_is_the_same_each_time() -> None:
    assert len({deploy(generated(50, seed=2)) for _ in range(3)}) == 1


def test_threads_that_sleep_side_by_side_take_as_long_as_the_longest() -> None:
    clock = VirtualClock()
    with clock.threads(3) as threads:
        tasks = [threads.submit(clock.sleep, seconds) for seconds in (60, 3600, 5)]
        for task in tasks:
            task.result()
    assert clock.monotonic() == 3600


def test_threads_that_are_too_few_take_longer() -> None:
    clock = VirtualClock()
    with clock.threads(2) as threads:
        tasks = [threads.submit(clock.sleep, 60) for _ in range(3)]
        for task in tasks:
            task.result()
    assert clock.monotonic() == 120
