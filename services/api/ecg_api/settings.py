"""Settings of the process, read from the environment once."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from ecg_api.errors import SettingsError

N = TypeVar("N", int, float)

GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True)
class SignInSettings:
    """The OpenID Connect provider that people sign in with, and what its tokens must say."""

    issuer: str
    client_id: str
    metadata_url: str
    audiences: frozenset[str]
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    roles_claim: str = "cognito:groups"
    operator_group: str = "operator"


@dataclass(frozen=True)
class Settings:
    """What the service is told about its surroundings; sizes in bytes, times in seconds."""

    region: str
    environment: str
    video_bucket: str
    artifacts_bucket: str
    jobs_table: str
    jobs_queue_url: str
    dead_letter_queue_url: str
    model_server_url: str
    distribution_id: str
    distribution_domain: str
    video_key_id: str
    video_key_secret: str
    sign_in: SignInSettings | None = None
    """None turns access control off, which `from_environment` allows in a local trial only."""
    analysis_app: str = "ecg_rhythm"
    path_style: bool = False
    """A given endpoint (the embedded AWS) has one host name for all buckets, so that browsers can reach it."""
    rate_per_s: float = 20.0
    rate_burst: float = 100.0
    """How often one owner may ask of one task: in the long run, and at once."""
    max_upload_bytes: int = 2 * GIB
    multipart_above_bytes: int = 64 * MIB
    part_bytes: int = 16 * MIB
    upload_url_s: int = 3600
    tombstone_s: int = 7 * 86400
    idempotency_s: int = 86400
    worker_concurrency: int = 2
    analysis_deadline_s: float = 1800.0
    analysis_silence_s: float = 120.0
    """Longest time without a line from the model server before the analysis is given up."""
    traces: bool = False
    """Whether traces are sent. Where to, and how, OpenTelemetry reads from its own variables."""
    log_level: str = "INFO"
    metrics_namespace: str | None = None
    """Where CloudWatch files the metrics that the logs carry; None, and they carry none."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from `environment` (names in docs/architecture.md and docs/api.md).

        Raises:
            SettingsError: variables are missing or malformed; names all of them.
        """
        given = _Variables(environment)
        url = given.required("MODEL_SERVER_URL").rstrip("/")
        if url and not url.startswith(("http://", "https://")):
            given.mistakes.append(f"MODEL_SERVER_URL must begin with http:// or https://, is {url!r}")
        settings = cls(
            region=given.required("AWS_DEFAULT_REGION"),
            environment=given.required("ENVIRONMENT"),
            video_bucket=given.required("S3_BUCKET_NAME"),
            artifacts_bucket=given.required("ARTIFACTS_BUCKET_NAME"),
            jobs_table=given.required("JOBS_TABLE_NAME"),
            jobs_queue_url=given.required("JOBS_QUEUE_URL"),
            dead_letter_queue_url=given.required("JOBS_DEAD_LETTER_QUEUE_URL"),
            model_server_url=url,
            distribution_id=given.required("DISTRIBUTION_ID"),
            distribution_domain=given.required("DISTRIBUTION_DOMAIN_NAME"),
            video_key_id=given.required("VIDEO_KEY_ID"),
            video_key_secret=given.required("VIDEO_KEY_SECRET_NAME"),
            sign_in=_sign_in(given),
            analysis_app=given.optional("ANALYSIS_APP", cls.analysis_app),
            path_style=bool(given.optional("AWS_ENDPOINT_URL_S3") or given.optional("AWS_ENDPOINT_URL")),
            rate_per_s=given.number("RATE_PER_S", cls.rate_per_s, float),
            rate_burst=given.number("RATE_BURST", cls.rate_burst, float),
            max_upload_bytes=given.number("MAX_UPLOAD_BYTES", cls.max_upload_bytes, int),
            worker_concurrency=given.number("WORKER_CONCURRENCY", cls.worker_concurrency, int),
            analysis_deadline_s=given.number("ANALYSIS_DEADLINE_S", cls.analysis_deadline_s, float),
            analysis_silence_s=given.number("ANALYSIS_SILENCE_S", cls.analysis_silence_s, float),
            traces=_has_collector(given),
            log_level=given.one_of("LOG_LEVEL", ("INFO", "DEBUG", "WARNING", "ERROR")),
            metrics_namespace=given.optional("METRICS_NAMESPACE") or None,
        )
        if given.mistakes:
            raise SettingsError(given.mistakes)
        return settings


class _Variables:
    """Environment variables, and what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.mistakes: list[str] = []

    def optional(self, name: str, default: str = "") -> str:
        return self._environment.get(name, "").strip() or default

    def required(self, name: str) -> str:
        value = self.optional(name)
        if not value:
            self.mistakes.append(f"{name} is not set")
        return value

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.optional(name, choices[0])
        found = next((choice for choice in choices if choice.lower() == value.lower()), None)
        if found is None:
            self.mistakes.append(f"{name} must be one of {', '.join(choices)}, is {value!r}")
        return found or choices[0]

    def number(self, name: str, default: N, parse: Callable[[str], N]) -> N:
        text = self.optional(name)
        if not text:
            return default
        try:
            value = parse(text)
        except ValueError:
            self.mistakes.append(f"{name} is not a number: {text!r}")
            return default
        if not 0 < value < float("inf"):
            self.mistakes.append(f"{name} must be greater than 0, is {text!r}")
        return value


def _sign_in(given: _Variables) -> SignInSettings | None:
    if given.one_of("SIGN_IN", ("oidc", "none")) == "none":
        if not _is_local_trial(given):
            given.mistakes.append(
                "SIGN_IN=none opens every video to everybody: it is for a trial on one machine, with AWS_ENDPOINT_URL "
                "on a loopback address and outside of ECS"
            )
        return None
    issuer, client_id = given.required("OIDC_ISSUER"), given.required("OIDC_CLIENT_ID")
    metadata_url = given.optional("OIDC_METADATA_URL") or _metadata_url(given, issuer)
    for name, url in (("OIDC_ISSUER", issuer), ("OIDC_METADATA_URL", metadata_url)):
        if issuer and not url.startswith("https://"):
            given.mistakes.append(f"{name} must begin with https://, is {url!r}")
    return SignInSettings(
        issuer=issuer,
        client_id=client_id,
        metadata_url=metadata_url,
        audiences=frozenset(given.optional("OIDC_AUDIENCES", client_id).split()),
        scopes=tuple(given.optional("OIDC_SCOPES", " ".join(SignInSettings.scopes)).split()),
        roles_claim=given.optional("OIDC_ROLES_CLAIM", SignInSettings.roles_claim),
        operator_group=given.optional("OIDC_OPERATOR_GROUP", SignInSettings.operator_group),
    )


def _has_collector(given: _Variables) -> bool:
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    urls = {name: given.optional(name) for name in names}
    for name, url in urls.items():
        if url and not url.startswith(("http://", "https://")):
            given.mistakes.append(f"{name} must begin with http:// or https://, is {url!r}")
    return any(urls.values())


def _metadata_url(given: _Variables, issuer: str) -> str:
    """Return where the issuer's metadata lie: below its own name, or for Cognito where AWS is said to be."""
    endpoint = given.optional("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER") or given.optional("AWS_ENDPOINT_URL")
    parts = urlsplit(issuer)
    base = f"{endpoint}{parts.path}" if endpoint and parts.netloc.startswith("cognito-idp.") else issuer
    return f"{base.rstrip('/')}/.well-known/openid-configuration"


def _is_local_trial(given: _Variables) -> bool:
    # Fargate and EC2 agents set the second in every container; nobody can leave it out by mistake.
    if given.optional("ECS_CONTAINER_METADATA_URI_V4"):
        return False
    host = urlsplit(given.optional("AWS_ENDPOINT_URL")).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
