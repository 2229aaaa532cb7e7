"""A sign-in provider with real keys, and tokens of it: good ones and forged ones."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import jwt
from jwt.algorithms import RSAAlgorithm

from ecg_api.access import BearerTokens
from ecg_api.provider import Provider
from ecg_api.tokens import TokenRules
from tests.services.api.fake_stores import FakeClock
from tests.services.api.fakes import private_key

ISSUER = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc"
CLIENT = "page"
METADATA_URL = f"{ISSUER}/.well-known/openid-configuration"
JWKS_URL = "https://keys.example/jwks.json"


def jwk(name: str, bits: int = 2048, **changes: Any) -> dict[str, Any]:
    """The public half of a key as the provider publishes it."""
    public = json.loads(RSAAlgorithm.to_jwk(private_key(name, bits).public_key()))
    return {**public, "kid": name, "use": "sig", "alg": "RS256", **changes}


def token(sub: str = "ada", *, kid: str = "k1", key: Any = None, alg: str = "RS256", **changes: Any) -> str:
    """An access token as Cognito makes it, good unless changed; a claim that is None is left out."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "sub": sub,
        "iss": ISSUER,
        "client_id": CLIENT,
        "token_use": "access",
        "iat": now,
        "exp": now + 3600,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key if key is not None else private_key("k1"), algorithm=alg, headers={"kid": kid})


def bearer(made: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {made}"}


class FakeProvider:
    """The provider's documents over HTTP; `asked` counts the readings of each address."""

    def __init__(self) -> None:
        self.keys = [jwk("k1")]
        self.metadata: dict[str, Any] = {
            "issuer": ISSUER,
            "jwks_uri": JWKS_URL,
            "authorization_endpoint": "https://sign-in.example/oauth2/authorize",
            "token_endpoint": "https://sign-in.example/oauth2/token",
            "end_session_endpoint": "https://sign-in.example/logout",
            "userinfo_endpoint": "https://sign-in.example/oauth2/userInfo",
        }
        self.person: dict[str, Any] = {"sub": "ada", "name": "Ada Lovelace"}
        self.up = True
        self.asked: list[str] = []
        self.clock = FakeClock()

    def answer(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        self.asked.append(url)
        if not self.up:
            raise httpx.ConnectError("away")
        if url == METADATA_URL:
            return httpx.Response(200, json=self.metadata)
        if url == JWKS_URL:
            return httpx.Response(200, json={"keys": self.keys})
        if url == self.metadata["userinfo_endpoint"] and request.headers["Authorization"].startswith("Bearer ey"):
            return httpx.Response(200, json=self.person)
        return httpx.Response(404)

    def access(self, **rules: Any) -> BearerTokens:
        """Access control over this provider."""
        http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))
        provider = Provider(http, ISSUER, METADATA_URL, self.clock.monotonic)
        return BearerTokens(provider, TokenRules(ISSUER, frozenset({CLIENT}), **rules), CLIENT, ("openid", "profile"))
