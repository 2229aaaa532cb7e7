"""Rules over the settings that make an environment hard: each switch with what it needs beside it."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from generator.model.environment import UNRESOLVED
from generator.model.known import Finding, Findings, Known

EDGE_REGION: Final = "us-east-1"
"""Where CloudFront's web ACLs and certificates are."""

GATEWAYS: Final = ("dynamodb", "s3")
"""Services with an endpoint that is a route and costs nothing; all others have interfaces."""

SERVICES: Final = (
    *GATEWAYS,
    *("ecr.api", "ecr.dkr", "kms", "logs", "monitoring", "secretsmanager", "sqs", "ssm", "ssmmessages"),
)
"""What the pipeline calls that has an endpoint in a VPC (docs.aws.amazon.com/vpc, AWS services that integrate)."""

SMALL_OBJECT_DAYS: Final = 30
"""S3 moves nothing to infrequent access sooner, and on to Glacier no sooner than as long after that."""

_CERTIFICATE: Final = r"arn:aws[\w-]*:acm:{region}:\d{{12}}:certificate/[\w-]+"

RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "storage.infrequent_access_days": (SMALL_OBJECT_DAYS, 3650),
    "storage.archive_days": (1, 3650),
    "storage.log_days": (1, 3650),
    "jobs.backup_days": (1, 3650),
    "cdn.firewall.requests_in_five_minutes": (10, 2_000_000_000),
    "api.scaling.minimum": (1, 5000),
    "api.scaling.maximum": (1, 5000),
    "api.scaling.cpu_percent": (10, 95),
    "api.scaling.requests_per_task": (1, 1_000_000),
    "api.rollback_errors": (1, 1_000_000),
    "alarms.latency_ms": (1, 600_000),
    "alarms.drift_hours": (1, 24),  # no alarm of CloudWatch looks back further than a day by hours
    "alarms.gpu_busy_percent": (1, 99),
    "alarms.gpu_idle_hours": (1, 24),
    "alarms.visit_minutes": (1, 60),
    "alarms.monthly_budget": (1, 10_000_000),
}

PATTERNS: Final[Mapping[str, tuple[str, str]]] = {
    "site.domain": (
        rf"{UNRESOLVED}|(?=.{{4,253}}$)([a-z0-9]([a-z0-9-]{{0,61}}[a-z0-9])?\.)+[a-z]{{2,63}}",
        f"a domain name such as ecg.example.org, or {UNRESOLVED!r}",
    ),
    "site.viewer_certificate": (
        rf"{UNRESOLVED}|{_CERTIFICATE.format(region=EDGE_REGION)}",
        f"the ARN of a certificate in {EDGE_REGION}, or {UNRESOLVED!r}",
    ),
    "site.origin_certificate": (
        rf"{UNRESOLVED}|{_CERTIFICATE.format(region='[a-z0-9-]+')}",
        f"the ARN of a certificate of the environment's region, or {UNRESOLVED!r}",
    ),
    "alarms.runbooks": (r"\S*[^/\s]", "a folder such as docs/runbooks, or an address, without a slash at its end"),
}


def endpoints(known: Known) -> Findings:
    """Endpoints are of services that we call."""
    for value in known["network.endpoints"]:
        if value not in SERVICES:
            yield Finding(
                "network.endpoints", f"{value!r} is not called from here", f"choose from {', '.join(SERVICES)}"
            )


def one_door(known: Known) -> Findings:
    """The load balancer is open to CloudFront or to address ranges."""
    if known["security.cloudfront_only"] and known["security.http_cidrs"]:
        yield Finding("security.http_cidrs", "open to ranges beside CloudFront", "empty it, or cloudfront_only=False")


def in_us_east_1(known: Known) -> Findings:
    """A web ACL of CloudFront lives in one region, and a stack in one."""
    if "cdn.firewall.log_days" in known.values and known["region"] != EDGE_REGION:
        yield Finding("cdn.firewall", f"CloudFront takes web ACLs of {EDGE_REGION} only", "set it to None")


def origin_secrets(known: Known) -> Findings:
    """A secret in a header is one while nobody on the way can read it."""
    secrets = known["load_balancer.origin_secrets"]
    if len(set(secrets)) < len(secrets):
        yield Finding("load_balancer.origin_secrets", "one stands there twice", "write each generation once")
    if [one for one in secrets if one < 1]:
        yield Finding("load_balancer.origin_secrets", "not all above nothing", "count generations from 1")
    if len(secrets) > 2:
        yield Finding("load_balancer.origin_secrets", "more than the old and the new one", "finish one exchange first")
    if secrets and known.values.get("site", ...) is None:
        yield Finding("load_balancer.origin_secrets", "without a site it crosses the internet in the clear", "set site")


def site_origin(known: Known) -> Findings:
    """Pages of the site, and of no other, need a site."""
    if not known["storage.cors_origins"] and known.values.get("site", ...) is None:
        yield Finding("storage.cors_origins", "no page could upload", "name its origin, or set site")


def tiers(known: Known) -> Findings:
    """Videos go from one tier to the next, no faster than S3 moves them."""
    infrequent, archive = known["storage.infrequent_access_days"], known["storage.archive_days"]
    if infrequent is not None and archive is not None and archive < infrequent + SMALL_OBJECT_DAYS:
        yield Finding(
            "storage.archive_days",
            f"S3 keeps objects in infrequent access for {SMALL_OBJECT_DAYS} days",
            f"give {infrequent + SMALL_OBJECT_DAYS} or more",
        )


def scaling(known: Known) -> Findings:
    """Scaling begins where the service does, and has room."""
    low, high = known["api.scaling.minimum"], known["api.scaling.maximum"]
    if low > high:
        yield Finding("api.scaling.maximum", f"below the minimum of {low}", "raise it")
    if known["api.desired_count"] != low:
        yield Finding("api.desired_count", f"not the {low} that scaling begins with", f"give {low}")


def certificates(known: Known) -> Findings:
    """A certificate goes with the domain that it is for, and lives where it is used."""
    for setting in ("site.viewer_certificate", "site.origin_certificate"):
        value, domain = known[setting], known["site.domain"]
        if domain == UNRESOLVED and value != UNRESOLVED:
            yield Finding("site.domain", "unresolved, and its certificate is not", "name the certificate's domain")
            return
    region = known["region"]
    certificate = known["site.origin_certificate"]
    if certificate != UNRESOLVED and not re.fullmatch(_CERTIFICATE.format(region=re.escape(region)), certificate):
        yield Finding("site.origin_certificate", f"not of {region}", "load balancers take their own region's only")


RULES: Final[tuple[Callable[[Known], Findings], ...]] = (
    endpoints,
    one_door,
    in_us_east_1,
    origin_secrets,
    site_origin,
    tiers,
    scaling,
    certificates,
)
