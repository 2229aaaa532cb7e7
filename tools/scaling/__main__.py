"""`python -m tools.scaling`, or `make scaling`: boxes needed for N videos an hour, by simulation and in closed form."""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import yaml

from generator.plan.cost_prices import price_book
from generator.plan.reading import read
from tools.scaling.bill import bill, cheapest, settings, unpriced
from tools.scaling.plant import MEASURED, Outage, Plant, ServiceTimes, Video
from tools.scaling.sizing import Sizing, TooMany, held, least_boxes, size
from tools.scaling.traffic import HOUR, Profile, videos

ROOT = Path(__file__).resolve().parents[2]
BOX_USD_HOUR = 0.526
"""g4dn.xlarge, us-east-1, on demand: generator/plan/prices.yaml. The box alone: no volume, address or traffic."""


def parser() -> argparse.ArgumentParser:
    """The arguments; what they assume unless told otherwise is in their help."""
    one = argparse.ArgumentParser(
        prog="python -m tools.scaling",
        description="Boxes needed for N videos an hour: discrete-event simulation beside the closed form.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    one.add_argument("--measure", action="store_true", help="measure a reading's seconds here, print them, and end")
    one.add_argument("--repeats", type=int, default=3, help="of each measurement; the least counts")
    one.add_argument("--measured", type=Path, default=MEASURED, help="service times, as --measure prints them")
    one.add_argument("--serve", type=Path, default=ROOT / "templates_out/dev/serve.yaml", help="the declared replicas")
    one.add_argument("--videos", type=float, nargs="+", default=[100, 300, 1000, 3000], help="an hour, the day's mean")
    one.add_argument("--profile", type=Profile, nargs="+", default=list(Profile), help="even, or day (made-up peaks)")
    one.add_argument("--hours", type=float, default=24, help="simulated, from midnight")
    one.add_argument("--target-s", type=float, default=60, help="95 of 100 videos begin to be read within this")
    one.add_argument("--duration-s", type=float, default=30, help="mean length of a video")
    one.add_argument("--duration-cv", type=float, default=0.5, help="its standard deviation over its mean")
    one.add_argument("--transfer-s", type=float, default=0, help="download and upload of a video; not measured here")
    one.add_argument("--readers", type=int, help="TraceReader replicas on a box, instead of the declared ones")
    one.add_argument("--tasks", type=int, default=0, help="API tasks; 0: enough for twice as many jobs as readers")
    one.add_argument("--slots", type=int, default=2, help="jobs under way in an API task (WORKER_CONCURRENCY)")
    one.add_argument("--outage-min", type=float, default=0, help="one box is lost at 09:00 for so many minutes")
    one.add_argument("--box-usd-hour", type=float, default=BOX_USD_HOUR, help="what a box costs")
    one.add_argument("--a-day", type=float, nargs="+", metavar="N", help="the monthly bill of N videos a day instead")
    one.add_argument("--environment", default="dev", help="with --a-day: whose templates the rest is priced by")
    one.add_argument("--at-least", type=int, default=1, help="with --a-day: boxes, however few would do")
    one.add_argument("--all", action="store_true", help="with --a-day: every setting, not the cheapest alone")
    one.add_argument("--seed", type=int, default=1, help="of everything random")
    return one


def main(arguments: list[str] | None = None) -> int:
    """Print the tables. Exit code 1: some row has no answer."""
    given = parser().parse_args(arguments)
    if given.measure:
        from tools.scaling.measure import measure, show  # torch and OpenCV: seconds

        print("\n".join(show(measure(given.repeats))))
        return 0
    service = ServiceTimes.measured(given.measured)
    plant = Plant.of(yaml.safe_load(given.serve.read_text()), boxes=1, tasks=given.tasks, slots=given.slots)
    plant = replace(plant, readers=given.readers or plant.readers)
    print("\n".join(assumed(given, service, plant)))
    try:
        if given.a_day:
            for line in bills(given, service, plant):
                print(line, flush=True)
            return 0
        print("\n".join(header()))
        for profile in given.profile:
            for an_hour in given.videos:
                print(_row(given, service, plant, profile, an_hour), flush=True)
    except TooMany as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def assumed(given: argparse.Namespace, service: ServiceTimes, plant: Plant) -> Iterator[str]:
    per_frame = 1000 * statistics.fmean(service.read_per_frame)
    yield (
        f"a frame {per_frame:.2f} ms, a video's result and overlay {service.write:.2f} s, a batch "
        f"{1000 * service.batch:.2f} ms and {1000 * service.window:.4f} ms a window: CPU seconds, {given.measured.name}"
    )
    yield (
        f"videos of {given.duration_s:g} s (cv {given.duration_cv:g}), 30 frames a second; {plant.readers} readers and "
        f"{plant.cores:g} cores a box; {given.slots} jobs an API task; {given.hours:g} h; seed {given.seed}"
    )
    yield f"95 of 100 videos begin to be read within {given.target_s:g} s"
    if given.outage_min:
        yield f"one box is lost at 09:00 for {given.outage_min:g} min"
    yield ""


def header() -> Iterator[str]:
    columns = "profile", "videos/h", "boxes", "API tasks", "p95 wait, s", "busy", "429", "USD/1000", "hourly"
    yield f"| {' | '.join((*columns, 'closed form: p95, s', 'boxes'))} |"
    yield "|---" * 11 + "|"


def bills(given: argparse.Namespace, service: ServiceTimes, plant: Plant) -> Iterator[str]:
    """The table of `--a-day`: the setting that costs least and keeps the waiting time, and what it costs."""
    folder = ROOT / "templates_out" / given.environment
    texts = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.yaml")}
    tree, book = read(texts, given.environment), price_book()
    ways = ["on demand", *book.purchases]
    yield f"USD a month; the rest: templates_out/{given.environment} with the use of so many videos"
    yield ""
    columns = ["videos/day", "profile", "box", "readers", "boxes", "p95 wait, s", *(f"boxes, {way}" for way in ways)]
    yield f"| {' | '.join([*columns, 'the rest', 'all, on demand', 'all, least'])} |"
    yield "|---" * (len(columns) + 3) + "|"
    for a_day in given.a_day:
        for profile in given.profile:
            an_hour = a_day / 24
            arriving, outages = _arriving(given, service, profile, an_hour)
            peak = an_hour * profile.peak / HOUR
            found = settings(plant, service, arriving, peak, given.target_s, given.at_least, outages)
            priced = [bill(one, tree, book, a_day) for one in found]
            for one in priced if given.all else [cheapest(priced)]:
                setting, boxes = one.setting, one.boxes
                yield (
                    f"| {a_day:g} | {profile} | {setting.kind} | {setting.readers} | {setting.boxes} | "
                    f"{setting.wait:.1f} | {' | '.join(f'{boxes[way]:,.0f}' for way in ways)} | {one.rest:,.0f} | "
                    f"{boxes['on demand'] + one.rest:,.0f} | {min(boxes.values()) + one.rest:,.0f} |"
                )
    if missing := unpriced(tree, book):
        yield ""
        yield f"without a known price, and in no column: {', '.join(missing)}"


def _arriving(
    given: argparse.Namespace, service: ServiceTimes, profile: Profile, an_hour: float
) -> tuple[tuple[Video, ...], tuple[Outage, ...]]:
    arriving = tuple(
        videos(
            an_hour,
            given.hours,
            service,
            profile=profile,
            duration=given.duration_s,
            duration_cv=given.duration_cv,
            transfer=given.transfer_s,
            seed=given.seed,
        )
    )
    return arriving, (Outage(0, 9 * HOUR, 9 * HOUR + 60 * given.outage_min),) if given.outage_min else ()


def _row(given: argparse.Namespace, service: ServiceTimes, plant: Plant, profile: Profile, an_hour: float) -> str:
    arriving, outages = _arriving(given, service, profile, an_hour)
    found: Sizing = size(plant, service, arriving, an_hour * profile.peak / HOUR, given.target_s, outages)
    seconds = held(plant, service, arriving)
    by_hour = [
        least_boxes(plant, seconds, profile.rate(an_hour / HOUR, hour * HOUR), given.target_s) for hour in range(24)
    ]
    cost = 1000 * given.box_usd_hour / an_hour
    outcome = found.outcome
    return (
        f"| {profile} | {an_hour:g} | {found.plant.boxes} | {found.plant.tasks} | {outcome.wait_at(0.95):.1f} | "
        f"{100 * found.utilisation:.0f} % | {outcome.turned_away} | {cost * found.plant.boxes:.2f} | "
        f"{cost * statistics.fmean(by_hour):.2f} | {found.theory:.1f} | {found.theory_boxes} |"
    )


if __name__ == "__main__":
    raise SystemExit(main())
