"""An app that needs nothing but Ray: it tells the letters of a key. Tests edit its constants as a merge would."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from pydantic import BaseModel
from ray import serve
from ray.serve.handle import DeploymentHandle

from kit.contract import AnalyzeRequest, Event, Progress, Result
from kit.ingress import AppIngress, passed_on

STARTS = True
OFF_BY = 0
BREAKS = False
"""At everything but golden cases: what a golden case cannot see."""


class AppArgs(BaseModel):
    name: str = "steady"
    version: str = "unpublished"


@serve.deployment
class Teller:
    """Tells letters, in as many milliseconds as it is configured to take."""

    def __init__(self, version: str) -> None:
        if not STARTS:
            raise RuntimeError("this version does not start")
        self._version = version
        self._pause_s = 0.0

    def reconfigure(self, user_config: Mapping[str, Any]) -> None:
        self._pause_s = float(user_config["pause_ms"]) / 1000

    async def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        yield Progress("read", 0.0)
        await asyncio.sleep(self._pause_s)
        if BREAKS and asked.video.key.startswith("videos/"):
            raise RuntimeError("a bug")
        letters = len(asked.video.key) + OFF_BY
        yield Result(
            {"schema": "ecg-result/v1", "letters": letters, "pause_s": self._pause_s, "app": {"version": self._version}}
        )


@serve.deployment
class Ingress(AppIngress):
    """HTTP for it."""

    def __init__(self, teller: DeploymentHandle) -> None:
        super().__init__(__file__)
        self._teller = teller.options(stream=True)

    async def analyze(self, asked: AnalyzeRequest) -> AsyncIterator[Event]:
        async for event in passed_on(self._teller.analyze.remote(asked)):
            yield event


def build(args: AppArgs) -> serve.Application:
    # mypy does not see what the decorator adds to a class
    return Ingress.bind(Teller.bind(args.version))  # type: ignore[attr-defined]
