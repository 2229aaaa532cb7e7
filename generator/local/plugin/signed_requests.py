"""CloudFront's signed URLs and signed cookies, judged as the edge judges them; pure, no MiniStack in it.

A request carries `Expires` (canned policy) or `Policy` (custom policy), `Signature` and `Key-Pair-Id`, in its query or
as cookies with the prefix `CloudFront-`. Source: CloudFront Developer Guide, "Serve private content with signed URLs
and signed cookies" (2026-06).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

# Not base64's alphabet: CloudFront replaces what a URL cannot hold.
_ALPHABET = str.maketrans("-_~", "+=/")
SIGNED = ("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm")
# PKCS#1 v1.5 prefixes of the two digests that CloudFront takes (RFC 8017, 9.2, note 1).
_DIGESTS = {
    "SHA1": ("sha1", bytes.fromhex("3021300906052b0e03021a05000414")),
    "SHA256": ("sha256", bytes.fromhex("3031300d060960864801650304020105000420")),
}


class Refused(Exception):
    """Why the edge refuses a request: CloudFront's error code."""


@dataclass(frozen=True)
class Claim:
    """What a request shows to prove that it was signed: base64 parts already decoded."""

    key: str
    signature: bytes
    policy: bytes | None
    expires: str | None
    algorithm: str = "SHA1"


def _integers(der: bytes) -> list[int]:
    """Every INTEGER of a DER structure, descending into sequences and bit strings."""
    found, at = [], 0
    while at < len(der):
        tag, length, at = der[at], der[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(der[at : at + size], "big"), at + size
        value, at = der[at : at + length], at + length
        if tag == 0x02:
            found.append(int.from_bytes(value, "big"))
        elif tag == 0x30:
            found += _integers(value)
        elif tag == 0x03:
            found += _integers(value[1:])
    return found


def verifies(pem: str, algorithm: str, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is an RSA PKCS#1 v1.5 signature of `message` by the key `pem` (SubjectPublicKeyInfo)."""
    body = "".join(line for line in pem.splitlines() if "-----" not in line)
    modulus, exponent = _integers(base64.b64decode(body))[:2]
    name, prefix = _DIGESTS[algorithm]
    size = (modulus.bit_length() + 7) // 8
    if len(signature) != size:
        return False
    digest = prefix + hashlib.new(name, message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    shown = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    return hmac.compare_digest(shown, expected)


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.translate(_ALPHABET), validate=True)


def claim_of(query: Mapping[str, str], cookies: Mapping[str, str]) -> Claim:
    """The claim in a request's query, else in its cookies. Raises Refused where there is none or it is malformed."""
    signed = dict(query) if "Signature" in query or "Key-Pair-Id" in query else {}
    if not signed:
        signed = {name: cookies[f"CloudFront-{name}"] for name in SIGNED if f"CloudFront-{name}" in cookies}
    if not {"Key-Pair-Id", "Signature"} <= signed.keys() or not {"Policy", "Expires"} & signed.keys():
        raise Refused("MissingKey")
    algorithm = signed.get("Hash-Algorithm", "SHA1")
    if algorithm not in _DIGESTS:
        raise Refused("InvalidKey")
    try:
        policy = _decoded(signed["Policy"]) if "Policy" in signed else None
        return Claim(signed["Key-Pair-Id"], _decoded(signed["Signature"]), policy, signed.get("Expires"), algorithm)
    except (binascii.Error, ValueError):
        raise Refused("MalformedSignature") from None


def admit(claim: Claim, keys: Mapping[str, str], resource: str, client: str, now: float) -> None:
    """Admit a request for `resource` (a URL without its signing parameters). Raises Refused.

    `keys` are the PEM keys of the behaviour's key groups by their ids, `now` is in epoch seconds.
    """
    if claim.key not in keys:
        raise Refused("InvalidKey")
    canned = (
        f'{{"Statement":[{{"Resource":"{resource}","Condition":{{"DateLessThan":'
        f'{{"AWS:EpochTime":{claim.expires}}}}}}}]}}'
    ).encode()
    policy = canned if claim.policy is None else claim.policy
    if not verifies(keys[claim.key], claim.algorithm, policy, claim.signature):
        raise Refused("SignatureDoesNotMatch")
    try:
        statement = json.loads(policy)["Statement"][0]
        condition = statement["Condition"]
        before = int(condition["DateLessThan"]["AWS:EpochTime"])
        after = int(condition.get("DateGreaterThan", {}).get("AWS:EpochTime", 0))
        network = condition.get("IpAddress", {}).get("AWS:SourceIp", "0.0.0.0/0")
        pattern = statement.get("Resource", "*")
    except (ValueError, KeyError, TypeError, IndexError):
        raise Refused("MalformedPolicy") from None
    if not after <= now < before:
        raise Refused("AccessDenied")
    if not fnmatchcase(resource, pattern.replace("[", "[[]")):
        raise Refused("AccessDenied")
    if network not in ("0.0.0.0/0", "*") and ip_address(client) not in ip_network(network, strict=False):
        raise Refused("AccessDenied")
