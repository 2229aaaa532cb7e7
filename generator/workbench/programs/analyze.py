"""One video through one app, in Ray's local testing mode: all of the app in this process, no cluster, no HTTP.

Run in .venv-serve inside an unpacked package, by `generator.workbench.attempt`:
    analyze.py < {"application": of serve.yaml, "bucket", "key", "options"}  ->  the events, one a line
Objects come from wherever boto3 finds S3 in the environment. `user_config` is not applied: there are no replicas to
reconfigure, each deployment runs with its defaults.
"""

import asyncio
import importlib
import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")


async def main() -> None:
    """Read the question, print the events as they come."""
    from kit.contract import AnalyzeRequest, VideoObject, to_line
    from kit.ingress import safely

    asked = json.load(sys.stdin)
    events, sys.stdout = sys.stdout, sys.stderr  # whatever the app prints is no event
    video = VideoObject(bucket=asked["bucket"], key=asked["key"])
    request = AnalyzeRequest(job_id="try", video=video, options=asked["options"])
    handle = await asyncio.to_thread(_started, asked["application"])
    analyze = handle.options(method_name="analyze", stream=True)
    async for event in safely(request, analyze.remote):
        events.write(to_line(event).decode())
        events.flush()


def _started(application: Mapping[str, Any]) -> Any:
    from ray import serve

    # A name of Ray's own, so the pinned version matters.
    from ray.serve._private.api import call_user_app_builder_with_args_if_necessary

    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    module, _, builder = application["import_path"].partition(":")
    app = call_user_app_builder_with_args_if_necessary(
        vars(importlib.import_module(module))[builder], application["args"]
    )
    return serve.run(app, name=application["name"], route_prefix=None, _local_testing_mode=True)


if __name__ == "__main__":
    asyncio.run(main())
