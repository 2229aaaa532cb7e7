"""Conditions of policy statements: which of two is the weaker, and what they say in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from generator.plan.exposure import addresses, globs
from generator.plan.exposure.services import listed
from generator.plan.exposure.world import World, each

WHO: Final = frozenset(
    {
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceip",
        "aws:vpcsourceip",
        "aws:principalarn",
        "aws:principalaccount",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:userid",
        "kms:calleraccount",
        "kms:viaservice",
        "s3:dataaccesspointaccount",
        "s3:dataaccesspointarn",
        "sns:endpoint",
        "lambda:functionurlauthtype",
    }
)
"""Keys that limit who calls: a statement for everyone with one of these is not public.

Source: "The meaning of public" (S3 user guide) and IAM Access Analyzer's condition keys, read 2026-11.
"""

_SAID: Final = {
    "StringEquals": "is",
    "StringLike": "is like",
    "ArnEquals": "is",
    "ArnLike": "is like",
    "Bool": "is",
    "IpAddress": "is in",
    "StringNotEquals": "is not",
    "StringNotLike": "is not like",
    "ArnNotEquals": "is not",
    "ArnNotLike": "is not like",
    "NotIpAddress": "is not in",
    "Null": "is missing:",
}


@dataclass(frozen=True)
class Clause:
    """One key tested by one operator against values, any of which will do."""

    operator: str
    key: str
    """In lower case: IAM does not mind."""
    values: frozenset[str]
    words: str = field(compare=False)

    @property
    def negated(self) -> bool:
        """The values are those that are refused."""
        return "Not" in self.operator and self.operator != "Null"

    def implied_by(self, other: "Clause") -> bool:
        """Whether whoever passes the other clause passes this one."""
        if self.key != other.key or self.operator not in (other.operator, f"{other.operator}IfExists"):
            return False
        wide, narrow = (other.values, self.values) if self.negated else (self.values, other.values)
        return all(any(self._covers(one, value) for one in wide) for value in narrow)

    def _covers(self, wide: str, narrow: str) -> bool:
        if wide == narrow:
            return True
        if "Like" in self.operator or self.operator.startswith("Arn"):
            return globs.covers(wide, narrow)
        if "IpAddress" in self.operator:
            one, other = addresses.block(wide), addresses.block(narrow)
            if one and other:
                return one.version == other.version and one.addresses.covers(other.addresses)
        return False


Condition = frozenset[Clause]
"""Clauses that all have to hold; none at all is no condition."""


def condition(world: World, value: Any, seen_from: str) -> Condition:
    """The clauses of a statement's `Condition`."""
    clauses: list[Clause] = []
    for block in each(value):
        for operator, tests in block.items() if isinstance(block, Mapping) else ():
            for key, given in tests.items() if isinstance(tests, Mapping) else ():
                values = tuple(each(given))
                said = listed(sorted(world.words(one, seen_from) for one in values), most=3)
                words = f"{key} {_SAID.get(operator, operator)} {said}"
                texts = frozenset(world.text(one) for one in values)
                clauses.append(Clause(str(operator), str(key).lower(), texts, words))
    return frozenset(clauses)


def weaker(one: Condition, other: Condition) -> bool:
    """Whether whoever passes `other` passes `one`; so no condition is the weakest."""
    return all(any(clause.implied_by(given) for given in other) for clause in one)


def limits_who(some: Condition) -> bool:
    """Whether a statement for everyone is, under this condition, not for everyone after all."""
    return any(
        clause.key in WHO and not clause.negated and not any(_everyone(value) for value in clause.values)
        for clause in some
    )


def words(some: Iterable[Clause]) -> str:
    """`aws:SecureTransport is true and aws:SourceAccount is 1234`."""
    return listed(sorted(clause.words for clause in some))


def _everyone(value: str) -> bool:
    return value in ("*", "0.0.0.0/0", "::/0") or (value.startswith("arn:*") and set(value[5:]) <= set(":*"))
