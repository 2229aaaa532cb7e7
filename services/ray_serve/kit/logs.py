"""Logs as one JSON object a line, each with the job that it belongs to."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TextIO

_JOB: ContextVar[str | None] = ContextVar("job_id", default=None)
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


@contextmanager
def job(job_id: str) -> Iterator[None]:
    """Within it, every line names this job; threads started by `asyncio.to_thread` inherit it."""
    token = _JOB.set(job_id)
    try:
        yield
    finally:
        _JOB.reset(token)


class JsonLines(logging.Formatter):
    """Time, level, logger, text, job, what was passed as `extra`, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, without a newline at its end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if job_id := _JOB.get():
            line["job_id"] = job_id
        line |= {name: value for name, value in vars(record).items() if name not in _OWN}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def logger(name: str, stream: TextIO | None = None) -> logging.Logger:
    """The logger `ecg.<name>`, writing to stderr (Ray keeps a replica's stderr) unless told otherwise."""
    root = logging.getLogger("ecg")
    if not root.handlers or stream is not None:
        handler = logging.StreamHandler(stream or sys.stderr)
        handler.setFormatter(JsonLines())
        root.handlers = [handler]
        root.setLevel(logging.INFO)
        root.propagate = False
    return root.getChild(name)
