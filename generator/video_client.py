"""The API as a program uses it: upload a video through its public address, follow the job, take the result."""

import hashlib
import ssl
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from generator.sync.ports import Clock
from generator.sync.proof import Analysis, AnalysisFailed, JobProgress

_TYPES = {".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mov": "video/quicktime"}
_RENEW_S = 1800.0
_SAID = 300
"""Characters of an answer that is no problem document: proxies answer with whole pages."""


class VideoClient:
    """Talks to the API at `base_url` (such as `https://<distribution>`). It implements `sync.proof.Api`.

    `at` is connected to instead of the URL's own host, which is still asked for by name: an embedded AWS answers for
    all its distributions at its one endpoint, and no resolver knows their names. Requests that find nobody, or a
    status of 500 and above, are repeated for `patience_s` seconds: behind a CDN one lost answer says little. What is
    repeated is harmless twice.

    `token` gives an access token of whoever asks; it is called before the first request that needs one, and again when
    half an hour has passed: Cognito's live for one.
    """

    def __init__(
        self,
        base_url: str,
        ca_bundle: Path | None,
        clock: Clock,
        *,
        at: str | None = None,
        transport: httpx.BaseTransport | None = None,
        token: Callable[[], str] | None = None,
        poll_seconds: float = 0.5,
        patience_s: float = 60,
    ) -> None:
        trust: ssl.SSLContext | bool = ssl.create_default_context(cafile=str(ca_bundle)) if ca_bundle else True
        self._http = httpx.Client(
            base_url=at or base_url,
            headers={"Host": httpx.URL(base_url).netloc.decode()},
            verify=trust,
            timeout=60,
            transport=transport,
        )
        # Straight to S3, by presigned URL: no base address, and none of the API's headers.
        self._s3 = httpx.Client(verify=trust, timeout=300, transport=transport)
        self._token, self._renew_at = token, float("-inf")
        self._clock, self._poll_seconds, self._patience_s = clock, poll_seconds, patience_s

    def analyse(
        self, video: Path, report: Callable[[JobProgress], None], deadline_s: float = 600, app: str | None = None
    ) -> Analysis:
        """Upload one video, have the default app or `app` read it, and wait for the result. Raises AnalysisFailed."""
        started = self._clock.monotonic()
        ticket = self._asked(
            "POST",
            "/api/videos",
            json={
                "name": video.name,
                "size": video.stat().st_size,
                "content_type": _TYPES.get(video.suffix.lower(), "application/octet-stream"),
                **({"app": app} if app else {}),
            },
            # Repeated while answers are lost, it begins one video all the same.
            headers={"Idempotency-Key": uuid.uuid4().hex},
        )
        identifier = _field(ticket, "id")
        report(JobProgress(identifier, "uploading"))
        parts = self._upload(video, _field(ticket, "upload"))
        uploaded = self._clock.monotonic()
        self._asked("POST", f"/api/videos/{identifier}/complete", json=parts)
        self._await_done(identifier, report, started + deadline_s)
        done = self._clock.monotonic()
        result = self._asked("GET", f"/api/videos/{identifier}/result")
        total = self._clock.monotonic() - started
        return Analysis(identifier, result, {"upload": uploaded - started, "analysis": done - uploaded, "total": total})

    def config(self) -> Any:
        """What `/api/config` says: how to sign in. Raises AnalysisFailed."""
        path = "/api/config"
        return _json(f"GET {path}", self._patiently(f"GET {path}", self._http, "GET", path))

    def health(self) -> Any:
        """What `/api/health` answers now. Raises AnalysisFailed at once: whoever asks knows how long to wait."""
        path = "/api/health"
        return _json(f"GET {path}", _answer(f"GET {path}", self._http, "GET", path))

    def delete(self, video: str) -> None:
        """Delete a video and all that was made of it; one that is gone already is no mistake. Raises AnalysisFailed."""
        path = f"/api/videos/{video}"
        self._sign_in()
        try:
            self._patiently(f"DELETE {path}", self._http, "DELETE", path)
        except AnalysisFailed as error:
            if error.code != "video_not_found":
                raise

    def _upload(self, video: Path, upload: Mapping[str, Any]) -> dict[str, Any]:
        with video.open("rb") as file:
            if _field(upload, "kind") == "single":
                self._put(_field(upload, "url"), file.read(), _field(upload, "headers"))
                return {}
            size = _field(upload, "part_size")
            etags = [
                {"number": _field(part, "number"), "etag": self._put(_field(part, "url"), file.read(size), {})}
                for part in _field(upload, "parts")
            ]
        return {"parts": etags}

    def _put(self, url: str, body: bytes, headers: Mapping[str, str]) -> str:
        # The URL is a key to the bucket: no message may hold it.
        what = "uploading to S3"
        digest = hashlib.md5(body, usedforsecurity=False).hexdigest()

        def arrived(answer: httpx.Response) -> None:
            if not _is_of(answer, digest):
                raise AnalysisFailed(what, "damaged", "S3 holds other bytes than were sent", transient=True)

        arguments: dict[str, Any] = {"content": body, "headers": dict(headers)}
        answer = self._patiently(what, self._s3, "PUT", url, arrived, **arguments)
        return str(answer.headers.get("ETag", ""))

    def _await_done(self, video: str, report: Callable[[JobProgress], None], deadline: float) -> None:
        what = f"analysing video {video}"
        while True:
            job = self._asked("GET", f"/api/videos/{video}")
            state = _field(job, "state")
            progress = job.get("progress") or {}
            report(JobProgress(video, state, progress.get("stage", ""), progress.get("fraction", 0.0)))
            match state:
                case "done":
                    return
                case "failed" | "deleted":
                    error = job.get("error") or {"code": state, "message": "the job was deleted"}
                    raise AnalysisFailed(what, _field(error, "code"), _field(error, "message"))
            if self._clock.monotonic() > deadline:
                raise AnalysisFailed(what, "timeout", f"still {state}")
            self._clock.sleep(self._poll_seconds)

    def _asked(self, method: str, path: str, **arguments: Any) -> Any:
        self._sign_in()
        what = f"{method} {path}"
        return _json(what, self._patiently(what, self._http, method, path, **arguments))

    def _sign_in(self) -> None:
        if self._token is not None and self._clock.monotonic() >= self._renew_at:
            self._http.headers["Authorization"] = f"Bearer {self._token()}"
            self._renew_at = self._clock.monotonic() + _RENEW_S

    def _patiently(
        self,
        what: str,
        http: httpx.Client,
        method: str,
        url: str,
        check: Callable[[httpx.Response], None] | None = None,
        **arguments: Any,
    ) -> httpx.Response:
        until = self._clock.monotonic() + self._patience_s
        while True:
            try:
                answer = _answer(what, http, method, url, **arguments)
                if check is not None:
                    check(answer)
                return answer
            except AnalysisFailed as error:
                if not error.transient or self._clock.monotonic() >= until:
                    raise
            self._clock.sleep(self._poll_seconds)


def _answer(what: str, http: httpx.Client, method: str, url: str, **arguments: Any) -> httpx.Response:
    """The answer where it is a success. Raises AnalysisFailed."""
    try:
        answer = http.request(method, url, **arguments)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise AnalysisFailed(what, "unreachable", str(error), transient=True) from error
    if answer.is_success:
        return answer
    code, message = str(answer.status_code), _said(answer)
    with suppress(ValueError):
        problem = answer.json()
        if isinstance(problem, Mapping):
            code, message = problem.get("code", code), problem.get("detail", message)
    raise AnalysisFailed(what, code, message, transient=answer.status_code >= 500)


def _is_of(answer: httpx.Response, digest: str) -> bool:
    """Tell whether the object or part that S3 answers for has this MD5, as far as it says.

    Its entity tag is the MD5 where S3 encrypts with keys of its own (AmazonS3/latest/API/API_Object.html, read in
    November 2026), as our buckets have it. A checksum that S3 itself compares would have to be signed with the address,
    so known before the upload begins.
    """
    etag = answer.headers.get("ETag", "").strip('"')
    if answer.headers.get("x-amz-server-side-encryption", "AES256") != "AES256" or len(etag) != len(digest):
        return True
    return bool(etag == digest)


def _said(answer: httpx.Response) -> str:
    return " ".join(answer.text.split())[:_SAID]


def _json(what: str, answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        # A path that no behaviour of the CDN leads to the API is answered with a page of the front end.
        raise AnalysisFailed(what, "no_json", f"{answer.status_code} with {_said(answer)!r}") from error


def _field(document: Any, name: str) -> Any:
    """A field that the API promises. A release of it that breaks its promise failed, and is no bug of ours."""
    if not isinstance(document, Mapping) or name not in document:
        raise AnalysisFailed("reading the API's answer", "unexpected_answer", f"there is no {name!r} in it")
    return document[name]
