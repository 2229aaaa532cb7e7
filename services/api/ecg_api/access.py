"""Who may ask: from the `Authorization` header of a request to a principal."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Protocol

from ecg_api.errors import Code, Refused, TokenRefused
from ecg_api.principals import TRIAL, Principal
from ecg_api.provider import Provider
from ecg_api.tokens import TokenRules, key_id, principal_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a page needs to sign somebody in by the code flow with PKCE (RFC 7636)."""

    issuer: str
    client_id: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None
    scopes: tuple[str, ...]


class Access(Protocol):
    """How requests are let in."""

    async def principal(self, authorization: str | None) -> Principal:
        """Return who asks. Raises Refused (`sign_in_required`), StoreUnavailable."""

    async def name(self, principal: Principal, authorization: str | None) -> str:
        """Return what to call them. Raises StoreUnavailable."""

    async def sign_in(self) -> SignIn | None:
        """Return how to sign in; None where nobody has to. Raises StoreUnavailable."""


class BearerTokens:
    """Only holders of a token that `provider` signed by `rules`."""

    def __init__(self, provider: Provider, rules: TokenRules, client_id: str, scopes: tuple[str, ...]) -> None:
        self._provider = provider
        self._rules = rules
        self._client_id = client_id
        self._scopes = scopes

    async def principal(self, authorization: str | None) -> Principal:
        """Return who the token speaks for."""
        token = _token(authorization)
        try:
            return principal_of(token, await self._provider.key(key_id(token)), self._rules)
        except TokenRefused as refused:
            # Which check failed helps an attacker more than a user; expiry is the one that happens to everybody.
            log.info("token refused", extra={"reason": refused.reason})
            detail = "The token has expired." if refused.reason == "expired" else "The token is not valid."
            raise Refused(Code.SIGN_IN_REQUIRED, detail) from refused

    async def name(self, principal: Principal, authorization: str | None) -> str:
        """Return the token's name for them, else the provider's, else the subject."""
        return principal.name or await self._provider.name_of(_token(authorization)) or principal.sub

    async def sign_in(self) -> SignIn | None:
        """Return the provider's addresses."""
        metadata = await self._provider.metadata()
        return SignIn(
            issuer=self._rules.issuer,
            client_id=self._client_id,
            authorization_endpoint=metadata.authorization_endpoint,
            token_endpoint=metadata.token_endpoint,
            end_session_endpoint=metadata.end_session_endpoint,
            scopes=self._scopes,
        )


class OpenToAll:
    """Everybody is the same principal: for a local trial, and settings allow it nowhere else."""

    async def principal(self, authorization: str | None) -> Principal:  # noqa: ARG002 - as the protocol has it
        """Return the principal of all."""
        return TRIAL

    async def name(self, principal: Principal, authorization: str | None) -> str:  # noqa: ARG002
        """Return its name."""
        return principal.name or principal.sub

    async def sign_in(self) -> SignIn | None:
        """Nobody has to."""
        return None


def _token(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Refused(Code.SIGN_IN_REQUIRED, "There is no bearer token in the request.")
    return token.strip()
