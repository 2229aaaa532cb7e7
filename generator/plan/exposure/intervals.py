"""Sets of whole numbers as intervals: exact union, difference and intersection of ports and addresses."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

Span = tuple[int, int]
"""First and last number, both included."""


@dataclass(frozen=True)
class Intervals:
    """A set of whole numbers. `spans` are sorted and neither overlap nor touch, so equal sets are equal objects."""

    spans: tuple[Span, ...] = ()

    @staticmethod
    def of(spans: Iterable[Span]) -> "Intervals":
        """The set of the numbers in any of the spans; a span whose end lies before its start is empty."""
        merged: list[Span] = []
        for first, last in sorted(span for span in spans if span[0] <= span[1]):
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
            else:
                merged.append((first, last))
        return Intervals(tuple(merged))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __contains__(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.spans)

    def __or__(self, other: "Intervals") -> "Intervals":
        return Intervals.of(self.spans + other.spans)

    def __and__(self, other: "Intervals") -> "Intervals":
        return Intervals.of((max(a, c), min(b, d)) for a, b in self.spans for c, d in other.spans if a <= d and c <= b)

    def __sub__(self, other: "Intervals") -> "Intervals":
        rest = list(self.spans)
        for first, last in other.spans:
            rest = [
                part
                for a, b in rest
                for part in (((a, min(b, first - 1)), (max(a, last + 1), b)) if a <= last and first <= b else ((a, b),))
                if part[0] <= part[1]
            ]
        return Intervals.of(rest)

    def covers(self, other: "Intervals") -> bool:
        """Whether every number of the other set is in this one."""
        return not other - self

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return sum(last - first + 1 for first, last in self.spans)


def segments(sets: Iterable[Intervals]) -> tuple[Span, ...]:
    """The pieces into which the borders of the sets cut the line: each set holds a piece whole or not at all.

    Pieces that are in none of the sets are left out.
    """
    sets = list(sets)
    starts = {first for one in sets for first, _ in one.spans} | {last + 1 for one in sets for _, last in one.spans}
    borders = sorted(starts)
    return tuple((first, after - 1) for first, after in pairwise(borders) if any(first in one for one in sets))
