"""The exported page and an API in one small server, with the states that a real one gets into only by accident.

It answers as CloudFront would: pages through the addresses that the edge's function makes, with the headers of the
`cdn` stack's response-headers policy; `/api/*` from memory; `/videos/*` with ranges. A test sets `mood` to have calls
refused, and edits `videos` and `results`.
"""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".txt": "text/x-component",
    ".mp4": "video/mp4",
    ".png": "image/png",
}
_COMPRESSED = ("text/", "application/json", "image/svg+xml")
"""As the distribution's behaviours have it (`Compress: true`)."""
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PART_SIZE = 256 * 1024
ID = "019ab0c5-54a0-7d41-8cbb-1c0b6f0e7a11"


@dataclass
class FakeApi:
    """What the server knows; changed by tests, read by request threads."""

    out: Path
    """The exported page."""
    video: Path
    headers: Mapping[str, str] = field(default_factory=dict)
    """On every page and asset, as the response-headers policy sets them."""
    videos: list[dict[str, Any]] = field(default_factory=list)
    results: dict[str, Any] = field(default_factory=dict)
    ops: Any = None
    config: Any = None
    apps: Any = None
    mood: Callable[[str, str], tuple[int, Mapping[str, str]] | None] = lambda method, path: None
    """(method, path) -> status and headers of a refusal, or None where the call is answered."""
    asked: list[str] = field(default_factory=list)
    bearers: set[str] = field(default_factory=set)
    """`Authorization` of the calls."""
    grants: list[str] = field(default_factory=list)
    """What tokens were asked for with; the n-th call gets `token-n`."""
    uploaded: dict[str, bytes] = field(default_factory=dict)
    url: str = ""

    def find(self, video_id: str) -> dict[str, Any] | None:
        """A video by its id."""
        return next((one for one in self.videos if one["id"] == video_id), None)

    def create(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A new video, to be uploaded to this server in parts of `PART_SIZE` where it is larger than that."""
        made = video(f"019ab0c5-54a0-7d41-8cbb-{len(self.videos):012d}", asked["name"], "uploading", size=asked["size"])
        self.videos.insert(0, made)
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        put, size = f"{self.url}/s3/{made['id']}", PART_SIZE
        if asked["size"] <= size:
            upload: dict[str, Any] = {"kind": "single", "method": "PUT", "url": put, "headers": {}}
        else:
            numbers = range(1, math.ceil(asked["size"] / size) + 1)
            sizes = {number: min(size, asked["size"] - (number - 1) * size) for number in numbers}
            parts = [{"number": number, "size": sizes[number], "url": f"{put}/{number}"} for number in numbers]
            upload = {"kind": "multipart", "method": "PUT", "upload_id": "u", "part_size": size, "parts": parts}
        return {**made, "upload": {**upload, "expires_at": expires}}

    def analyse(self, found: dict[str, Any]) -> None:
        """Go through an analysis in a second or so, from a thread of its own."""

        def work() -> None:
            for stage, fraction in (("decode", 0.3), ("read", 0.7), ("classify", 0.9)):
                found.update(state="analysing", progress={"stage": stage, "fraction": fraction})
                time.sleep(0.3)
            self.results[found["id"]] = result()
            done = video(found["id"], found["name"], "done", size=found["size"])
            found.update(done)

        threading.Thread(target=work, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    api: FakeApi

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/api/"):
            self._call("GET", path)
        elif path.startswith("/videos/"):
            self._media(path)
        else:
            self._page(path)

    def do_HEAD(self) -> None:
        self._page(urlsplit(self.path).path)

    def do_POST(self) -> None:
        self._call("POST", urlsplit(self.path).path)

    def do_DELETE(self) -> None:
        self._call("DELETE", urlsplit(self.path).path)

    def do_PUT(self) -> None:
        path = urlsplit(self.path).path
        body = self._body()
        if self._refused("PUT", path):
            return
        self.api.uploaded[path] = body
        self._send(200, b"", {"ETag": f'"{len(body)}"'})

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _call(self, method: str, path: str) -> None:
        body = self._body()
        self.api.asked.append(f"{method} {path}")
        self.api.bearers.add(self.headers.get("Authorization", ""))
        if self._refused(method, path):
            return
        match method, path.split("/")[2:]:
            case "GET", ["config"]:
                self._json_or_404(self.api.config)
            case "GET", ["apps"]:
                self._json_or_404(self.api.apps)
            case "GET", ["me"]:
                self._json(200, {"sub": "demo", "name": "Demo", "roles": ["user", "operator"]})
            case "GET", ["ops", "status"]:
                self._json_or_404(self.api.ops)
            case "POST", ["token"]:
                self._token(parse_qs(body.decode()))
            case "POST", ["cookies"]:
                self._send(204, b"")
            case "GET", ["videos"]:
                self._json(200, {"videos": self.api.videos, "next_cursor": None})
            case "POST", ["videos"]:
                self._json(201, self.api.create(json.loads(body)))
            case _, ["videos", video_id, *rest]:
                self._video(method, self.api.find(video_id), rest)
            case _:
                self._problem(404, "not_found")

    def _token(self, form: Mapping[str, list[str]]) -> None:
        """As RFC 6749 has it, for an hour."""
        self.api.grants.append(form["grant_type"][0])
        told = {"access_token": f"token-{len(self.api.grants)}", "token_type": "Bearer", "expires_in": 3600}
        self._json(200, {**told, "refresh_token": "refresh-1"})

    def _video(self, method: str, found: dict[str, Any] | None, rest: list[str]) -> None:
        if found is None:
            self._problem(404, "video_not_found")
            return
        match method, rest:
            case "GET", []:
                self._json(200, found)
            case "GET", ["result"]:
                self._send(200, _text(self.api.results[found["id"]]), {"Content-Type": "application/json"})
            case "GET", ["events"]:
                self._events(found)
            case "POST", ["complete"]:
                found.update(state="queued")
                self.api.analyse(found)
                self._json(200, found)
            case "DELETE", []:
                self.api.videos.remove(found)
                self._send(204, b"")
            case _:
                self._problem(404, "not_found")

    def _events(self, found: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for _ in range(200):
                self.wfile.write(f"event: state\ndata: {json.dumps(found)}\n\n".encode())
                self.wfile.flush()
                if found["state"] in ("done", "failed"):
                    break
                time.sleep(0.1)
        except OSError:
            pass  # the page went elsewhere
        self.close_connection = True

    def _media(self, path: str) -> None:
        if self._refused("GET", path):
            return
        if path.endswith(".png"):
            self._send(200, _PIXEL, {"Content-Type": "image/png"})
            return
        content = self.api.video.read_bytes()
        first, last = 0, len(content) - 1
        wanted = self.headers.get("Range")
        if wanted:
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, last = int(begin), int(end) if end else last
        part = content[first : last + 1]
        headers = {"Content-Type": "video/mp4", "Accept-Ranges": "bytes"}
        if wanted:
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        self._send(206 if wanted else 200, part, headers)

    def _page(self, path: str) -> None:
        name = path.rpartition("/")[2]
        file = self.api.out / (path + ("index.html" if not name else "" if "." in name else ".html")).lstrip("/")
        status = 200 if file.is_file() else 404
        file = file if status == 200 else self.api.out / "404.html"
        headers = {"Content-Type": _TYPES.get(file.suffix, "application/octet-stream"), **self.api.headers}
        self._send(status, file.read_bytes(), headers)

    def _refused(self, method: str, path: str) -> bool:
        refusal = self.api.mood(method, path)
        if refusal is None:
            return False
        status, headers = refusal
        if status == 0:  # nobody answers
            self.close_connection = True
            self.connection.close()
        else:
            self._problem(status, "internal" if status >= 500 else "refused", headers)
        return True

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _json_or_404(self, value: Any) -> None:
        if value is None:
            self._problem(404, "not_found")
        else:
            self._json(200, value)

    def _problem(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        told = {"type": f"/api/problems/{code}", "title": code, "status": status, "code": code, "instance": self.path}
        self._json(status, {**told, "detail": "Told by the test.", "request_id": "r-1"}, headers)

    def _json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        headers = dict(headers or {})
        taken = self.headers.get("Accept-Encoding", "")
        if headers.get("Content-Type", "").startswith(_COMPRESSED) and "gzip" in taken:
            body = gzip.compress(body, 6)
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serving(api: FakeApi, port: int = 0) -> Iterator[FakeApi]:
    """Serve on loopback; `api.url` says where."""
    handler = type("Handler", (_Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    api.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


def video(
    video_id: str, name: str, state: str, *, age_s: float = 60, size: int = 1_482_113, **more: Any
) -> dict[str, Any]:
    """A video as the API shows it."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - age_s))
    self_link = f"/api/videos/{video_id}"
    links = {
        "self": self_link,
        "events": f"{self_link}/events",
        "source": f"/videos/local/{video_id}/source.mp4" if state not in ("created", "uploading") else None,
        "result": f"{self_link}/result" if state == "done" else None,
    }
    about = {"id": video_id, "state": state, "name": name, "size": size, "content_type": "video/mp4", "attempts": 1}
    return {**about, "created_at": at, "updated_at": at, "progress": None, "error": None, "links": links, **more}


_MEASURE: dict[str, Any] = {
    "value": None,
    "unit": "ms",
    "spread": None,
    "count": 28,
    "reason": None,
    "definition": "of beats",
}


def result(seconds: float = 24.0, rate: float = 250.0) -> dict[str, Any]:
    """An `ecg-result/v1` document: a steady rhythm with some ectopic beats, a gap and a doubtful stretch."""
    count = int(seconds * rate)
    times, kinds = [], []
    at, number = 0.4, 0
    while at < seconds - 0.3:
        ectopic = number % 9 == 5
        times.append(round(at - (0.18 if ectopic else 0), 3))
        kinds.append("V" if ectopic else "S" if number % 17 == 11 else "N")
        at += 0.78 + 0.05 * math.sin(number / 2)
        number += 1
    samples: list[float | None] = [0.02 * math.sin(index / 40) for index in range(count)]
    for moment, kind in zip(times, kinds, strict=True):
        _add_beat(samples, moment, kind, rate)
    confidence = [0.97] * count
    gap, doubt = (seconds * 0.25, seconds * 0.25 + 0.5), (seconds * 0.12, seconds * 0.12 + 0.9)
    for index in range(count):
        if gap[0] <= index / rate < gap[1]:
            samples[index], confidence[index] = None, 0.0
        elif doubt[0] <= index / rate < doubt[1]:
            confidence[index] = 0.4
    rr = [round(later - earlier, 3) for earlier, later in itertools.pairwise(times)]
    return {
        "schema": "ecg-result/v1",
        "notice": "Research and education use only; not a medical device.",
        "app": {"name": "ecg_rhythm", "version": "7373" * 16 + ".zip", "weights": {}, "device": "cpu"},
        "video": {"duration_s": seconds, "frames": 720, "width": 1280, "height": 720, "fps": 30.0, "codec": "h264"},
        "display": {"kind": "sweep", "sweep_period_s": 6.9, "pixels_per_second": 150.0, "lane": [0, 0, 1, 1]},
        "waveform": {
            "sampling_rate_hz": rate,
            "start_s": 0.0,
            "unit": "mV",
            "amplitude_calibrated": True,
            "samples": [None if value is None else round(value, 4) for value in samples],
            "confidence": confidence,
        },
        "beats": [
            {"time_s": moment, "class": kind, "probability": 0.97, "answer": kind, "reason": None}
            for moment, kind in zip(times, kinds, strict=True)
        ],
        "rr_s": rr,
        "heart_rate_bpm": {"mean": round(60 * len(rr) / sum(rr), 1), "min": 61.0, "max": 92.0},
        "rhythm": {
            "answer": "sinus",
            "reason": None,
            "likeliest": "sinus",
            "probabilities": {"sinus": 0.91, "atrial_fibrillation": 0.02, "other": 0.06, "too_noisy": 0.01},
            "threshold": 0.55,
        },
        "intervals": {
            "sdnn": {**_MEASURE, "reason": "too_short"},
            "pr": {**_MEASURE, "reason": "waves_not_marked"},
            "qrs": {**_MEASURE, "value": 92.0, "spread": 6.0},
            "qtc": {**_MEASURE, "value": 410.0},
        },
        "quality": {"signal_quality": 0.92, "readable_share": 0.98},
        "findings": [],
        "limits": ["one lead read", "amplitude from the grid, 10 mm/mV assumed"],
        "timings_s": {"download": 0.1, "decode": 2.1, "read": 1.2},
        "overlay": {"bucket": "b", "key": f"videos/local/{ID}/overlay.png"},
    }


_WAVES = {
    "N": ((-0.17, 0.025, 0.14), (-0.03, 0.008, -0.12), (0, 0.011, 1.25), (0.03, 0.01, -0.25), (0.24, 0.045, 0.3)),
    "V": ((0, 0.035, 1.5), (0.08, 0.04, -0.6), (0.28, 0.06, -0.35)),
}


def _add_beat(samples: list[float | None], moment: float, kind: str, rate: float) -> None:
    """Gaussian waves around the R peak: offset and width in seconds, height in mV."""
    for offset, width, height in _WAVES["V" if kind == "V" else "N"]:
        centre, reach = (moment + offset) * rate, width * rate
        for index in range(max(0, int(centre - 4 * reach)), min(len(samples), int(centre + 4 * reach) + 1)):
            samples[index] = (samples[index] or 0) + height * math.exp(-(((index - centre) / reach) ** 2) / 2)


def _text(document: Any) -> bytes:
    """As it is where a test gives bytes: half a document is bytes too."""
    return document if isinstance(document, bytes) else json.dumps(document).encode()
