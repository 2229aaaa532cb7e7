"""The simulation of docs/scaling.md: nothing is lost, more boxes never hurt, it agrees with what is known."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from generator.plan.cost import cost_table
from generator.plan.cost_prices import price_book
from generator.plan.reading import read
from generator.plan.tree import Resource, Template
from tools.scaling import __main__ as cli
from tools.scaling.bill import Setting, bill, cheapest, rest, settings, unpriced
from tools.scaling.plant import Outage, Plant, ServiceTimes, Video
from tools.scaling.simulation import Outcome, Simulation, percentile
from tools.scaling.sizing import TooMany, held, size
from tools.scaling.theory import Queue
from tools.scaling.traffic import DAY_SHAPE, HOUR, Profile, videos

ROOT = Path(__file__).parents[2]
NOTHING = ServiceTimes(read_per_frame=(0.004,), write=0.0, windows_per_s=1.0, batch=0.0, window=0.0)
TIMES = ServiceTimes(read_per_frame=(0.004, 0.006), write=0.1, windows_per_s=1.5, batch=0.002, window=0.0001)
ENDLESS = Plant(boxes=1, readers=1, max_queued=-1, batch_units=10_000, batch_wait=0.0, tasks=1, slots=1_000_000)
TREES = ROOT / "templates_out/dev"
DEV = read({path.relative_to(TREES).as_posix(): path.read_text() for path in TREES.rglob("*.yaml")}, "dev")
DECLARED = Plant.of(yaml.safe_load((ROOT / "templates_out/dev/serve.yaml").read_text()), boxes=1, tasks=2, slots=2)


def markovian(rate: float, count: int, seed: int, mean: float = 1.0, steady: bool = False) -> Iterator[Video]:
    """Poisson arrivals; exponential readings, or all of the same length."""
    draw, now = random.Random(seed), 0.0
    for _ in range(count):
        now += draw.expovariate(rate)
        yield Video(now, mean if steady else draw.expovariate(1 / mean), 0.0, 1)


def run(plant: Plant, arriving: Iterator[Video], *outages: Outage) -> Outcome:
    return Simulation(plant, NOTHING, tuple(arriving), outages).run()


@pytest.mark.parametrize("seed", range(8))
def test_every_video_is_done_or_failed_once_whatever_happens(seed: int) -> None:
    draw = random.Random(seed)
    plant = Plant(
        boxes=draw.randint(1, 4),
        readers=draw.randint(1, 3),
        max_queued=draw.choice([-1, 0, 1, 8]),
        batch_units=draw.choice([1, 50, 2048]),
        batch_wait=draw.choice([0.0, 0.01, 1.0]),
        tasks=draw.randint(1, 3),
        slots=draw.randint(1, 9),
    )
    outages = [
        Outage(draw.randrange(plant.boxes), start, start + draw.uniform(1, 200)) for start in range(50, 2000, 500)
    ]
    arriving = tuple(videos(900, 0.7, TIMES, seed=seed))
    outcome = Simulation(plant, TIMES, arriving, outages, seed).run()
    assert len(outcome.stays) + outcome.failed == len(arriving)
    assert len(outcome.waits) == len(outcome.stays)
    assert min(outcome.waits) >= 0
    assert sum(size * times for size, times in outcome.batches.items()) >= len(outcome.stays)


# 60,000 videos: a standard error of 3 % for the mean wait at a load of 0.7, so a tolerance of 8 %.
COUNT, TOLERANCE = 60_000, 0.08


@pytest.mark.parametrize("load", [0.5, 0.7])
def test_one_reader_with_exponential_times_waits_as_m_m_1(load: float) -> None:
    outcome = run(ENDLESS, markovian(load, COUNT, seed=3))
    assert statistics.fmean(outcome.waits) == pytest.approx(load / (1 - load), rel=TOLERANCE)
    assert outcome.wait_at(0.95) == pytest.approx(math.log(load / 0.05) / (1 - load), rel=TOLERANCE)
    assert outcome.busy / outcome.span == pytest.approx(load, rel=0.02)


def test_one_reader_with_equal_times_waits_half_as_long() -> None:
    outcome = run(ENDLESS, markovian(0.7, COUNT, seed=4, steady=True))
    assert statistics.fmean(outcome.waits) == pytest.approx(0.7 / 0.3 / 2, rel=TOLERANCE)


def test_readers_on_several_boxes_are_one_queue_as_m_m_c() -> None:
    outcome = run(replace(ENDLESS, boxes=2, readers=2), markovian(2.8, COUNT, seed=5))
    assert statistics.fmean(outcome.waits) == pytest.approx(Queue(2.8, 4, 1.0).mean_wait, rel=TOLERANCE)
    assert outcome.wait_at(0.95) == pytest.approx(Queue(2.8, 4, 1.0).wait_at(0.95), rel=TOLERANCE)


@pytest.mark.parametrize("profile", list(Profile))
def test_more_boxes_never_wait_longer(profile: Profile) -> None:
    arriving = tuple(videos(1500, 3 if profile is Profile.EVEN else 11, TIMES, profile=profile, seed=6))
    plants = [replace(DECLARED, boxes=boxes, tasks=2 * boxes) for boxes in range(1, 6)]
    outcomes = [Simulation(plant, TIMES, arriving).run() for plant in plants]
    for share in (0.5, 0.95, 0.99):
        waits = [outcome.wait_at(share) for outcome in outcomes]
        assert waits == sorted(waits, reverse=True)
    assert outcomes[0].wait_at(0.95) > 10 * max(outcomes[-1].wait_at(0.95), 0.1)


def test_the_same_seed_gives_the_same_outcome() -> None:
    arriving = tuple(videos(1500, 2, TIMES, seed=6))
    plant = replace(DECLARED, max_queued=0, tasks=8)
    assert Simulation(plant, TIMES, arriving, seed=1).run() == Simulation(plant, TIMES, arriving, seed=1).run()


def test_a_full_queue_costs_a_pause_and_no_attempt() -> None:
    plant = replace(ENDLESS, max_queued=1, max_attempts=1, tasks=8, slots=1)
    outcome = run(plant, iter([Video(0.0, 5.0, 0.0, 1)] * 8))
    assert outcome.turned_away > 0
    assert (len(outcome.stays), outcome.failed) == (8, 0)
    assert outcome.span > 8 * 5.0


def test_fewer_jobs_under_way_than_readers_leave_readers_idle() -> None:
    plant = replace(ENDLESS, boxes=4, readers=2, tasks=1, slots=2)
    outcome = run(plant, iter([Video(0.0, 10.0, 0.0, 1)] * 8))
    assert outcome.span == pytest.approx(40.0)


def test_videos_that_come_together_are_classified_together_up_to_the_limit() -> None:
    plant = replace(ENDLESS, readers=5, batch_units=3, batch_wait=1.0)
    outcome = run(plant, iter([Video(0.0, 1.0, 0.0, 1)] * 5))
    assert outcome.batches == {3: 1, 2: 1}


def test_a_lost_box_breaks_off_its_readings_and_they_are_read_again() -> None:
    plant = replace(ENDLESS, boxes=2)
    outcome = run(plant, iter([Video(0.0, 10.0, 0.0, 1)] * 2), Outage(0, 5.0, 1000.0))
    assert (outcome.broken, outcome.failed, len(outcome.stays)) == (1, 0, 2)
    assert sorted(outcome.stays) == [10.0, 20.0]


def test_a_video_whose_boxes_are_lost_again_and_again_fails_after_its_attempts() -> None:
    losses = [Outage(0, start, start + 1.0) for start in range(5, 500, 40)]
    outcome = run(replace(ENDLESS, max_attempts=3), iter([Video(0.0, 100.0, 0.0, 1)]), *losses)
    assert (outcome.broken, outcome.failed, outcome.stays) == (3, 1, ())


def test_more_readers_than_cores_read_more_slowly() -> None:
    outcome = run(replace(ENDLESS, readers=4, cores=2), iter([Video(0.0, 10.0, 0.0, 1)] * 4))
    assert outcome.span == pytest.approx(0.0 + 20.0)


@pytest.mark.parametrize("profile", list(Profile))
def test_arrivals_keep_the_mean_of_the_day(profile: Profile) -> None:
    arriving = tuple(videos(1000, 48, TIMES, profile=profile, seed=7))
    assert len(arriving) == pytest.approx(48_000, rel=0.02)
    peak = [one for one in arriving if int(one.arrives / HOUR) % 24 == 9]
    assert len(peak) == pytest.approx(2000 * (profile.peak if profile is Profile.DAY else 1), rel=0.1)
    assert len(DAY_SHAPE) == 24


def test_the_declared_replicas_come_from_the_committed_serve_yaml() -> None:
    config = yaml.safe_load((ROOT / "templates_out/dev/serve.yaml").read_text())
    reader = next(one for one in config["applications"][0]["deployments"] if one["name"] == "TraceReader")
    assert (DECLARED.readers, DECLARED.max_queued) == (reader["num_replicas"], reader["max_queued_requests"])
    assert DECLARED.batch_units == 2016  # 128 MiB of 65 KiB each, which is less than the 2,048 that are allowed
    assert DECLARED.cores == 4


def test_the_found_number_of_boxes_keeps_the_target_and_one_less_does_not() -> None:
    arriving = tuple(videos(2000, 6, TIMES, seed=8))
    found = size(replace(DECLARED, tasks=0), TIMES, arriving, 2000 / HOUR, target=10.0)
    assert found.outcome.wait_at(0.95) <= 10.0
    assert found.plant.boxes > 1
    fewer = replace(found.plant, boxes=found.plant.boxes - 1)
    assert Simulation(fewer, TIMES, arriving).run().wait_at(0.95) > 10.0
    assert abs(found.theory_boxes - found.plant.boxes) <= 1


def test_where_the_apis_slots_are_the_bottleneck_no_number_of_boxes_helps() -> None:
    arriving = tuple(videos(2000, 1, TIMES, seed=8))
    assert sum(held(DECLARED, TIMES, arriving)) / HOUR < 4
    with pytest.raises(TooMany, match="--tasks"):
        size(replace(DECLARED, tasks=1, slots=1), TIMES, arriving, 2000 / HOUR, target=10.0)


def test_erlang_c_of_a_textbook() -> None:
    """Two servers at half load: C = 1/3 (Kleinrock, section 3.5)."""
    assert Queue(1.0, 2, 1.0).waiting == pytest.approx(1 / 3)
    assert Queue(1.0, 2, 1.0).mean_wait == pytest.approx(1 / 3)
    assert Queue(2.0, 2, 1.0).mean_wait == math.inf
    assert Queue(0.05, 2, 1.0).wait_at(0.95) == 0.0


def test_a_percentile_is_a_value_that_occurred() -> None:
    assert percentile(range(1, 101), 0.95) == 95
    assert percentile([7.0], 0.95) == 7.0
    assert percentile([], 0.95) == 0.0


def test_the_box_costs_what_the_price_book_says() -> None:
    prices = yaml.safe_load((ROOT / "generator/plan/prices.yaml").read_text())
    assert prices["instances"]["collected"]["g4dn.xlarge"] == cli.BOX_USD_HOUR


def test_the_command_prints_a_row_for_each_rate_and_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--videos", "100", "400", "--hours", "2", "--profile", "even"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| even")]
    assert [row.split(" | ")[1] for row in rows] == ["100", "400"]


def test_the_page_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/scaling.md quotes `make scaling`: the assumptions, and the row that is quick to make again."""
    page = (ROOT / "docs/scaling.md").read_text()
    cli.main(["--videos", "300", "--profile", "day"])
    for line in capsys.readouterr().out.splitlines():
        assert line in page


def test_the_page_of_costs_shows_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/cost.md").read_text()
    cli.main(["--profile", "day", "--a-day", "100", "1000"])
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len(printed) == 4
    for line in printed:
        assert line in page


def test_at_the_videos_of_the_profile_boxes_and_rest_are_what_the_environment_costs() -> None:
    one = bill(Setting("g4dn.xlarge", 2, 1, 0.0), DEV, price_book(), price_book().videos_a_day)
    assert one.boxes["on demand"] + one.rest == pytest.approx(cost_table(DEV).after)


def test_ten_times_the_videos_cost_more_but_no_fixed_charge_does() -> None:
    few, many = (rest(DEV, price_book().for_videos(a_day), 1) for a_day in (100, 1000))
    assert few < many < 10 * few


def test_several_boxes_pay_for_the_load_balancer_before_them() -> None:
    book = price_book()
    assert rest(DEV, book, 2) - rest(DEV, book, 1) == pytest.approx(0.0225 * 730)


def test_the_cheapest_setting_keeps_the_waiting_time() -> None:
    plant = replace(DECLARED, tasks=0)
    arriving = tuple(videos(2000, 3, TIMES, seed=3))
    target = 20.0
    found = [bill(one, DEV, price_book(), 48_000) for one in settings(plant, TIMES, arriving, 2000 / 3600, target)]
    best = cheapest(found)
    assert best.setting.wait <= target
    assert best.boxes["on demand"] == min(one.boxes["on demand"] for one in found)
    assert all(one.boxes["savings-3y"] < one.boxes["savings-1y"] < one.boxes["on demand"] for one in found)


def test_what_has_no_price_is_named() -> None:
    assert unpriced(DEV, price_book()) == ()
    strange = Template("data", {}, {}, {"Odd": Resource("Odd", "AWS::Odd::Thing", {})}, {})
    assert unpriced(replace(DEV, templates={"data": strange}), price_book()) == ("data.Odd (AWS::Odd::Thing)",)
