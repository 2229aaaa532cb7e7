"""What must hold of a golden case's outcome, and what of it does not. Pure.

    {"schema": "golden-expectations/v1", "about": "a sweep screen, clean", "expect": [
       {"path": "heart_rate_bpm.mean", "equals": 98.1, "tolerance": 1.0},
       {"path": "beats", "length": 12, "tolerance": 1},
       {"path": "quality.readable_share", "at_least": 0.95},
       {"path": "findings", "equals": []}]}

A path leads through objects by key and through lists by position (`beats.0.class`, `beats.-1.time_s`). `equals` takes a
number, text, true, false, null, or a list of those, each compared within `tolerance`. A case that must be refused says
`"error": "no_trace"` instead of `expect`.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from kit.contract import Failure, Result

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr | None
_LONGEST = 120
_ROUNDING = 1e-9


class Kind(StrEnum):
    """What can be expected of a value."""

    EQUALS = "equals"
    LENGTH = "length"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class _Missing:
    """What a path that leads nowhere finds; not None, which is a value."""


_MISSING = _Missing()


class Expectation(BaseModel):
    """One thing that must hold; exactly one of `equals`, `length`, `at_least`, `at_most`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(min_length=1)
    equals: Scalar | tuple[Scalar, ...] = None
    length: int | None = Field(default=None, ge=0)
    at_least: float | None = Field(default=None, allow_inf_nan=False)
    at_most: float | None = Field(default=None, allow_inf_nan=False)
    tolerance: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_kind(self) -> "Expectation":
        if len(self._given()) != 1:
            raise ValueError(f"{self.path!r} needs exactly one of {', '.join(Kind)}")
        if self.tolerance is not None and not self._has_numbers():
            raise ValueError(f"{self.path!r} has a tolerance, which only numbers that equal and lengths can have")
        return self

    @property
    def kind(self) -> Kind:
        """Which of the four is given."""
        return self._given()[0]

    def _given(self) -> list[Kind]:
        return [kind for kind in Kind if kind in self.model_fields_set]

    def _has_numbers(self) -> bool:
        values = self.equals if isinstance(self.equals, tuple) else (self.equals,)
        return self.kind is Kind.LENGTH or (self.kind is Kind.EQUALS and any(_is_number(value) for value in values))


class Expectations(BaseModel):
    """`expected.json`: what must hold, or the code of the error that must come. `about` is for people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["golden-expectations/v1"] = Field(alias="schema")
    about: str = ""
    error: str | None = None
    expect: tuple[Expectation, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> "Expectations":
        if bool(self.expect) == bool(self.error):
            raise ValueError("there must be either a list 'expect' that is not empty, or an 'error'")
        return self


@dataclass(frozen=True)
class Difference:
    """One thing that does not hold. `expected` and `actual` are ready for JSON; long ones are cut."""

    path: str
    expected: Any
    actual: Any
    tolerance: float | None = None

    def to_data(self) -> dict[str, Any]:
        """As the report has it."""
        return asdict(self)


def compare(expectations: Expectations, outcome: Result | Failure) -> tuple[Difference, ...]:
    """Everything in which the outcome is not as expected; empty where all holds."""
    match outcome:
        case Failure(code, message):
            if expectations.error == code:
                return ()
            return (Difference("error", expectations.error, f"{code}: {message}"),)
        case Result(result):
            if expectations.error is not None:
                return (Difference("error", expectations.error, None),)
            return tuple(one for expectation in expectations.expect for one in _differences(expectation, result))


def _differences(one: Expectation, result: Mapping[str, Any]) -> Iterator[Difference]:
    actual = _at(one.path, result)
    match one.kind:
        case Kind.EQUALS if isinstance(one.equals, tuple):
            yield from _of_lists(one, one.equals, actual)
        case Kind.EQUALS:
            if not _equal(one.equals, actual, one.tolerance):
                yield Difference(one.path, one.equals, _shown(actual), one.tolerance)
        case Kind.LENGTH:
            if not isinstance(actual, list | tuple):
                yield Difference(one.path, f"a list of {one.length}", _shown(actual), one.tolerance)
            elif not _equal(one.length, len(actual), one.tolerance):
                yield Difference(f"{one.path}.length", one.length, len(actual), one.tolerance)
        case Kind.AT_LEAST:
            if not (_is_number(actual) and one.at_least is not None and actual >= one.at_least):
                yield Difference(one.path, f">= {one.at_least}", _shown(actual))
        case Kind.AT_MOST:
            if not (_is_number(actual) and one.at_most is not None and actual <= one.at_most):
                yield Difference(one.path, f"<= {one.at_most}", _shown(actual))
        case _:
            assert_never(one.kind)


def _of_lists(one: Expectation, expected: Sequence[Scalar], actual: Any) -> Iterator[Difference]:
    if not isinstance(actual, list | tuple):
        yield Difference(one.path, list(expected), _shown(actual), one.tolerance)
    elif len(actual) != len(expected):
        yield Difference(f"{one.path}.length", len(expected), len(actual))
    else:
        for index, (wanted, found) in enumerate(zip(expected, actual, strict=True)):
            if not _equal(wanted, found, one.tolerance):
                yield Difference(f"{one.path}.{index}", wanted, _shown(found), one.tolerance)


def _at(path: str, value: Any) -> Any:
    """What lies at a path, or _MISSING."""
    for step in path.split("."):
        match value:
            case Mapping() if step in value:
                value = value[step]
            case list() | tuple() if step.lstrip("-").isdecimal() and -len(value) <= int(step) < len(value):
                value = value[int(step)]
            case _:
                return _MISSING
    return value


def _is_number(value: Any) -> bool:
    """True and 1 are the same to Python, and NaN is a float; neither is a number here."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _equal(expected: Any, actual: Any, tolerance: float | None) -> bool:
    if _is_number(expected):
        return _is_number(actual) and abs(actual - expected) <= (tolerance or 0.0) + _ROUNDING
    if isinstance(expected, str):
        return isinstance(actual, str) and expected == actual
    return expected is actual  # true, false, null


def _shown(value: Any) -> Any:
    """A value for the report: scalars as they are; what JSON lacks, and what is long, as short text."""
    if isinstance(value, _Missing):
        return "missing"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
