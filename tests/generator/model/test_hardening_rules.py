"""Settings that make an environment hard, and what each needs beside it; every mistake with its line."""

from pathlib import Path

import pytest

from generator.environments import prod
from generator.model.environment_file import load_environment
from generator.model.problems import InvalidEnvironment, Problem

FILE = Path(prod.__file__)
TEXT = FILE.read_text(encoding="utf-8")
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b"


def problems(folder: Path, *replaced: tuple[str, str]) -> list[Problem]:
    """What is wrong with prod after replacements."""
    text = TEXT
    for old, new in replaced:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "prod.py").write_text(text, encoding="utf-8")
    try:
        load_environment(folder / "prod.py", "prod.py")
    except InvalidEnvironment as caught:
        return list(caught.problems)
    return []


def test_prod_loads_as_it_stands() -> None:
    assert load_environment(FILE) == prod.ENVIRONMENT


@pytest.mark.parametrize(
    ("old", "new", "setting", "words"),
    [
        ('endpoints=("s3", ', 'endpoints=("s4", ', "network.endpoints", "choose from dynamodb, s3"),
        ("flow_log_days=YEAR", "flow_log_days=366", "network.flow_log_days", "365, 400"),
        ("http_cidrs=()", 'http_cidrs=("0.0.0.0/0",)', "security.http_cidrs", "cloudfront_only=False"),
        ("cors_methods=", "cors_methods=('PATCH',), a=", "storage.cors_methods", "PUT"),
        ("infrequent_access_days=30", "infrequent_access_days=29", "storage.infrequent_access_days", "30 to 3650"),
        ("archive_days=90", "archive_days=45", "storage.archive_days", "give 60 or more"),
        ("backup_days=35", "backup_days=0", "jobs.backup_days", "1 to 3650"),
        ("origin_secrets=(1,)", "origin_secrets=(3, 2, 1)", "load_balancer.origin_secrets", "finish one exchange"),
        ("origin_secrets=(1,)", "origin_secrets=(1, 1)", "load_balancer.origin_secrets", "write each generation once"),
        ("origin_secrets=(1,)", "origin_secrets=(0,)", "load_balancer.origin_secrets", "count generations from 1"),
        ("requests_in_five_minutes=2000", "requests_in_five_minutes=1", "cdn.firewall.requests_in_five_minutes", "10"),
        ("log_days=YEAR),", "log_days=1.5),", "cdn.firewall.log_days", "whole number"),
        ("domain=UNRESOLVED", 'domain="https://ecg.example.org/"', "site.domain", "a domain name such as"),
        (
            "viewer_certificate=UNRESOLVED",
            f'viewer_certificate="{CERTIFICATE.replace("us-east-1", "us-west-2")}"',
            "site.viewer_certificate",
            "in us-east-1",
        ),
        ("maximum=12", "maximum=2", "api.scaling.maximum", "raise it"),
        ("desired_count=3", "desired_count=2", "api.desired_count", "give 3"),
        ("cpu_percent=60", "cpu_percent=100", "api.scaling.cpu_percent", "10 to 95"),
        ("requests_per_task=600", "requests_for_task=600", "api.scaling.requests_for_task", "requests_per_task?"),
        ("latency_ms=2000", "latency_ms=0", "alarms.latency_ms", "1 to 600000"),
        ('runbooks="docs/runbooks"', 'runbooks="docs/runbooks/"', "alarms.runbooks", "without a slash"),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_do(
    tmp_path: Path, old: str, new: str, setting: str, words: str
) -> None:
    found = {one.setting: one for one in problems(tmp_path, (old, new))}
    assert setting in found
    assert words in f"{found[setting].what} {found[setting].next_step}"
    text = TEXT.replace(old, new)
    assert found[setting].where.line == text[: text.index(new)].count("\n") + 1


def test_a_site_without_a_name_has_no_certificate(tmp_path: Path) -> None:
    [found] = problems(tmp_path, ("origin_certificate=UNRESOLVED", f'origin_certificate="{CERTIFICATE}"'))
    assert found.setting == "site.domain"


def test_a_load_balancers_certificate_is_of_its_own_region(tmp_path: Path) -> None:
    elsewhere = CERTIFICATE.replace("us-east-1", "eu-west-1")
    [found] = problems(
        tmp_path,
        ("domain=UNRESOLVED", 'domain="ecg.example.org"'),
        ("origin_certificate=UNRESOLVED", f'origin_certificate="{elsewhere}"'),
    )
    assert found.setting == "site.origin_certificate"


SITE = """    site=Site(
        domain=UNRESOLVED,
        viewer_certificate=UNRESOLVED,
        origin_certificate=UNRESOLVED,
    ),
"""


def test_without_a_site_nothing_is_left_that_needs_one(tmp_path: Path) -> None:
    found = {one.setting for one in problems(tmp_path, (SITE, "    site=None,\n"))}
    assert found == {"load_balancer.origin_secrets", "storage.cors_origins"}


def test_a_web_acl_is_refused_where_cloudfront_would_not_take_it(tmp_path: Path) -> None:
    found = problems(tmp_path, ('region="us-east-1"', 'region="us-west-2"'), *_zones("us-west-2"))
    assert "cdn.firewall" in {one.setting for one in found}


def _zones(region: str) -> list[tuple[str, str]]:
    return [
        (f'{cidr}", availability_zone="us-east-1{zone}"', f'{cidr}", availability_zone="{region}{zone}"')
        for cidr, zone in (
            *(("10.1.1.0/24", "a"), ("10.1.2.0/24", "b"), ("10.1.3.0/24", "c")),
            *(("10.1.16.0/20", "a"), ("10.1.32.0/20", "b"), ("10.1.48.0/20", "c")),
        )
    ]
