"""The OpenID Connect provider: its addresses and its keys, read over HTTP and remembered.

    issuer -> metadata (OpenID Connect Discovery 1.0) -> keys (JWKS, RFC 7517)

Keys are read again when a token names one that is not known, so that a rotation needs no restart; at most every
`pause_s`, so that tokens with invented key ids cost the provider nothing. Keys of `fresh_s` are read again before
they are used, so that one that was withdrawn is forgotten; where that fails, those at hand serve on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
import jwt

from ecg_api.errors import StoreUnavailable, TokenRefused
from ecg_api.tokens import ALGORITHM, NAME_CLAIMS, first_text

log = logging.getLogger(__name__)

LARGEST = 256 * 1024
"""In bytes, of a metadata or key document."""

_MOST_KEYS = 20
_LEAST_BITS = 2048


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the provider says of itself; None what it does not have."""

    jwks_uri: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None
    userinfo_endpoint: str | None


class Provider:
    """The provider with the name `issuer`, whose metadata lies at `metadata_url`. May raise StoreUnavailable.

    Args:
        http: is closed by whoever made it.
        clock: monotonic seconds.
        fresh_s: how long metadata and keys are believed.
        pause_s: the least time between two reads, successful or not.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        issuer: str,
        metadata_url: str,
        clock: Callable[[], float],
        *,
        fresh_s: float = 3600.0,
        pause_s: float = 10.0,
    ) -> None:
        self._http = http
        self._issuer = issuer
        self._metadata_url = metadata_url
        self._clock = clock
        self._fresh_s = fresh_s
        self._pause_s = pause_s
        self._lock = anyio.Lock()
        self._metadata: Metadata | None = None
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._trouble = "not read yet"

    async def metadata(self) -> Metadata:
        """Return the provider's addresses."""
        if self._metadata is None or self._is_old():
            await self._read()
        if self._metadata is None:
            raise StoreUnavailable("sign-in", "metadata", self._trouble)
        return self._metadata

    async def key(self, kid: str) -> jwt.PyJWK:
        """Return the key `kid`.

        Raises:
            TokenRefused: the provider has no such key.
        """
        if kid not in self._keys or self._is_old():
            await self._read()
        if kid in self._keys:
            return self._keys[kid]
        if not self._keys:
            raise StoreUnavailable("sign-in", "keys", self._trouble)
        raise TokenRefused("unknown key")

    async def name_of(self, token: str) -> str | None:
        """Return what the provider calls the holder of `token`; None where it does not say."""
        url = (await self.metadata()).userinfo_endpoint
        if url is None:
            return None
        try:
            said = await self._json(url, {"Authorization": f"Bearer {token}"})
        except (httpx.HTTPError, ValueError) as error:
            log.info("no name from the provider", extra={"reason": type(error).__name__})
            return None
        return first_text(said, (*NAME_CLAIMS, "username"))

    def _is_old(self) -> bool:
        return self._clock() - self._read_at > self._fresh_s

    async def _read(self) -> None:
        """Read both documents, unless that was tried just now, here or by somebody who was quicker."""
        async with self._lock:
            if self._clock() - self._tried_at < self._pause_s:
                return
            self._tried_at = self._clock()
            try:
                metadata = _metadata(await self._json(self._metadata_url), self._issuer)
                keys = _keys(await self._json(metadata.jwks_uri))
            except (httpx.HTTPError, ValueError) as error:
                self._trouble = f"{type(error).__name__}: {error}"
                log.warning("the sign-in provider is away", extra={"reason": self._trouble})
                return
            self._metadata, self._keys, self._read_at = metadata, keys, self._clock()

    async def _json(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        async with self._http.stream("GET", url, headers=headers) as answer:
            answer.raise_for_status()
            body = b""
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > LARGEST:
                    raise ValueError(f"more than {LARGEST} bytes")
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError("no JSON object")
        return document


def _metadata(document: Mapping[str, Any], issuer: str) -> Metadata:
    """Return what a metadata document says. Raises ValueError where it is not this issuer's, or not over TLS."""
    if document.get("issuer") != issuer:
        raise ValueError("the metadata are another issuer's")

    def address(name: str) -> str | None:
        url = document.get(name)
        if url is None:
            return None
        if not isinstance(url, str) or not url.startswith("https://"):
            raise ValueError(f"{name} is not an https address")
        return url

    def required(name: str) -> str:
        url = address(name)
        if url is None:
            raise ValueError(f"{name} is missing")
        return url

    return Metadata(
        jwks_uri=required("jwks_uri"),
        authorization_endpoint=required("authorization_endpoint"),
        token_endpoint=required("token_endpoint"),
        end_session_endpoint=address("end_session_endpoint"),
        userinfo_endpoint=address("userinfo_endpoint"),
    )


def _keys(document: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Return the keys that tokens may be signed with, by id; others are none of ours. Raises ValueError."""
    found: dict[str, jwt.PyJWK] = {}
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise ValueError("no list of keys, or too many of them")
    for entry in listed:
        if not isinstance(entry, dict) or entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig":
            continue
        if entry.get("alg", ALGORITHM) != ALGORITHM or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = jwt.PyJWK(entry, ALGORITHM)
        except jwt.PyJWTError:
            continue
        if key.key.key_size >= _LEAST_BITS:
            found[entry["kid"]] = key
    if not found:
        raise ValueError("there is no key for RS256 among them")
    return found
