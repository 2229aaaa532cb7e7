"""Settings of the process, read from the environment once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ecg_api.errors import SettingsError

N = TypeVar("N", int, float)

GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True, slots=True)
class Settings:
    """What the service is told about its surroundings; sizes in bytes, times in seconds."""

    region: str
    video_bucket: str
    jobs_table: str
    jobs_queue_url: str
    model_server_url: str
    analysis_app: str = "ecg_rhythm"
    path_style: bool = False
    """A given endpoint (the embedded AWS) has one host name for all buckets, so that browsers can reach it."""
    max_upload_bytes: int = 2 * GIB
    multipart_above_bytes: int = 64 * MIB
    part_bytes: int = 16 * MIB
    upload_url_s: int = 3600
    tombstone_s: int = 7 * 86400
    worker_concurrency: int = 2
    analysis_deadline_s: float = 1800.0
    analysis_silence_s: float = 120.0
    """Longest time without a line from the model server before the analysis is given up."""
    log_level: str = "INFO"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from `environment` (names in docs/architecture.md and docs/api.md).

        Raises:
            SettingsError: variables are missing or malformed; names all of them.
        """
        mistakes: list[str] = []

        def required(name: str) -> str:
            value = environment.get(name, "").strip()
            if not value:
                mistakes.append(f"{name} is not set")
            return value

        def number(name: str, default: N, parse: Callable[[str], N]) -> N:
            text = environment.get(name, "").strip()
            if not text:
                return default
            try:
                value = parse(text)
            except ValueError:
                mistakes.append(f"{name} is not a number: {text!r}")
                return default
            if not 0 < value < float("inf"):
                mistakes.append(f"{name} must be greater than 0, is {text!r}")
            return value

        url = required("MODEL_SERVER_URL").rstrip("/")
        if url and not url.startswith(("http://", "https://")):
            mistakes.append(f"MODEL_SERVER_URL must begin with http:// or https://, is {url!r}")
        defaults = cls("", "", "", "", "")
        settings = cls(
            region=required("AWS_DEFAULT_REGION"),
            video_bucket=required("S3_BUCKET_NAME"),
            jobs_table=required("JOBS_TABLE_NAME"),
            jobs_queue_url=required("JOBS_QUEUE_URL"),
            model_server_url=url,
            analysis_app=environment.get("ANALYSIS_APP", "").strip() or defaults.analysis_app,
            path_style=bool(environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")),
            max_upload_bytes=number("MAX_UPLOAD_BYTES", defaults.max_upload_bytes, int),
            worker_concurrency=number("WORKER_CONCURRENCY", defaults.worker_concurrency, int),
            analysis_deadline_s=number("ANALYSIS_DEADLINE_S", defaults.analysis_deadline_s, float),
            analysis_silence_s=number("ANALYSIS_SILENCE_S", defaults.analysis_silence_s, float),
            log_level=environment.get("LOG_LEVEL", "").strip().upper() or defaults.log_level,
        )
        if settings.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            mistakes.append(f"LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, is {settings.log_level!r}")
        if mistakes:
            raise SettingsError(mistakes)
        return settings
