"""EC2's instance metadata, as the agent on a box asks it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from generator.local.metadata import ENDPOINT, MetadataServer


@pytest.fixture
def server() -> Iterator[MetadataServer]:
    running = MetadataServer()
    yield running
    running.close()


def _asked(server: MetadataServer, path: str, *, token: bool = True) -> str:
    base = f"{server.offer('i-1')[ENDPOINT]}/latest"
    headers = {}
    if token:
        put = urllib.request.Request(
            f"{base}/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        )
        headers["X-aws-ec2-metadata-token"] = urllib.request.urlopen(put, timeout=5).read().decode()
    request = urllib.request.Request(f"{base}/meta-data/{path}", headers=headers)
    return str(urllib.request.urlopen(request, timeout=5).read().decode())


def test_nobody_is_told_anything_without_a_token(server: MetadataServer) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        _asked(server, "instance-id", token=False)
    assert _asked(server, "instance-id") == "i-1"


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("Pending:Wait", "InService"),
        ("InService", "InService"),
        ("Terminating", "Terminated"),
        ("Terminating:Wait", "Terminated"),
    ],
)
def test_a_box_of_a_group_is_told_where_it_is_going(server: MetadataServer, state: str, wanted: str) -> None:
    server.tell({"i-1": state})
    assert _asked(server, "autoscaling/target-lifecycle-state") == wanted


def test_a_box_alone_has_no_such_state(server: MetadataServer) -> None:
    server.tell({"i-2": "InService"})
    with pytest.raises(urllib.error.HTTPError, match="404"):
        _asked(server, "autoscaling/target-lifecycle-state")
