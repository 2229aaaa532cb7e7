"""How long an apply takes, against the longest chain of operations and against a plain boto3 loop; `make bench-sync`.

    .venv/bin/python tools/bench_sync.py [--runs 3] [--no-emulator] [--stacks 50 100] [--seeds 3] [--json]

Twice. On the embedded AWS, dev from nothing, each run in an AWS of its own: there operations take milliseconds, so that
this shows what the engine itself costs. And in virtual time, where operations take as long as the plan expects them to
(generator/plan/durations.yaml): there the engine runs as it is, and only the clock and CloudFormation are simulated.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from generator.deployment import Desired, committed  # noqa: E402
from generator.local.system import LocalSystem  # noqa: E402
from generator.state_bucket import deploying  # noqa: E402
from generator.sync.apply import apply  # noqa: E402
from generator.sync.pace import Pace  # noqa: E402
from generator.sync.parameters import resolve  # noqa: E402
from generator.sync.run import Target  # noqa: E402
from generator.trial.target import bootstrap_here, local_target  # noqa: E402
from tests.generator.sync.simulation import (  # noqa: E402
    Environment,
    deploy,
    deploy_plainly,
    environment,
    generated,
    longest_chain,
    wave_by_wave,
)


@dataclass(frozen=True)
class Emulated:
    """Seconds of one fresh deployment to the embedded AWS."""

    ours: float
    chain: float
    """The longest chain of the stacks' operations, as their events tell it."""
    slowest: float
    """The longest of these operations: what is in it cannot be shortened by going side by side."""
    loop: float


@dataclass(frozen=True)
class Simulated:
    """Seconds of one first deployment in virtual time."""

    name: str
    stacks: int
    waves: int
    chain: float
    ours: float
    by_waves: float
    loop: float
    busiest: float
    """Calls of CloudFormation a second, in the busiest ten seconds."""


def emulated(desired: Desired) -> Emulated:
    """Ours as `ecgctl apply` does it (lease, ledger, change sets), but for the health gates, which a loop has not."""
    with tempfile.TemporaryDirectory() as folder, LocalSystem(Path(folder), boxes=False) as system:
        target, clients = local_target(ROOT, desired, system.connection, system)
        bootstrap_here(ROOT, desired, clients)
        target = deploying(target, desired.manifest, clients)
        start = time.perf_counter()
        apply(desired.manifest, desired.files, target, lambda _: None)
        ours = time.perf_counter() - start
        seconds = told(desired, clients.make("cloudformation"))
        chain, slowest = longest_chain(desired.manifest, seconds, {}), max(seconds.values())
    with tempfile.TemporaryDirectory() as folder, LocalSystem(Path(folder), boxes=False) as system:
        target, clients = local_target(ROOT, desired, system.connection, system)
        start = time.perf_counter()
        plain_loop(desired, target, clients.make("cloudformation"))
        return Emulated(ours, chain, slowest, time.perf_counter() - start)


def plain_loop(desired: Desired, target: Target, client: Any) -> None:
    """The loop that people write first: create, wait, hand the outputs on; looking as often as the engine does."""
    outputs: dict[str, Mapping[str, str]] = {}
    for stack in (stack for wave in desired.manifest.waves for stack in wave):
        name, values = desired.manifest.stack_id(stack.name), resolve(stack, outputs, target.resolutions)
        client.create_stack(
            StackName=name,
            TemplateBody=desired.files[stack.template],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        since = time.monotonic()
        while (live := client.describe_stacks(StackName=name)["Stacks"][0])["StackStatus"] == "CREATE_IN_PROGRESS":
            time.sleep(Pace().pause(time.monotonic() - since))
        if live["StackStatus"] != "CREATE_COMPLETE":
            raise SystemExit(f"{name} ended in {live['StackStatus']}: nothing to compare")
        outputs[stack.name] = {one["OutputKey"]: one["OutputValue"] for one in live.get("Outputs", ())}
        for artifact in desired.manifest.artifacts:
            if artifact.store.stack == stack.name:
                target.artifacts.publish(artifact, outputs[stack.name][artifact.store.output])


def told(desired: Desired, client: Any) -> Mapping[str, float]:
    """Seconds from the first to the last event of each stack."""
    seconds = {}
    for stack in desired.manifest.stacks:
        name = desired.manifest.stack_id(stack.name)
        pages = client.get_paginator("describe_stack_events").paginate(StackName=name)
        times = [
            event["Timestamp"]
            for page in pages
            for event in page["StackEvents"]
            if event["ResourceStatus"] != "REVIEW_IN_PROGRESS"
        ]
        seconds[stack.name] = (max(times) - min(times)).total_seconds()
    return seconds


def simulated(name: str, one: Environment) -> Simulated:
    """The engine and the loop, each on a clock of its own."""
    done = deploy(one)
    return Simulated(
        name,
        len(one.manifest.stacks),
        len(one.manifest.waves),
        longest_chain(one.manifest, one.times.stacks, one.times.artifacts),
        done.seconds,
        wave_by_wave(one),
        deploy_plainly(one).seconds,
        done.busiest,
    )


def show_emulated(runs: list[Emulated]) -> None:
    ours, chain, slowest, loop = map(statistics.median, zip(*(astuple(run) for run in runs), strict=True))
    print(f"the embedded AWS, dev from nothing: median of {len(runs)} (seconds)")
    print(f"  ours {ours:.1f}, longest chain by CloudFormation's events {chain:.1f}", end=" ")
    print(f"(its slowest operation alone {slowest:.1f}), plain boto3 loop {loop:.1f}")
    beside = statistics.median(run.ours / run.chain for run in runs)
    faster = statistics.median(run.loop / run.ours for run in runs)
    print(f"  ours / chain {beside:.2f}, loop / ours {faster:.2f}; median of the runs' own ratios\n")


def show_simulated(rows: list[Simulated]) -> None:
    print("virtual time, from nothing, operations as long as the plan expects (minutes)")
    print(f"{'':24} {'stacks':>6} {'waves':>5} {'chain':>6} {'ours':>6} {'/chain':>6}", end=" ")
    print(f"{'by waves':>9} {'/chain':>6} {'loop':>6} {'/ours':>6} {'calls/s':>8}")
    for row in rows:
        print(f"{row.name:24} {row.stacks:6} {row.waves:5} {row.chain / 60:6.1f} {row.ours / 60:6.1f}", end=" ")
        print(f"{row.ours / row.chain:6.3f} {row.by_waves / 60:9.1f} {row.by_waves / row.chain:6.3f}", end=" ")
        print(f"{row.loop / 60:6.1f} {row.loop / row.ours:6.2f} {row.busiest:8.1f}")
    print(f"\nours / chain: median {statistics.median(row.ours / row.chain for row in rows):.3f}", end=", ")
    print(f"worst {max(row.ours / row.chain for row in rows):.3f}")
    print("by waves: if each wave waited for the one before and its artifacts; calls/s: in the busiest ten seconds")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Wall time of an apply.")
    parser.add_argument("--runs", type=int, default=3, help="on the embedded AWS")
    parser.add_argument("--no-emulator", action="store_true", help="virtual time alone")
    parser.add_argument("--stacks", type=int, nargs="*", default=[50, 100], help="sizes of generated environments")
    parser.add_argument("--seeds", type=int, default=3, help="environments of each size")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    desired = committed(ROOT, "dev")
    runs = [] if given.no_emulator else [emulated(desired) for _ in range(given.runs)]
    environments = {"dev": environment(desired.files)}
    for size in given.stacks:
        environments |= {f"{size} stacks, seed {seed}": generated(size, seed) for seed in range(1, given.seeds + 1)}
    rows = [simulated(name, one) for name, one in environments.items()]
    if given.json:
        print(json.dumps({"emulated": [asdict(run) for run in runs], "simulated": [asdict(row) for row in rows]}))
        return
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    if runs:
        show_emulated(runs)
    show_simulated(rows)


if __name__ == "__main__":
    main()
