"""The page's release through the emulated CloudFront, as an apply leaves it."""

from __future__ import annotations

import json
import urllib.error
from typing import Any

import pytest

from generator.local.viewer import open_url
from tests.functional.conftest import PAGES, Deployed


class Page:
    """A reader of the page."""

    def __init__(self, environment: Deployed) -> None:
        self.bucket = environment.outputs["FrontendBucketName"]
        self._base = environment.page
        self._ca = environment.emulator.ca_bundle

    def open(self, path: str) -> Any:
        return open_url(self._base + path, self._ca)


@pytest.fixture(scope="module")
def page(environment: Deployed) -> Page:
    return Page(environment)


def test_addresses_reach_the_pages_of_the_release_that_is_live(page: Page) -> None:
    with page.open("/") as home, page.open("/result?id=1") as result:
        assert (home.read(), result.read()) == (PAGES["index.html"], PAGES["result.html"])


def test_pages_are_asked_for_anew_and_hashed_assets_are_kept_for_ever(page: Page) -> None:
    with page.open("/") as home, page.open("/_next/static/chunks/main-1a2b.js") as asset:
        assert home.headers["Cache-Control"] == "public, max-age=0, must-revalidate"
        assert asset.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert asset.headers["Content-Type"] == "text/javascript; charset=utf-8"


def test_pages_carry_the_policy_with_the_hashes_of_the_manifest(page: Page) -> None:
    with page.open("/") as home:
        policy = home.headers["Content-Security-Policy"]
        assert home.headers["X-Content-Type-Options"] == "nosniff"
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe" not in policy


def test_the_policy_lets_pages_upload_and_sign_in_at_this_machine(page: Page, environment: Deployed) -> None:
    with page.open("/") as home:
        policy = dict(each.split(" ", 1) for each in home.headers["Content-Security-Policy"].split("; "))
    assert environment.emulator.endpoint_url in policy["connect-src"].split()
    assert "amazon" not in policy["connect-src"]


def test_the_bucket_says_which_release_is_live_and_keeps_all_of_it(page: Page, environment: Deployed) -> None:
    s3 = environment.emulator.client("s3")
    address = json.loads(s3.get_object(Bucket=page.bucket, Key="site.json")["Body"].read())["address"]
    assert address.startswith("src-")
    kept = s3.get_object(Bucket=page.bucket, Key=f"releases/{address}/release.json")["Body"].read()
    assert set(json.loads(kept)) == {"404.html", "index.html", "result.html", "site.json"}


def test_a_page_that_is_not_there_is_not_given(page: Page) -> None:
    with pytest.raises(urllib.error.HTTPError, match=r"40[34]"):
        page.open("/nowhere")
