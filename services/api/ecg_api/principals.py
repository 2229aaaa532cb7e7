"""Who asks, once a token was checked: pure.

An owner is part of the keys of a video's objects, so not every subject will do as one: what is not plainly safe in a
key, in a URL and in a CloudFront policy is replaced by its hash, marked so that no plain subject can equal it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from ecg_api.jobs import Owner

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


class Role(StrEnum):
    """What somebody may do."""

    USER = "user"
    """Everybody who is signed in: their own videos."""
    OPERATOR = "operator"
    """Sees how the environment does; sees nobody's videos."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who is signed in; `name` is for themselves to see, where the token has one."""

    sub: str
    owner: Owner
    roles: frozenset[Role]
    name: str | None = None


TRIAL = Principal("local", Owner("local"), frozenset(Role), "Local trial")
"""Everybody, where access control is off."""


def owner_of(sub: str) -> Owner:
    """Return whose videos the holder of the subject `sub` (1 to 255 characters, OpenID Connect Core 2) has."""
    return Owner(sub if _PLAIN.fullmatch(sub) else f"sha256.{hashlib.sha256(sub.encode()).hexdigest()}")
