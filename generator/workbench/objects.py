"""A folder of this machine that answers as S3 does, on a loopback port: apps download and write through boto3 as ever.

Only what the kit asks for: GET and PUT of whole objects, `/<bucket>/<key>`. No signature is checked: whoever is on this
machine may read the folder that was chosen for it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

_NO_SUCH_KEY = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code><Message>not there</Message></Error>'
)


@dataclass(frozen=True)
class ObjectStore:
    """Where it listens, and the folder behind it: `<folder>/<bucket>/<key>`."""

    url: str
    folder: Path

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Write an object from this side."""
        path = self.folder / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """Serve `folder` until the block ends."""
    root = folder.resolve()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self._path()
            if path is None or not path.is_file():
                self._answer(HTTPStatus.NOT_FOUND, _NO_SUCH_KEY)
            else:
                self._answer(HTTPStatus.OK, path.read_bytes())

        def do_PUT(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            path = self._path()
            if path is None:
                self._answer(HTTPStatus.FORBIDDEN, b"")
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            self._answer(HTTPStatus.OK, b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

        def _path(self) -> Path | None:
            """None where a key leads out of the folder."""
            path = (root / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
            return path if path.is_relative_to(root) else None

        def _answer(self, status: HTTPStatus, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("ETag", '"local"')
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, name="objects", daemon=True)
    thread.start()
    try:
        yield ObjectStore(f"http://127.0.0.1:{server.server_port}", root)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
