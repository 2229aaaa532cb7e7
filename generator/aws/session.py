"""How every client is made: one factory, one set of retries and time-outs."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

_CONFIG = Config(
    retries={"mode": "adaptive", "max_attempts": 8},
    connect_timeout=5,
    read_timeout=60,
    max_pool_connections=16,
    signature_version="v4",
    s3={"addressing_style": "path"},
)


class Clients:
    """Makes clients for one region. Thread-safe once made: create clients before sharing them."""

    def __init__(self, region: str, surroundings: Mapping[str, str] | None = None) -> None:
        """`surroundings` may name another endpoint, CA bundle and credentials by their usual environment names;
        what is absent comes from the process's own environment, as in any AWS program."""
        self.region = region
        given = surroundings or {}
        self._session = boto3.Session(
            region_name=region,
            aws_access_key_id=given.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=given.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=given.get("AWS_SESSION_TOKEN"),
        )
        self._endpoint = given.get("AWS_ENDPOINT_URL")
        self._ca_bundle = given.get("AWS_CA_BUNDLE")

    @property
    def endpoint(self) -> str | None:
        """The one endpoint of all services (`AWS_ENDPOINT_URL`) where this is another AWS than Amazon's, or None."""
        return self._endpoint or os.environ.get("AWS_ENDPOINT_URL") or None

    @property
    def ca_bundle(self) -> Path | None:
        """The authorities to trust for whatever belongs to this AWS, or None for the usual ones."""
        named = self._ca_bundle or os.environ.get("AWS_CA_BUNDLE")
        return Path(named) if named else None

    def make(self, service: str) -> Any:
        """A client of a service, in botocore's spelling: `cloudformation`, `s3`, `ecr`."""
        return self._session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self._endpoint,
            verify=self._ca_bundle,
            config=_CONFIG if service != "s3" else _CONFIG.merge(Config(signature_version="s3v4")),
        )
