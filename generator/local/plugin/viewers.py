"""CloudFront's edge: trusted key groups are enforced, load balancers are asked as configured, and pages may upload.

MiniStack answers a behaviour with TrustedKeyGroups to everybody; here a request must be signed (signed_requests.py).
It asks HTTP listeners alone and gathers an answer whole; here an HTTPS listener with a certificate is asked, too, and
what the load balancer streams is streamed.
A Content-Security-Policy names S3 and Cognito as AWS does; here both answer at this machine's name.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import time
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, parse_qsl, quote

from ministack.services import alb, cloudfront

from .signed_requests import SIGNED, Claim, Refused, admit, claim_of
from .sites import aliases

_AWS_NAME = "127.0.0.1"
"""What clients of the embedded AWS call it (generator/local/connection.py), and so what presigned addresses have."""
_POLICY = "Content-Security-Policy"
_AWS_HOST = re.compile(r"https://([a-z0-9.-]+\.s3(\.[a-z0-9-]+)?\.amazonaws|\*\.auth\.[a-z0-9-]+\.amazoncognito)\.com")


def _trusted_keys(distribution: dict[str, Any], path: str) -> dict[str, str] | None:
    """The keys that the behaviour for `path` trusts; None where it is open to everybody."""
    behavior = cloudfront._match_behavior(cloudfront.parse_distribution_dataplane_config(distribution), path)
    pattern = behavior.get("path_pattern") if behavior else None
    groups: list[str] = []
    enabled = False
    for element in cloudfront._dist_config_el(distribution).iter():
        name = cloudfront._local_tag_name(element)
        if name not in ("DefaultCacheBehavior", "CacheBehavior"):
            continue
        mine = pattern is None if name == "DefaultCacheBehavior" else _text(element, "PathPattern") == pattern
        trusted = next((each for each in element if cloudfront._local_tag_name(each) == "TrustedKeyGroups"), None)
        if mine and trusted is not None and pattern == (_text(element, "PathPattern") or None):
            enabled = _text(trusted, "Enabled") == "true"
            groups = [each.text or "" for each in trusted.iter() if cloudfront._local_tag_name(each) == "KeyGroup"]
    if not enabled or not groups:
        return None
    return {
        key: cloudfront._public_keys[key]["Config"]["EncodedKey"]
        for group in groups
        if group in cloudfront._key_groups
        for key in cloudfront._key_groups[group]["Config"]["Items"]
        if key in cloudfront._public_keys
    }


def _text(element: Any, name: str) -> str:
    return next((each.text or "" for each in element if cloudfront._local_tag_name(each) == name), "")


async def _handle(
    distribution: dict[str, Any],
    method: str,
    path: str,
    raw_uri: str,
    raw_query: str,
    headers: dict[str, str],
    body: bytes,
    query: dict[str, Any],
    client: str = "127.0.0.1",
) -> Any:
    keys = _trusted_keys(distribution, path)
    if keys is not None:
        pairs = parse_qsl(raw_query, keep_blank_values=True)
        kept = [(name, value) for name, value in pairs if name not in SIGNED]
        cookies = {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
        rest = "&".join(f"{quote(name)}={quote(value)}" for name, value in kept)
        # Signed URLs name the distribution's own host or its site's, or this machine's name for it.
        hosts = (headers.get("host", ""), distribution["DomainName"], *aliases(distribution))
        try:
            claim = claim_of(dict(pairs), cookies)
            _admit_any(claim, keys, [f"https://{host}{raw_uri}{'?' + rest if rest else ''}" for host in hosts], client)
        except Refused as error:
            return _refusal(str(error))
        raw_query = rest
        query = {name: values for name, values in query.items() if name not in SIGNED}
    answer = await _original_handle(distribution, method, path, raw_uri, raw_query, headers, body, query, client)
    status, told, content = answer
    if policy := told.get(_POLICY):
        told = {**told, _POLICY: _AWS_HOST.sub(_aws_here(headers.get("host", "")), policy)}
    return status, told, content


def _aws_here(host: str) -> str:
    """Where AWS answers on this machine: the port is the distribution's own."""
    return f"https://{_AWS_NAME}:{host.rpartition(':')[2]}"


def _admit_any(claim: Claim, keys: Mapping[str, str], resources: list[str], client: str) -> None:
    for number, resource in enumerate(resources):
        try:
            return admit(claim, keys, resource, client, time.time())
        except Refused:
            if number == len(resources) - 1:
                raise
    return None


def _refusal(code: str) -> tuple[int, dict[str, str], bytes]:
    message = "Access denied" if code == "AccessDenied" else code
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return 403, {"Content-Type": "text/xml", "X-Cache": "Error from cloudfront"}, text.encode()


async def _ask_load_balancer(
    balancer: dict[str, Any],
    origin: dict[str, Any],
    method: str,
    uri: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    viewer_is_https: bool,
    client: str,
    forwarded_for: str,
) -> tuple[int, str, list[tuple[str, str]], Any]:
    """Status, reason, headers and body from the listener on the origin's port, which must speak the origin's protocol.

    Nobody shakes hands, so whether its certificate names the host that is asked for is not looked at.
    """
    name, port, secure = cloudfront._origin_connect_target(origin, viewer_is_https)
    protocol = "HTTPS" if secure else "HTTP"
    if not any(_speaks(each, balancer, protocol, port) for each in alb._listeners.values()):
        raise cloudfront.OriginUnreachable(f"no {protocol} listener on port {port} of {name}")
    sent = cloudfront._origin_request_headers(origin, headers, client, forwarded_for)
    asked = alb.dispatch_request(
        balancer,
        method,
        uri,
        {key.lower(): value for key, value in sent.items()},
        body or b"",
        parse_qs(query, keep_blank_values=True),
        port,
        client_ip="127.0.0.1",
        raw_query_string=query,
    )
    try:
        status, told, content = await asyncio.wait_for(asked, origin["read_timeout"])
    except TimeoutError as error:
        raise cloudfront.OriginTimeout(f"no response from {name} within {origin['read_timeout']} s") from error
    except Exception as error:
        raise cloudfront.OriginUnreachable(str(error)) from error
    pairs = [(key, each) for key, value in told.items() for each in (value if isinstance(value, list) else [value])]
    return status, http.client.responses.get(status, ""), pairs, content


def _speaks(listener: Mapping[str, Any], balancer: Mapping[str, Any], protocol: str, port: int) -> bool:
    return (
        listener["LoadBalancerArn"] == balancer["LoadBalancerArn"]
        and (listener.get("Protocol"), int(listener.get("Port", 0))) == (protocol, port)
        and (protocol == "HTTP" or bool(listener.get("Certificates")))
    )


_original_handle = cloudfront.handle_viewer_request


def install() -> None:
    """Put both in place."""
    cloudfront.handle_viewer_request = _handle
    cloudfront._fetch_from_alb_origin = _ask_load_balancer
