"""EC2's instance metadata (version 2, with tokens), as far as a box asks: its id, and what its group wants of it.

Each box has an address of its own, which its environment names as every AWS SDK reads it
(AWS_EC2_METADATA_SERVICE_ENDPOINT); on EC2 there is one address, and the instance that asks is known.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

ENDPOINT: Final = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
_WANTED = {"Pending": "InService", "InService": "InService", "Terminating": "Terminated"}
"""`target-lifecycle-state` by the first word of Auto Scaling's `LifecycleState`."""


class MetadataServer:
    """Answers `/<instance>/latest/...` on loopback, for the instances that it was told of."""

    def __init__(self) -> None:
        self._states: Mapping[str, str] = {}
        self._token = secrets.token_urlsafe(24)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                asked = (
                    self.path.endswith("/latest/api/token") and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
                )
                self._say(200 if asked else 400, server._token if asked else "")

            def do_GET(self) -> None:
                if not secrets.compare_digest(self.headers.get("X-aws-ec2-metadata-token", ""), server._token):
                    self._say(401, "")
                    return
                instance, _, path = self.path.lstrip("/").partition("/latest/meta-data/")
                told = server._answer(instance, path)
                self._say(404 if told is None else 200, told or "")

            def _say(self, status: int, text: str) -> None:
                with contextlib.suppress(ConnectionError):  # a box that waits no longer asks again
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                """Nothing: a box asks every few seconds."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="metadata", daemon=True).start()

    def offer(self, instance: str) -> Mapping[str, str]:
        """The environment variable that leads to the instance's metadata."""
        return {ENDPOINT: f"http://127.0.0.1:{self._server.server_port}/{instance}"}

    def tell(self, states: Mapping[str, str]) -> None:
        """Auto Scaling's `LifecycleState` of each instance that is in a group."""
        self._states = states

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, instance: str, path: str) -> str | None:
        if path == "instance-id":
            return instance
        if path == "autoscaling/target-lifecycle-state" and instance in self._states:
            return _WANTED.get(self._states[instance].partition(":")[0])
        return None
