"""The API as a program uses it: upload a video through its public address, follow the job, take the result."""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from generator.errors import EcgError

_TYPES = {".mp4": "video/mp4", ".m4v": "video/x-m4v", ".mov": "video/quicktime"}


class AnalysisFailed(EcgError):
    """The job ended without a result, or the API refused a request."""

    def __init__(self, what: str, code: str, message: str) -> None:
        self.code, self.message = code, message
        super().__init__(f"{what}: {code}: {message}\n  next: docs/api.md says what the code means and what to do")


@dataclass(frozen=True)
class Progress:
    """Where a job stands; `fraction` from 0 to 1 of `stage`."""

    state: str
    stage: str
    fraction: float


@dataclass(frozen=True)
class Analysis:
    """A finished job: its record, its result, and the seconds that each step took from here."""

    video_id: str
    job: Mapping[str, Any]
    result: Mapping[str, Any]
    seconds: Mapping[str, float]


class VideoClient:
    """Talks to the API at `base_url` (such as `https://<distribution>`).

    `on_this_machine` connects to loopback whatever the name says: Python resolves `*.localhost` names only where the
    system does, unlike browsers and curl.
    """

    def __init__(
        self,
        base_url: str,
        ca_bundle: Path | None,
        *,
        on_this_machine: bool = False,
        transport: httpx.BaseTransport | None = None,
        poll_seconds: float = 0.5,
    ) -> None:
        trust: ssl.SSLContext | bool = ssl.create_default_context(cafile=str(ca_bundle)) if ca_bundle else True
        url = httpx.URL(base_url)
        self._extensions = {"sni_hostname": url.host} if on_this_machine else {}
        self._http = httpx.Client(
            base_url=url.copy_with(host="127.0.0.1") if on_this_machine else url,
            headers={"Host": url.netloc.decode()},
            verify=trust,
            timeout=60,
            transport=transport,
        )
        # Straight to S3, by presigned URL: no base address, and none of the API's headers.
        self._s3 = httpx.Client(verify=trust, timeout=300, transport=transport)
        self._poll_seconds = poll_seconds

    def analyse(self, video: Path, report: Callable[[Progress], None], deadline_s: float = 600) -> Analysis:
        """Upload one video and wait for its result. Raises AnalysisFailed."""
        started = time.monotonic()
        ticket = self._json(
            "POST",
            "/api/videos",
            json={
                "name": video.name,
                "size": video.stat().st_size,
                "content_type": _TYPES.get(video.suffix.lower(), "application/octet-stream"),
            },
        )
        identifier = ticket["id"]
        parts = self._upload(video, ticket["upload"])
        uploaded = time.monotonic()
        self._json("POST", f"/api/videos/{identifier}/complete", json=parts)
        job = self._finished(identifier, report, started + deadline_s)
        done = time.monotonic()
        result = self._json("GET", f"/api/videos/{identifier}/result")
        seconds = {"upload": uploaded - started, "analysis": done - uploaded, "total": time.monotonic() - started}
        return Analysis(identifier, job, result, seconds)

    def health(self) -> Any:
        """What `/api/health` answers."""
        return self._json("GET", "/api/health")

    def _upload(self, video: Path, upload: Mapping[str, Any]) -> dict[str, Any]:
        with video.open("rb") as file:
            if upload["kind"] == "single":
                self._put(upload["url"], file.read(), upload["headers"])
                return {}
            etags = [
                {"number": part["number"], "etag": self._put(part["url"], file.read(upload["part_size"]), {})}
                for part in upload["parts"]
            ]
        return {"upload_id": upload["upload_id"], "parts": etags}

    def _put(self, url: str, body: bytes, headers: Mapping[str, str]) -> str:
        answer = self._s3.put(url, content=body, headers=dict(headers))
        if answer.status_code >= 300:
            raise AnalysisFailed("uploading to S3", str(answer.status_code), answer.text[:300])
        return str(answer.headers.get("ETag", ""))

    def _finished(self, identifier: str, report: Callable[[Progress], None], deadline: float) -> Mapping[str, Any]:
        while True:
            job: Mapping[str, Any] = self._json("GET", f"/api/videos/{identifier}")
            progress = job.get("progress") or {}
            report(Progress(job["state"], progress.get("stage", ""), progress.get("fraction", 0.0)))
            match job["state"]:
                case "done":
                    return job
                case "failed" | "deleted":
                    error = job.get("error") or {"code": job["state"], "message": "the job was deleted"}
                    raise AnalysisFailed(f"analysing video {identifier}", error["code"], error["message"])
            if time.monotonic() > deadline:
                raise AnalysisFailed(f"analysing video {identifier}", "timeout", f"still {job['state']}")
            time.sleep(self._poll_seconds)

    def _json(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._http.request(method, path, extensions=self._extensions, **arguments)
        except httpx.HTTPError as error:
            raise AnalysisFailed(f"{method} {path}", "unreachable", str(error)) from error
        if answer.is_success:
            return answer.json()
        problem = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        code = problem.get("code", str(answer.status_code))
        raise AnalysisFailed(f"{method} {path}", code, problem.get("detail", answer.text[:300]))
