"""The `awslogs` driver: what a container writes goes to its deployed log group, and to a file on this machine."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

# PutLogEvents takes 10,000 events and 1 MiB a call.
_BATCH_EVENTS = 1000
_BATCH_BYTES = 900_000
_FLUSH_S = 1.0
_EVENT_BYTES = 200_000


class ContainerLog:
    """Copies lines from a pipe to a file and, where `logs` is given, to a CloudWatch log stream."""

    def __init__(self, path: Path, logs: Any | None = None, group: str = "", stream: str = "") -> None:
        """Raises ClientError where the log stream cannot be created: then AWS does not start the container either."""
        self._path = path
        self._logs, self._group, self._stream = logs, group, stream
        self._waiting: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        path.parent.mkdir(parents=True, exist_ok=True)
        if logs is not None:
            with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
                logs.create_log_stream(logGroupName=group, logStreamName=stream)
            threading.Thread(target=self._ship, name="awslogs", daemon=True).start()

    def follow(self, pipe: IO[bytes]) -> None:
        """Copy `pipe` until its end."""
        with self._path.open("ab") as file:
            for line in pipe:
                file.write(line)
                file.flush()
                self._add(line.decode(errors="replace").rstrip("\n")[:_EVENT_BYTES])
        self._ended.set()
        self._flush()

    def _add(self, message: str) -> None:
        if self._logs is None or not message:
            return
        with self._lock:
            self._waiting.append({"timestamp": int(time.time() * 1000), "message": message})

    def _ship(self) -> None:
        while not self._ended.wait(_FLUSH_S):
            self._flush()

    def _flush(self) -> None:
        while self._logs is not None:
            with self._lock:
                batch: list[dict[str, Any]] = []
                size = 0
                while self._waiting and len(batch) < _BATCH_EVENTS and size < _BATCH_BYTES:
                    batch.append(self._waiting.pop(0))
                    size += len(batch[-1]["message"].encode()) + 26
            if not batch:
                return
            # The driver's default mode drops what it cannot deliver rather than hold up the container.
            with contextlib.suppress(ClientError, BotoCoreError):
                self._logs.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
