"""Patterns of IAM, where `*` stands for any text and `?` for one character: which covers which, which can meet."""

from collections.abc import Callable
from functools import cache


def covers(wide: str, narrow: str) -> bool:
    """Whether every text that `narrow` matches is matched by `wide` too.

    Only a `*` of the wide one takes in a `*` of the narrow one: never wrong where it says yes.
    """
    if wide == narrow or wide == "*":
        return True
    if "*" not in wide and "?" not in wide:
        return False

    def step(i: int, j: int, go: Callable[[int, int], bool]) -> bool:
        if i == len(wide):
            return j == len(narrow)
        if wide[i] == "*":
            return go(i + 1, j) or (j < len(narrow) and go(i, j + 1))
        if j == len(narrow) or narrow[j] == "*":
            return False
        return wide[i] in ("?", narrow[j]) and go(i + 1, j + 1)

    return _walk(step)


def meet(one: str, other: str) -> bool:
    """Whether some text is matched by both."""
    if one == other or "*" in (one, other):
        return True

    def step(i: int, j: int, go: Callable[[int, int], bool]) -> bool:
        if i == len(one) and j == len(other):
            return True
        if i < len(one) and one[i] == "*":
            return go(i + 1, j) or (j < len(other) and go(i, j + 1))
        if j < len(other) and other[j] == "*":
            return go(i, j + 1) or (i < len(one) and go(i + 1, j))
        if i == len(one) or j == len(other):
            return False
        return (one[i] == other[j] or "?" in (one[i], other[j])) and go(i + 1, j + 1)

    return _walk(step)


def _walk(step: Callable[[int, int, Callable[[int, int], bool]], bool]) -> bool:
    @cache
    def go(i: int, j: int) -> bool:
        return step(i, j, go)

    return go(0, 0)
