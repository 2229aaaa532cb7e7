"""Who is compared, and under which load."""

from dataclasses import dataclass
from enum import StrEnum

from tools.bench_serve.windows import sample_windows


class Runs(StrEnum):
    """What has to run for a contender. Contenders that need the same are measured on one start of it."""

    LOOP = "limit"
    OUR_APP = "ours"
    OUR_APP_BEHIND_HAPROXY = "haproxy"
    PLAIN = "plain"
    BATCHED = "batched"
    LIT = "lit"


class LoadName(StrEnum):
    """`VIDEO`: all windows of a 30 s video in a request. `SMALL`: one window in a request."""

    VIDEO = "video"
    SMALL = "small"


@dataclass(frozen=True)
class Load:
    """`concurrency` callers, each sending its next request, of `windows` windows, when it has its answer."""

    name: LoadName
    windows: int
    concurrency: int


def loads() -> tuple[Load, Load]:
    """What the targets are about."""
    _, a_video = sample_windows()
    return Load(LoadName.VIDEO, a_video, 16), Load(LoadName.SMALL, 1, 64)


@dataclass(frozen=True)
class Contender:
    """One row of the table. `by_handle`: the callers sit in another deployment of the app, as its reader does."""

    name: str
    runs: Runs
    path: str = "/"
    by_handle: bool = False
    loads: frozenset[LoadName] = frozenset(LoadName)


_VIDEO = frozenset({LoadName.VIDEO})

LIMIT = Contender("raw torch loop (the limit)", Runs.LOOP)
OURS = Contender("our app on Ray Serve", Runs.OUR_APP, "/beats")
OURS_BY_HANDLE = Contender("  by handle, as its reader calls", Runs.OUR_APP, "/reader", by_handle=True, loads=_VIDEO)
BEHIND_HAPROXY = Contender("our app behind HAProxy", Runs.OUR_APP_BEHIND_HAPROXY, "/beats")
BEHIND_HAPROXY_BY_HANDLE = Contender(
    "  by handle, as its reader calls it", Runs.OUR_APP_BEHIND_HAPROXY, "/reader", by_handle=True, loads=_VIDEO
)
BATCHED = Contender("FastAPI, batches in process", Runs.BATCHED)
LITSERVE = Contender("LitServe", Runs.LIT)
REQUEST_A_CALL = Contender("FastAPI, a request a call", Runs.PLAIN, "/request-a-call")
WINDOW_A_CALL = Contender("FastAPI, a window a call", Runs.PLAIN, "/window-a-call", loads=_VIDEO)
"""Unbatched; `REQUEST_A_CALL` has a video's windows as a batch. With one window in a request they are the same."""

CONTENDERS = (
    LIMIT,
    OURS,
    OURS_BY_HANDLE,
    BEHIND_HAPROXY,
    BEHIND_HAPROXY_BY_HANDLE,
    BATCHED,
    LITSERVE,
    REQUEST_A_CALL,
    WINDOW_A_CALL,
)
