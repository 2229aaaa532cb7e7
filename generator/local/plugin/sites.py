"""Sites with a domain of their own: the distribution answers to it, and whoever was told the domain knows its pages.

A site's domain ends in `.localhost` here, which browsers resolve to this machine, and so its address has a port. What
is deployed was told the domain alone: the user pool's clients and the bucket's CORS rules take an address without it.
"""

from __future__ import annotations

import re
from typing import Any

from ministack import app
from ministack.services import cloudfront, s3

_CLOUDFRONT = re.compile(r"https://([a-z0-9]+)\.cloudfront\.localhost(:\d+)?(?=/|$)")
_SITE = re.compile(r"https://([a-z0-9.-]+\.localhost):\d+(?=/|$)")


def deployed(url: str) -> str:
    """An address of a page on this machine as what is deployed lists it."""
    return _SITE.sub(r"https://\1", _CLOUDFRONT.sub(r"https://\1.cloudfront.net", url))


def aliases(distribution: dict[str, Any]) -> list[str]:
    """The domains that a distribution answers to besides its own name."""
    return [str(each).lower() for each in cloudfront._get_distribution_aliases(distribution)]


def _label(host: str) -> str | None:
    """The label of the distribution that a host names; MiniStack knows CloudFront's own names only."""
    if label := _original_label(host):
        return str(label)
    name = host.partition(":")[0].lower()
    if not name.endswith(".localhost"):  # AWS's own calls, nearly all
        return None
    found = (one for one in cloudfront._distributions.values() if name in aliases(one))
    return next((str(one["DomainName"]).partition(".")[0] for one in found), None)


def _cors_answer(rules: list[dict[str, Any]], origin: str, method: str, wanted: list[str]) -> dict[str, Any] | None:
    """The rule for the site is the one for its pages here."""
    answer: dict[str, Any] | None = _original_cors_answer(rules, deployed(origin), method, wanted)
    if answer and answer["Access-Control-Allow-Origin"] != "*":
        return {**answer, "Access-Control-Allow-Origin": origin}
    return answer


_original_label = app._parse_cloudfront_dataplane_host
_original_cors_answer = s3._cors_answer


def install() -> None:
    """Put both in place."""
    app._parse_cloudfront_dataplane_host = _label
    s3._cors_answer = _cors_answer
