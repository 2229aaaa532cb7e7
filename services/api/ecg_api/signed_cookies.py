"""Signed cookies for the CDN: whoever has them reads one owner's folder of `/videos/*`, until they end.

A cookie carries a policy, which names the folder and the end, and its signature by the key whose public half the
distribution trusts (CloudFront Developer Guide, "Use signed cookies with a custom policy", 2026-06).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ecg_api.jobs import Owner

PATH = "/videos/"
"""Where browsers send the cookies, and nowhere else; the API itself never sees them."""

NAMES = ("CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id")

_REPLACED = str.maketrans("+=/", "-_~")


class SigningKey(Protocol):
    """Where the private half comes from."""

    async def get(self) -> rsa.RSAPrivateKey: ...


@dataclass(frozen=True, slots=True)
class SignedCookies:
    """Cookies by name, good for `folder` until `expires_at`."""

    folder: str
    expires_at: datetime
    values: Mapping[str, str]


class CookieSigner:
    """Signs for the distribution at `domain` with the key that it knows as `key_id`; `lifetime` is a cookie's."""

    def __init__(
        self,
        domain: str,
        key_id: str,
        key: SigningKey,
        now: Callable[[], datetime],
        lifetime: timedelta = timedelta(hours=1),
    ) -> None:
        self._domain = domain
        self._key_id = key_id
        self._key = key
        self._now = now
        self.lifetime = lifetime

    async def sign(self, owner: Owner) -> SignedCookies:
        """Return cookies for the owner's folder. Raises StoreUnavailable."""
        folder = f"{PATH}{owner}/"
        expires_at = self._now() + self.lifetime
        policy = policy_of(f"https://{self._domain}{folder}*", expires_at)
        key = await self._key.get()
        # SHA-1 is what CloudFront takes unless told otherwise; nobody but us chooses the text, so nobody collides it.
        signature = key.sign(policy, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        values = dict(zip(NAMES, (_encoded(policy), _encoded(signature), self._key_id), strict=True))
        return SignedCookies(folder, expires_at, values)


def policy_of(resource: str, expires_at: datetime) -> bytes:
    """Return the policy that lets its holder read `resource`, an address that may end in a wildcard."""
    condition = {"DateLessThan": {"AWS:EpochTime": int(expires_at.timestamp())}}
    return json.dumps({"Statement": [{"Resource": resource, "Condition": condition}]}, separators=(",", ":")).encode()


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode().translate(_REPLACED)
