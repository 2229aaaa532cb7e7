"""Bearer tokens: who a token speaks for, given the key that it names. Pure but for the clock that PyJWT reads.

Checked are the signature (RS256 and nothing else, whatever the token's header says), issuer, expiry, times in the
future, and for whom it was made. Sources: RFC 8725 (best practices), RFC 9068 (`aud` of an access token), Amazon
Cognito Developer Guide, "Verifying JSON web tokens" (`client_id` in place of `aud`, `token_use`; 2026-06).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from ecg_api.errors import TokenRefused
from ecg_api.principals import Principal, Role, owner_of

ALGORITHM = "RS256"
LONGEST = 8192
"""Characters of a token; providers' are below 3,000."""

NAME_CLAIMS = ("name", "preferred_username", "email")
"""What to call somebody, the best first (OpenID Connect Core 5.1)."""

_REQUIRED = ["exp", "iat", "iss", "sub"]


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must say.

    `audiences` are the clients or API names that it may be made for; `roles_claim` holds a list of groups, or one
    text with spaces between them; who has the group `operator_group` is an operator; clocks may differ by `skew_s`.
    """

    issuer: str
    audiences: frozenset[str]
    roles_claim: str = "cognito:groups"
    operator_group: str = "operator"
    skew_s: float = 60.0


def key_id(token: str) -> str:
    """Return the id of the key that a token says it is signed with; nothing of it is checked yet.

    Raises:
        TokenRefused: it is no token of the accepted kind.
    """
    if len(token) > LONGEST:
        raise TokenRefused("too long")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise TokenRefused("malformed") from error
    if header.get("alg") != ALGORITHM:
        raise TokenRefused("algorithm")
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise TokenRefused("no key id")
    return kid


def principal_of(token: str, key: jwt.PyJWK, rules: TokenRules) -> Principal:
    """Return who `token` speaks for, after all checks, with the provider's own `key`.

    Raises:
        TokenRefused: a check failed.
    """
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            issuer=rules.issuer,
            leeway=rules.skew_s,
            # The audience is checked below: Cognito's access tokens have none.
            options={"require": _REQUIRED, "verify_aud": False},
        )
    except jwt.ExpiredSignatureError as error:
        raise TokenRefused("expired") from error
    except jwt.PyJWTError as error:
        raise TokenRefused(type(error).__name__) from error
    if not rules.audiences.intersection(_texts(claims.get("aud", claims.get("client_id")))):
        raise TokenRefused("audience")
    if claims.get("token_use", "access") != "access":
        raise TokenRefused("not an access token")
    sub = claims["sub"]
    if not 0 < len(sub) <= 255:
        raise TokenRefused("subject")
    operator = rules.operator_group in _texts(claims.get(rules.roles_claim))
    roles = frozenset({Role.USER, Role.OPERATOR} if operator else {Role.USER})
    return Principal(sub, owner_of(sub), roles, first_text(claims, NAME_CLAIMS))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return value.split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def first_text(claims: Mapping[str, Any], names: Iterable[str]) -> str | None:
    """Return the first of the claims `names` that is a text with something in it."""
    found = (claims.get(name) for name in names)
    return next((text for text in found if isinstance(text, str) and text), None)
