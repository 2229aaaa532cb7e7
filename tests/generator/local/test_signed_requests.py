"""CloudFront's signatures, as the local edge judges them; keys and signatures by `openssl`, not by our own code."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from generator.local.authority import key_pair
from generator.local.plugin.signed_requests import Refused, admit, claim_of, verifies

URL = "https://d1.cloudfront.net/videos/me/a.mp4"
NOW = 1_800_000_000.0

Sign = Callable[[str], str]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


def _signed(directory: Path, message: str, digest: str = "sha1") -> bytes:
    command = ["openssl", "dgst", f"-{digest}", "-sign", str(directory / "k.key")]
    return subprocess.run(command, input=message.encode(), capture_output=True, check=True).stdout


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode().replace("+", "-").replace("=", "_").replace("/", "~")


def _policy(resource: str, until: float = NOW + 60, more: str = "") -> str:
    return (
        f'{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{int(until)}}}{more}}}'
        "}]}"
    )


def _custom(directory: Path, policy: str) -> dict[str, str]:
    return {"Policy": _text(policy.encode()), "Signature": _text(_signed(directory, policy)), "Key-Pair-Id": "K1"}


def _judge(directory: Path, query: dict[str, str], url: str = URL, client: str = "10.0.0.1") -> None:
    keys = {"K1": key_pair(directory, "k").public}
    admit(claim_of(query, {}), keys, url, client, NOW)


@pytest.mark.parametrize(("algorithm", "digest"), [("SHA1", "sha1"), ("SHA256", "sha256")])
def test_a_signature_is_verified(directory: Path, algorithm: str, digest: str) -> None:
    public = key_pair(directory, "k").public
    signature = _signed(directory, "message", digest)
    assert verifies(public, algorithm, b"message", signature)
    assert not verifies(public, algorithm, b"massage", signature)
    assert not verifies(public, algorithm, b"message", signature[:-1])


def test_a_canned_policy_covers_one_url_until_it_expires(directory: Path) -> None:
    def query(until: int) -> dict[str, str]:
        signature = _text(_signed(directory, _policy(URL, until)))
        return {"Expires": str(until), "Signature": signature, "Key-Pair-Id": "K1"}

    _judge(directory, query(int(NOW) + 1))
    with pytest.raises(Refused, match="AccessDenied"):
        _judge(directory, query(int(NOW)))
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        _judge(directory, query(int(NOW) + 1), url=URL.replace("me", "you"))
    with pytest.raises(Refused, match="SignatureDoesNotMatch"):
        _judge(directory, query(int(NOW) + 1) | {"Expires": str(int(NOW) + 9999)})


@pytest.mark.parametrize(
    ("policy", "admitted"),
    [
        (_policy("https://d1.cloudfront.net/videos/me/*"), True),
        (_policy("https://d1.cloudfront.net/videos/you/*"), False),
        (_policy("https://*/videos/m?/*.mp4"), True),
        (_policy(URL, NOW), False),
        (_policy(URL, more=f',"DateGreaterThan":{{"AWS:EpochTime":{int(NOW) + 1}}}'), False),
        (_policy(URL, more=',"IpAddress":{"AWS:SourceIp":"10.0.0.0/8"}'), True),
        (_policy(URL, more=',"IpAddress":{"AWS:SourceIp":"192.168.0.0/16"}'), False),
    ],
)
def test_a_custom_policy_is_followed(directory: Path, policy: str, admitted: bool) -> None:
    if admitted:
        _judge(directory, _custom(directory, policy))
    else:
        with pytest.raises(Refused, match="AccessDenied"):
            _judge(directory, _custom(directory, policy))


def test_a_key_outside_the_group_is_refused(directory: Path) -> None:
    with pytest.raises(Refused, match="InvalidKey"):
        _judge(directory, _custom(directory, _policy(URL)) | {"Key-Pair-Id": "K2"})


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({}, "MissingKey"),
        ({"Key-Pair-Id": "K1", "Signature": "AAAA"}, "MissingKey"),
        ({"Key-Pair-Id": "K1", "Signature": "!", "Expires": "1"}, "MalformedSignature"),
    ],
)
def test_an_incomplete_or_garbled_claim_is_refused(query: dict[str, str], reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        claim_of(query, {})


def test_cookies_count_where_the_query_is_unsigned(directory: Path) -> None:
    cookies = {f"CloudFront-{name}": value for name, value in _custom(directory, _policy(URL)).items()}
    keys = {"K1": key_pair(directory, "k").public}
    admit(claim_of({}, cookies), keys, URL, "10.0.0.1", NOW)
