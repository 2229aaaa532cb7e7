"""Credentials of deployed roles, given to stand-in processes the way that Fargate gives them.

A process finds AWS_CONTAINER_CREDENTIALS_FULL_URI in its environment; every AWS SDK fetches its keys there and fetches
them again before they expire. So what the API or the GPU box may do is exactly what its deployed role may do.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from generator.local.connection import Connection, Credentials

# SDKs refresh 15 minutes before the end; what they are given then must last clearly longer.
_RENEW_BEFORE = dt.timedelta(minutes=20)


class RoleSession:
    """A role assumed by the AWS service `service` (say `ecs-tasks.amazonaws.com`), renewed as needed."""

    def __init__(self, administrator: Connection, role_arn: str, session: str, service: str) -> None:
        self._sts = administrator.client("sts")
        self._administrator = administrator
        self._arguments = {
            "RoleArn": role_arn,
            "RoleSessionName": session[:64],
            # Judged by the role's trust policy, as that service (plugin/services_as_principals.py).
            "ExternalId": f"service:{service}",
            "DurationSeconds": 3600,
        }
        self._lock = threading.Lock()
        self._kept: dict[str, Any] | None = None

    def answer(self) -> dict[str, str]:
        """The keys as the credentials endpoint gives them. Raises ClientError where the role does not trust."""
        with self._lock:
            kept = self._kept
            if kept is None or kept["Expiration"] - dt.datetime.now(dt.UTC) < _RENEW_BEFORE:
                kept = self._sts.assume_role(**self._arguments)["Credentials"]
                self._kept = kept
        return {
            "RoleArn": str(self._arguments["RoleArn"]),
            "AccessKeyId": kept["AccessKeyId"],
            "SecretAccessKey": kept["SecretAccessKey"],
            "Token": kept["SessionToken"],
            "Expiration": kept["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def connection(self) -> Connection:
        """The emulator, as this role; for calls that are made soon."""
        keys = self.answer()
        credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"])
        return replace(self._administrator, credentials=credentials)


@dataclass(frozen=True)
class _Offer:
    session: RoleSession
    token: str


class CredentialsServer:
    """Answers `GET /<name>` on loopback with the keys of the role offered under that name, to holders of its token."""

    def __init__(self) -> None:
        self._offers: dict[str, _Offer] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                offer = server._offers.get(self.path.lstrip("/"))
                if offer is None or not secrets.compare_digest(self.headers.get("Authorization", ""), offer.token):
                    self.send_error(404)
                    return
                body = json.dumps(offer.session.answer()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing: SDKs ask often."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="credentials", daemon=True).start()

    def offer(self, name: str, session: RoleSession) -> Mapping[str, str]:
        """Offer `session` under `name`; the environment variables that lead an SDK to it."""
        token = secrets.token_urlsafe(24)
        self._offers[name] = _Offer(session, token)
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self._server.server_port}/{name}",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": token,
        }

    def withdraw(self, name: str) -> None:
        """Give nobody that role's keys any more."""
        self._offers.pop(name, None)

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
