"""`python -m kit.golden APP`: an app's golden cases in Ray's local testing mode, in this process; the report as JSON.

Run it in services/ray_serve (or with that on PYTHONPATH). All deployments of the app live here, one replica each, with
their default settings: no cluster, no serve.yaml, no HTTP. Exit codes: 0 all cases passed, 1 some did not, 2 the app
could not be tried.
"""

import argparse
import asyncio
import importlib
import json
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from kit.contract import AnalyzeRequest, AppError, Event, Failure, Result
from kit.golden.cases import Case, cases
from kit.golden.proof import Analyze, prove
from kit.storage import PACKAGE


def main(arguments: list[str] | None = None) -> int:
    """Run the cases, print the report. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m kit.golden", description=__doc__)
    parser.add_argument("app", help="the app's folder below apps/, as ecg_rhythm")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case; may be repeated")
    parser.add_argument("--results", type=Path, metavar="DIR", help="write each case's whole result there, as JSON")
    options = parser.parse_args(arguments)
    folder = PACKAGE / "apps" / options.app
    if not (folder / "app.py").is_file():
        return _refused(f"there is no apps/{options.app}/app.py")
    try:
        found = tuple(case for case in cases(folder) if not options.case or case.name in options.case)
    except AppError as error:
        return _refused(error.message)
    if not found:
        return _refused(f"apps/{options.app} has no such golden case; make golden/<case>/input.mp4 and expected.json")
    last = asyncio.run(_last_event(options.app, found, options.results))
    if not isinstance(last, Result):
        return _refused(f"the cases were not run: {last}")
    sys.stdout.write(json.dumps(last.result, indent=2, allow_nan=False) + "\n")
    return 0 if last.result["passed"] else 1


async def _last_event(app: str, found: tuple[Case, ...], results: Path | None) -> Event | None:
    from kit.ingress import safely

    def keep(case: Case, outcome: Result | Failure) -> None:
        if results:
            results.mkdir(parents=True, exist_ok=True)
            match outcome:
                case Result(result):
                    document = result
                case Failure(code, message):
                    document = {"error": code, "message": message}
            (results / f"{case.name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    analyze = await asyncio.to_thread(_running, app)
    last = None
    async for event in prove(found, lambda asked: safely(asked, analyze), seen=keep):
        last = event
    return last


def _running(app: str) -> Analyze:
    """Start the app in this process; its `analyze`."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from ray import serve
    from ray.serve._private.api import call_user_app_builder_with_args_if_necessary

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    build = importlib.import_module(f"apps.{app}.app").build
    # As Ray itself makes the builder's typed arguments; a name of Ray's own, so the pinned version matters.
    application = call_user_app_builder_with_args_if_necessary(build, {})
    handle = serve.run(application, name=app, route_prefix=f"/{app}", _local_testing_mode=True)

    def analyze(asked: AnalyzeRequest) -> AsyncIterator[Event]:
        events: AsyncIterator[Event] = handle.options(method_name="analyze", stream=True).remote(asked)
        return events

    return analyze


def _refused(why: str) -> int:
    sys.stderr.write(f"kit.golden: {why}\n")
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
