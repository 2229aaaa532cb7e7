"""Signed cookies, judged by the rules of the emulated edge (generator/local/plugin/signed_requests.py)."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import boto3
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from moto import mock_aws

from ecg_api.edge import Distribution, SecretKey
from ecg_api.errors import StoreUnavailable
from ecg_api.jobs import Owner
from tests.services.api.fake_stores import Calm, FakeClock
from tests.services.api.fakes import House, private_key

pytestmark = pytest.mark.anyio
FILE = Path(__file__).parents[3] / "generator/local/plugin/signed_requests.py"
SITE = "https://d1.cloudfront.net"


def _edge_rules() -> ModuleType:
    """The module alone: its package needs the emulator."""
    spec = importlib.util.spec_from_file_location("edge_rules", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["edge_rules"] = module
    spec.loader.exec_module(module)
    return module


edge = _edge_rules()


def _public(name: str) -> str:
    kinds = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    return private_key(name).public_key().public_bytes(*kinds).decode()


def _status(cookies: Mapping[str, str], path: str, now: float, keys: Mapping[str, str] | None = None) -> int:
    """What the edge answers to a request that carries `cookies`."""
    try:
        claim = edge.claim_of({}, cookies)
        edge.admit(claim, keys or {"K1": _public("videos")}, SITE + path, "127.0.0.1", now)
    except edge.Refused:
        return 403
    return 200


async def _cookies(client: httpx.AsyncClient) -> dict[str, str]:
    answer = await client.post("/api/cookies")
    assert answer.status_code == 200
    return {
        line.split("=", 1)[0]: line.split("=", 1)[1].split(";")[0] for line in answer.headers.get_list("Set-Cookie")
    }


async def test_an_owner_reads_the_own_folder_until_the_cookies_end(house: House, client: httpx.AsyncClient) -> None:
    cookies, now = await _cookies(client), house.clock.monotonic()
    assert _status(cookies, "/videos/local/1/overlay.png", now) == 200
    assert _status(cookies, "/videos/local/1/overlay.png", now + 3599) == 200
    assert _status(cookies, "/videos/local/1/overlay.png", now + 3601) == 403


@pytest.mark.parametrize(
    "path",
    [
        "/videos/other/1/source.mp4",
        "/videos/",
        "/videos/localother/1/a",
        "/videos/loca",
        "/api/videos",
        "/",
        "/VIDEOS/local/1",
    ],
)
async def test_the_cookies_open_nothing_else(house: House, client: httpx.AsyncClient, path: str) -> None:
    cookies, now = await _cookies(client), house.clock.monotonic()
    assert _status(cookies, path, now) == 403
    assert _status(cookies, "/videos/local/1/source.mp4", now) == 200, "the positive control"


@pytest.mark.parametrize("name", ["CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id"])
async def test_a_cookie_that_is_missing_or_another_owners_closes_the_folder(
    house: House, client: httpx.AsyncClient, name: str
) -> None:
    mine, now = await _cookies(client), house.clock.monotonic()
    theirs = dict((await house.services().cookies.sign(Owner("other"))).values)
    assert _status({key: value for key, value in mine.items() if key != name}, "/videos/local/1/a", now) == 403
    mixed = {**mine, name: theirs[name] if name != "CloudFront-Key-Pair-Id" else "K2"}
    assert _status(mixed, "/videos/local/1/a", now) == 403
    assert _status(mixed, "/videos/other/1/a", now) == 403
    assert _status(theirs, "/videos/other/1/a", now) == 200, "the positive control"
    assert _status(mine, "/videos/local/1/a", now) == 200, "the positive control"


async def test_a_key_that_the_distribution_does_not_trust_signs_nothing(
    house: House, client: httpx.AsyncClient
) -> None:
    cookies, now = await _cookies(client), house.clock.monotonic()
    assert _status(cookies, "/videos/local/1/a", now, {"K1": _public("another")}) == 403
    assert _status(cookies, "/videos/local/1/a", now) == 200, "the positive control"


async def test_scripts_other_sites_and_plain_http_never_get_the_cookies(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/cookies")
    lines = answer.headers.get_list("Set-Cookie")
    assert len(lines) == 3
    for line in lines:
        attributes = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"secure", "httponly", "samesite=strict", "path=/videos/", "max-age=3600"} <= attributes
    assert answer.json()["folder"] == "/videos/local/"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_signing_out_clears_them(client: httpx.AsyncClient) -> None:
    made = {line.split("=")[0] for line in (await client.post("/api/cookies")).headers.get_list("Set-Cookie")}
    answer = await client.delete("/api/cookies")
    assert answer.status_code == 204
    cleared = answer.headers.get_list("Set-Cookie")
    assert {line.split("=")[0] for line in cleared} == made
    assert all("Max-Age=0" in line and "Path=/videos/" in line for line in cleared)


async def test_a_deleted_video_is_forgotten_by_the_cdn(house: House, client: httpx.AsyncClient) -> None:
    job = await house.queued()
    assert (await client.delete(f"/api/videos/{job.id}")).status_code == 204
    assert house.edge.forgotten == [job.prefix]


async def test_a_cdn_that_does_not_answer_keeps_nothing_from_being_deleted() -> None:
    class Away(Calm):
        async def before(self, operation: str) -> None:
            if operation == "forget":
                raise StoreUnavailable("cloudfront", operation, "Throttling")

    house = House(calm=Away())
    job = await house.queued()
    await house.videos.delete(job.owner, job.id)
    assert house.objects.objects == {}


async def test_the_key_comes_from_its_secret_and_a_new_one_is_taken_up() -> None:
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    clock = FakeClock()
    with mock_aws():
        client = boto3.client("secretsmanager", "us-east-1")
        client.create_secret(Name="dev/key", SecretString=private_key("videos").private_bytes(*kinds).decode())
        key = SecretKey(client, "dev/key", clock.monotonic)
        assert (await key.get()).private_numbers() == private_key("videos").private_numbers()
        client.put_secret_value(SecretId="dev/key", SecretString=private_key("another").private_bytes(*kinds).decode())
        assert (await key.get()).private_numbers() == private_key("videos").private_numbers()
        clock.advance(901)
        assert (await key.get()).private_numbers() == private_key("another").private_numbers()
        for wrong in ("no key", ""):
            client.put_secret_value(SecretId="dev/key", SecretString=wrong or "-----BEGIN PRIVATE KEY-----")
            clock.advance(901)
            with pytest.raises(StoreUnavailable, match="not a private key"):
                await key.get()
        with pytest.raises(StoreUnavailable, match="ResourceNotFoundException"):
            await SecretKey(client, "dev/absent", clock.monotonic).get()


async def test_an_invalidation_names_the_videos_folder_once() -> None:
    asked: list[dict[str, object]] = []

    class Client:
        def create_invalidation(self, **request: object) -> dict[str, object]:
            asked.append(request)
            return {}

    await Distribution(Client(), "E1").forget("videos/local/v1/", "v1")
    batch = {"Paths": {"Quantity": 1, "Items": ["/videos/local/v1/*"]}, "CallerReference": "v1"}
    assert asked == [{"DistributionId": "E1", "InvalidationBatch": batch}]
