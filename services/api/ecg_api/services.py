"""What an application is built with, and the one factory that makes it from settings."""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import anyio
import boto3
import httpx
from botocore.config import Config

from ecg_api.access import Access, BearerTokens, OpenToAll
from ecg_api.analysis import ModelServer
from ecg_api.attempt import WorkerTiming
from ecg_api.circuit import Circuit
from ecg_api.edge import Distribution, SecretKey
from ecg_api.event_stream import StreamTiming
from ecg_api.job_table import DynamoJobTable
from ecg_api.limits import RateLimit
from ecg_api.objects import S3Objects
from ecg_api.operations import Operations
from ecg_api.provider import Provider
from ecg_api.queue import SqsJobQueue
from ecg_api.reports import S3Reports
from ecg_api.settings import Settings, SignInSettings
from ecg_api.signed_cookies import CookieSigner
from ecg_api.sweep import Patience, Sweeper
from ecg_api.tokens import TokenRules
from ecg_api.videos import Videos
from ecg_api.worker import Worker


@dataclass(slots=True)
class ProcessHealth:
    """What the process knows of itself; the one thing here that changes."""

    worker_runs: bool = False


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that routes and lifespan use. The clients are closed when the process ends."""

    environment: str
    access: Access
    limit: RateLimit
    cookies: CookieSigner
    videos: Videos
    operations: Operations
    worker: Worker
    sweeper: Sweeper
    circuit: Circuit
    stopping: anyio.Event
    model_client: httpx.AsyncClient
    provider_client: httpx.AsyncClient
    health: ProcessHealth = field(default_factory=ProcessHealth)
    stream_timing: StreamTiming = field(default_factory=StreamTiming)


def make_services(settings: Settings, timing: WorkerTiming | None = None, patience: Patience | None = None) -> Services:
    """Make the clients and what stands on them; credentials and endpoints come from the surroundings.

    `timing` and `patience` are the worker's and the sweep's own unless given. Must be called where the event loop will
    run. Nothing is contacted yet.
    """
    session = boto3.Session(region_name=settings.region)
    common = Config(
        # "standard" retries throttling and 5xx with backoff and jitter.
        retries={"mode": "standard", "max_attempts": 3},
        connect_timeout=3,
        read_timeout=15,
        max_pool_connections=50,
    )
    s3 = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if settings.path_style else "virtual"},
        # Else boto3 signs a checksum into presigned URLs that a browser would have to compute.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    sqs_client, s3_client = session.client("sqs", config=common), session.client("s3", config=common.merge(s3))
    table = DynamoJobTable(session.client("dynamodb", config=common), settings.jobs_table)
    queue = SqsJobQueue(sqs_client, settings.jobs_queue_url)
    dead_letters = SqsJobQueue(sqs_client, settings.dead_letter_queue_url)
    objects = S3Objects(s3_client, settings.video_bucket)
    edge = Distribution(session.client("cloudfront", config=common), settings.distribution_id)
    # No proxy from the surroundings: the model server is a neighbour in the same network.
    model_client = httpx.AsyncClient(base_url=settings.model_server_url, trust_env=False)
    provider_client = httpx.AsyncClient(timeout=5.0, verify=_trust())
    circuit = Circuit(time.monotonic)
    stopping = anyio.Event()
    return Services(
        environment=settings.environment,
        access=_access(settings.sign_in, provider_client),
        limit=RateLimit(settings.rate_per_s, settings.rate_burst, time.monotonic),
        cookies=CookieSigner(
            settings.distribution_domain,
            settings.video_key_id,
            SecretKey(session.client("secretsmanager", config=common), settings.video_key_secret, time.monotonic),
            utc_now,
        ),
        videos=Videos(table, queue, objects, edge, settings, utc_now),
        operations=Operations(
            S3Reports(s3_client, settings.artifacts_bucket, settings.environment),
            queue,
            dead_letters,
            settings.environment,
            settings.analysis_app,
            utc_now,
        ),
        worker=Worker(
            table,
            queue,
            objects,
            ModelServer(
                model_client,
                settings.analysis_app,
                settings.analysis_deadline_s,
                settings.analysis_silence_s,
            ),
            circuit=circuit,
            stopping=stopping,
            now=utc_now,
            clock=time.monotonic,
            concurrency=settings.worker_concurrency,
            timing=timing,
        ),
        sweeper=Sweeper(table, queue, dead_letters, objects, utc_now, patience=patience),
        circuit=circuit,
        stopping=stopping,
        model_client=model_client,
        provider_client=provider_client,
    )


def _access(settings: SignInSettings | None, client: httpx.AsyncClient) -> Access:
    if settings is None:
        return OpenToAll()
    rules = TokenRules(settings.issuer, settings.audiences, settings.roles_claim, settings.operator_group)
    provider = Provider(client, settings.issuer, settings.metadata_url, time.monotonic)
    return BearerTokens(provider, rules, settings.client_id, settings.scopes)


def _trust() -> ssl.SSLContext | bool:
    """Whom to trust beside the public authorities: AWS_CA_BUNDLE, as boto3 does; it is set with the embedded AWS."""
    bundle = os.environ.get("AWS_CA_BUNDLE")
    return ssl.create_default_context(cafile=bundle) if bundle else True


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)
