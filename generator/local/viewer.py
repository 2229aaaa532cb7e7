"""How this machine reaches viewer names: CloudFront's, the load balancer's and a site's, which no resolver knows.

A distribution `d123.cloudfront.net` answers at `https://d123.cloudfront.localhost:<port>`, and where it has a site of
its own at `https://ecg.localhost:<port>`. Browsers and curl resolve every `*.localhost` name to this machine; Python
does not everywhere, hence `open_url`.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SITE: Final = "ecg.localhost"
"""Stands for the domain of an environment that has one."""


def viewer_url(distribution_domain: str, port: int) -> str:
    """The address at which a viewer reaches the distribution whose deployed domain name is `distribution_domain`."""
    label = distribution_domain.partition(".")[0]
    host = SITE if distribution_domain == SITE else f"{label}.cloudfront.localhost"
    return f"https://{host}:{port}"


class _LoopbackConnection(http.client.HTTPSConnection):
    """Connects to this machine whatever the name, and verifies the certificate against the name."""

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined]


class _LoopbackHandler(urllib.request.HTTPSHandler):
    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        opened: http.client.HTTPResponse = self.do_open(_LoopbackConnection, request, context=self._context)  # type: ignore[attr-defined]
        return opened


def open_url(
    url: str,
    ca_bundle: Path,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 60.0,
) -> Any:
    """Open an `https://*.localhost` URL of the emulator; the answer reads and streams as urllib's does.

    Redirects are followed. Raises urllib.error.HTTPError for statuses from 400.
    """
    request = urllib.request.Request(url, data=body, headers=dict(headers or {}), method=method)  # noqa: S310
    trust = ssl.create_default_context(cafile=str(ca_bundle))
    return urllib.request.build_opener(_LoopbackHandler(context=trust)).open(request, timeout=timeout)
