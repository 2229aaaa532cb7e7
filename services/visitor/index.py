"""Visits the site as somebody without an account: two doors that must be open, two that must be shut.

CloudWatch Synthetics runs `handler` every few minutes, from outside; generator/stacks/visitor.py puts this file into a
template as it is. An exception is a failed visit, and its text stands in the report. Only the standard library.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable

PATIENCE_S = 10

Answer = tuple[int, str]
"""Status and body."""


class SiteBroken(Exception):
    """What is not as it should be, all of it."""


def _page(answer: Answer) -> bool:
    return answer[0] == 200 and "<title" in answer[1]


def _healthy(answer: Answer) -> bool:
    try:
        return answer[0] == 200 and json.loads(answer[1])["status"] == "healthy"
    except (ValueError, KeyError, TypeError):
        return False


VISITS: tuple[tuple[str, str, Callable[[Answer], bool]], ...] = (
    ("/", "the page", _page),
    ("/api/health", "the API's health", _healthy),
    ("/api/me", "401 without a token", lambda answer: answer[0] == 401),
    ("/videos/nobody/nothing", "403 without a signature", lambda answer: answer[0] == 403),
)
"""Path, what is expected there, and whether an answer is it."""


def get(address: str) -> Answer:
    """Ask once, whatever the answer's status. Raises OSError where there is none."""
    asked = urllib.request.Request(address, headers={"User-Agent": "ecg-visitor"})  # noqa: S310  the site's, https
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")


def visit(site: str, ask: Callable[[str], Answer] = get) -> None:
    """Go to each address of `site`, such as https://ecg.example.org. Raises SiteBroken."""
    mistakes = []
    for path, expected, right in VISITS:
        try:
            answer = ask(site + path)
        except OSError as error:
            mistakes.append(f"{path}: {expected} expected, and no answer: {error}")
            continue
        if not right(answer):
            mistakes.append(f"{path}: {expected} expected, and got {answer[0]}: {answer[1][:200]!r}")
    if mistakes:
        raise SiteBroken("\n".join(mistakes))


def handler(_event: object, _context: object) -> None:
    """What Synthetics calls."""
    visit(os.environ["SITE"])
