"""How to reach a running emulator: its address, the authority to trust, the keys to sign with."""

from __future__ import annotations

import fcntl
import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.loaders import Loader
from botocore.session import Session as BotocoreSession

from generator.local.errors import NotRunning

REGION = "us-east-1"
# Names below the state directory.
PORT, CREDENTIALS, LOCK, AUTHORITY = "port", "credentials.json", "emulator.lock", "tls/ca.pem"


@dataclass(frozen=True)
class Credentials:
    """Keys of a principal of the emulated account; a role's have a session token."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass(frozen=True)
class Connection:
    """One principal's way to the emulator on loopback `port`."""

    port: int
    ca_bundle: Path
    credentials: Credentials

    @classmethod
    def running(cls, state_dir: Path) -> Connection:
        """The administrator's connection to the emulator that another process runs on `state_dir`.

        Raises NotRunning where none does.
        """
        state_dir = state_dir.resolve()
        kept = state_dir / CREDENTIALS
        if not kept.exists() or not _is_locked(state_dir / LOCK):
            raise NotRunning(state_dir)
        return cls(
            int((state_dir / PORT).read_text(encoding="utf-8")),
            state_dir / AUTHORITY,
            Credentials(**json.loads(kept.read_text(encoding="utf-8"))),
        )

    @property
    def endpoint_url(self) -> str:
        """Every service's endpoint. An address, not a name: so SDKs address buckets by path."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def loopback_prefix(self) -> str:
        """Three octets of 127/8 that belong to this emulator alone, since its port does.

        Tasks and instances get addresses in it, so each can listen on its deployed port.
        """
        return f"127.{self.port >> 8}.{self.port & 0xFF}"

    def surroundings(self) -> Mapping[str, str]:
        """Where a process finds this AWS, without keys: what Fargate or EC2 would tell it in other ways."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_CA_BUNDLE": str(self.ca_bundle),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            # The user's own profiles must not leak in: a `region` or `s3` section there would change behaviour.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def environment(self) -> Mapping[str, str]:
        """What a process needs to talk to this AWS as this principal, and to no other."""
        token = self.credentials.session_token
        return {
            **self.surroundings(),
            "AWS_ACCESS_KEY_ID": self.credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_access_key,
            **({"AWS_SESSION_TOKEN": token} if token else {}),
        }

    def client(self, service: str) -> Any:
        """A boto3 client of `service` as this principal."""
        session = boto3.session.Session(
            botocore_session=_session(),
            aws_access_key_id=self.credentials.access_key_id,
            aws_secret_access_key=self.credentials.secret_access_key,
            aws_session_token=self.credentials.session_token,
            region_name=REGION,
        )
        # MiniStack leaves SigV2 presigned URLs unchecked.
        config = Config(retries={"max_attempts": 2}, signature_version="s3v4" if service == "s3" else None)
        return session.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint_url,
            verify=str(self.ca_bundle),
            config=config,
        )


@functools.cache
def _loader() -> Loader:
    """One for all sessions: reading the services' descriptions again for each client takes most of its making."""
    return Loader()


def _session() -> BotocoreSession:
    session = BotocoreSession()
    session.register_component("data_loader", _loader())
    return session


def _is_locked(path: Path) -> bool:
    if not path.exists():
        return False
    with path.open("a") as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
