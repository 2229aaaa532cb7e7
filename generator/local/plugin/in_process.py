"""botocore clients that call MiniStack's own service handlers in this process.

The CloudFormation types are written against the public APIs, so that a resource made through a template is the one
that the API makes. Going through the socket would need credentials, TLS and a free connection; instead botocore's
`before-send` event answers each request from the handler itself.
"""

from __future__ import annotations

import functools
import os
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.session import Session
from ministack import app


@functools.cache
def client(service: str) -> Any:
    """A client of `service`; to be used on a worker thread, in the account and region of the calling request."""
    session = Session()
    session.set_credentials("in-process", "in-process")
    made = session.create_client(
        service,
        region_name=os.environ["MINISTACK_REGION"],
        endpoint_url="https://in-process.invalid",
        config=Config(retries={"max_attempts": 0}, parameter_validation=True),
    )
    handler = app.SERVICE_HANDLERS[service]
    made.meta.events.register("before-send", _answering(handler))
    return made


def _answering(handler: Any) -> Any:
    """The listener that answers for the socket."""
    return functools.partial(_answer, handler)


def _answer(handler: Any, request: AWSPreparedRequest, **_: object) -> AWSResponse:
    split = urlsplit(request.url)
    headers = {
        name.lower(): str(value, "latin-1") if isinstance(value, (bytes, bytearray)) else str(value)
        for name, value in dict[str, Any](request.headers.items()).items()
    }
    body = request.body or b""
    status, answer_headers, answer = app.call_service_handler_sync(
        handler,
        request.method,
        split.path or "/",
        headers,
        body.encode() if isinstance(body, str) else body,
        parse_qs(split.query, keep_blank_values=True),
    )
    content = answer.encode() if isinstance(answer, str) else bytes(answer or b"")
    answered = HTTPHeaders()
    for name, value in answer_headers.items():
        answered[name] = str(value)
    return AWSResponse(request.url, status, answered, _Raw(content))


class _Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Any:
        yield self._content

    def read(self, *_: object) -> bytes:
        content, self._content = self._content, b""
        return content
