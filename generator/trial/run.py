"""The whole pipeline on this machine, from rendering to a read sample.

The sample is read once: this run of it is the proof of the deployment (`sync.proof`), judged by the same tolerance, so
`release` is told to prove nothing. It differs in that the video stays, to be looked at, and that nothing goes back.
"""

import json
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from generator.checkout import TEMPLATES
from generator.deployment import Desired, committed
from generator.desired import desired_tree
from generator.errors import EcgError
from generator.local.demo_user import DEMO_USER
from generator.local.system import LocalSystem
from generator.local.viewer import viewer_url
from generator.proving import SAMPLE, truth_of
from generator.release import release
from generator.render.writer import write_tree
from generator.report.live import showing
from generator.sync.agreement import compare
from generator.sync.apply import Outcome
from generator.sync.proof import Analysis, JobProgress, ProofFailed, Step
from generator.trial.scorecard import scorecard, stages
from generator.trial.target import bootstrap_here, local_target, signed_in, without_effect


class ScoringFailed(EcgError):
    """The result could not be compared with the truth."""

    def __init__(self, said: str) -> None:
        super().__init__(f"scoring the result failed: {said}\n  next: make install, then try again")


def run_trial(root: Path, environment: str, state: Path, *, once: bool, console: Console | None = None) -> None:
    """Render an environment, start, apply, read the sample, show it; then stay up until Ctrl-C unless `once`.

    Raises EcgError of any step; everything started is stopped on the way out.
    """
    console = console or Console()
    with _terminated_as_interrupted():
        try:
            _trial(root, environment, state, once, console)
        except KeyboardInterrupt:
            console.print("stopped")


def _trial(root: Path, environment: str, state: Path, once: bool, console: Console) -> None:
    _title(console, "render")
    changed = write_tree(root / TEMPLATES / environment, desired_tree(root, environment))
    console.print(f"templates_out/{environment}: {len(changed)} files changed" if changed else "up to date")
    desired = committed(root, environment)
    _title(console, "embedded AWS")
    with _working(console, "starting"):
        system = LocalSystem(state)
        system.start()
    try:
        console.print(f"up at {system.connection.endpoint_url}, state under {_short(root, state)}")
        outcome = _apply(root, desired, system, console)
        url = _sample(root, environment, state, system, outcome, console)
        if not once:
            _stay_up(url, system, console)
    finally:
        with _working(console, "stopping"):
            system.stop()


def _apply(root: Path, desired: Desired, system: LocalSystem, console: Console) -> Outcome:
    _title(console, f"apply templates_out/{desired.manifest.name}")
    for line in without_effect(root, desired.manifest.name):
        console.print(f"not emulated: {line}", style="yellow", soft_wrap=True)
    with showing(console) as report:
        target, clients = local_target(root, desired, system.connection, system)
        bootstrap_here(root, desired, clients)
        outcome = release(root, desired, target, clients, report, proved=False)
    console.print("applied" if outcome.changed else "nothing to change")
    return outcome


def _sample(root: Path, environment: str, state: Path, system: LocalSystem, outcome: Outcome, console: Console) -> str:
    _title(console, f"{SAMPLE}, through CloudFront, load balancer and API")
    connection = system.connection
    url = viewer_url(outcome.outputs["cdn"]["DistributionDomainName"], connection.port)
    client = signed_in(url, connection, outcome.outputs["identity"]["UserPoolId"])
    client.health()
    with _working(console, "uploading") as show:
        analysis = client.analyse(root / SAMPLE, lambda progress: show(_job_line(progress)))
    kept = _keep(state / "trial", analysis, connection.client("s3"))
    truth = truth_of(root)
    score = _score(root, kept / "result.json", (root / SAMPLE).with_suffix(".truth.json"))
    console.print(scorecard(analysis.result, score, truth))
    console.print(stages(analysis.result, analysis.seconds))
    console.print(f"picture: {_short(root, kept / 'overlay.png')}")
    console.print(f"result:  {_short(root, kept / 'result.json')}")
    if mistakes := compare(analysis.result, truth).mistakes:
        raise ProofFailed(environment, url, Step.AGREEMENT, mistakes)
    return url


def _keep(folder: Path, analysis: Analysis, s3: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(analysis.result), encoding="utf-8")
    overlay = analysis.result["overlay"]
    s3.download_file(overlay["bucket"], overlay["key"], str(folder / "overlay.png"))
    return folder


def _score(root: Path, result: Path, truth: Path) -> Mapping[str, Any]:
    # In the environment that has numpy: the generator's stays light.
    command = [str(root / ".venv-serve/bin/python"), "-m", "tools.ecg_video", "score", str(result), str(truth)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ScoringFailed(done.stderr.strip())
    score: Mapping[str, Any] = json.loads(done.stdout)
    return score


def _stay_up(url: str, system: LocalSystem, console: Console) -> None:
    _title(console, "up; Ctrl-C stops everything and keeps its state")
    console.print(f"page        {url}/, signed in as {DEMO_USER}")
    console.print(f"API         {url}/api/videos")
    console.print(f"AWS         {system.connection.endpoint_url}")
    console.print('aws         eval "$(.venv/bin/ecgctl local-env)"; aws cloudformation list-stacks')
    threading.Event().wait()


def _job_line(progress: JobProgress) -> str:
    return f"{progress.state} {progress.stage} {progress.fraction:.0%}" if progress.stage else progress.state


def _title(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/bold]")


def _short(root: Path, path: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


@contextmanager
def _working(console: Console, text: str) -> Iterator[Callable[[str], None]]:
    """A spinner with what is being done; lines where nobody watches a terminal."""
    if not console.is_terminal:
        said: list[str] = []

        def say(line: str) -> None:
            if not said or said[-1] != line:
                said.append(line)
                console.out(f"  {line}", highlight=False)

        yield say
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task(text)
        yield lambda line: shown.update(task, description=line)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does: everything started is stopped."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
