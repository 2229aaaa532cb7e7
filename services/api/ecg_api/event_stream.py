"""A job's changes as server-sent events (WHATWG HTML, section 9.2).

Each event is the whole job, named `state` when its state changed and `progress` when only its progress did; so a
client that missed some needs nothing but the next. Its id is the job's entity tag: who comes back with the last one
that it saw is told again only what is new. The stream ends when no work is left, and when the process
stops: a browser then connects again by itself, to another task of the service.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import anyio

from ecg_api.errors import Code, Refused, StoreUnavailable
from ecg_api.jobs import FINAL, Job
from ecg_api.views import VideoView, etag_of, video_view


@dataclass(frozen=True, slots=True)
class StreamTiming:
    """How often the job is read, and how often a silent stream shows that it lives; in seconds.

    CloudFront and the load balancer cut a connection that is silent for 30 and 60 s.
    """

    poll_s: float = 1.0
    heartbeat_s: float = 15.0
    reconnect_s: float = 2.0


async def job_events(
    first: Job,
    read: Callable[[], Awaitable[Job]],
    stopping: anyio.Event,
    timing: StreamTiming,
    last_seen: str | None = None,
) -> AsyncIterator[bytes]:
    """Yield the stream's bytes, beginning with the job as it is now (`first`).

    Args:
        first: the job, as read before the answer began.
        read: reads it again; raises Refused once it is gone.
        stopping: ends the stream.
        timing: how often.
        last_seen: the id of the last event that the client has.
    """
    yield f"retry: {round(timing.reconnect_s * 1000)}\n\n".encode()
    job = first
    view = video_view(job)
    last = view if last_seen is not None and last_seen == _id(view.model_dump_json()) else None
    silent_s = 0.0
    while True:
        view = video_view(job)
        if view != last:
            yield _event("state" if last is None or view.state is not last.state else "progress", view)
            last, silent_s = view, 0.0
        if job.state in FINAL:
            return
        with anyio.move_on_after(timing.poll_s):
            await stopping.wait()
        if stopping.is_set():
            return
        silent_s += timing.poll_s
        try:
            job = await read()
        except Refused as gone:
            if gone.code != Code.VIDEO_NOT_FOUND:
                raise
            yield _deleted(job)
            return
        except StoreUnavailable:
            pass  # the next reading may succeed; the client has what was last known
        if silent_s >= timing.heartbeat_s:
            yield b": still here\n\n"
            silent_s = 0.0


def _event(name: str, view: VideoView) -> bytes:
    body = view.model_dump_json()
    return f"event: {name}\nid: {_id(body)}\ndata: {body}\n\n".encode()


def _id(body: str) -> str:
    return etag_of(body.encode())[1:-1]


def _deleted(job: Job) -> bytes:
    return f"event: state\ndata: {json.dumps({'id': job.id, 'state': 'deleted'})}\n\n".encode()
