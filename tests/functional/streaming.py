"""What stand-ins of Ray Serve do with ASGI: take a whole request, and answer a line at a time."""

from __future__ import annotations

import json
from typing import Any


async def whole_body(receive: Any) -> bytes:
    """The request's body, to its end."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


async def say_line(send: Any, event: dict[str, Any]) -> None:
    """One event of a stream that goes on."""
    await send({"type": "http.response.body", "body": json.dumps(event).encode() + b"\n", "more_body": True})
