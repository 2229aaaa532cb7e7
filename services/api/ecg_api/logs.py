"""Logs as one JSON object a line, with the request's, the job's and the trace's id on each. No names, no bodies."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime

from ecg_api.metrics import Metrics
from ecg_api.tracing import trace_id

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request being answered."""

_job_id: ContextVar[str | None] = ContextVar("job_id", default=None)
_BUILTIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


@contextmanager
def job_context(job_id: str) -> Iterator[None]:
    """Mark the log lines of this block, and of the tasks it starts, with the job's id."""
    token = _job_id.set(job_id)
    try:
        yield
    finally:
        _job_id.reset(token)


class JsonFormatter(logging.Formatter):
    """Formats a record with its `extra` fields as JSON; those that are metrics go to `namespace`, if there is one."""

    def __init__(self, namespace: str | None = None) -> None:
        super().__init__()
        self._namespace = namespace

    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in (
            ("request_id", request_id.get()),
            ("job_id", _job_id.get()),
            ("trace_id", trace_id()),
        ):
            if value is not None:
                line[name] = value
        line |= {name: value for name, value in vars(record).items() if name not in _BUILTIN}
        metrics = line.pop("metrics", None)
        if self._namespace and isinstance(metrics, Metrics):
            line["_aws"] = metrics.directive(self._namespace, record.created)
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str, metrics_namespace: str | None = None) -> None:
    """Send all logs of the process to standard error in this form; requests are logged by the application."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(metrics_namespace))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    # Its lines carry whole addresses with their queries.
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("botocore", "boto3", "urllib3", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
