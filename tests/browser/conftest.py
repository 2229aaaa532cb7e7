"""Chromium, the exported page, and a watch over each page that is opened.

`make test-browser` installs Chromium and builds the page first. Screens are kept under `.local/screens`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from generator.publish.page import inline_scripts
from generator.stacks.page_headers import SIGN_IN, UPLOADS, content_security_policy
from tests.browser.fake_api import ID, FakeApi, result, serving, video

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "frontend/out"
SAMPLE = ROOT / "samples/sweep.mp4"
SCREENS = ROOT / ".local/screens"
expect.set_options(timeout=15_000)
# No sandbox, as root in a container has none; nothing that talks to its maker.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.fail("Chromium is missing\n  next: make test-browser")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield running
        running.close()


def policy() -> str:
    """The pages' Content-Security-Policy as the `cdn` stack has it; here one server is S3 and the provider too."""
    scripts = " ".join(f"'{source}'" for source in inline_scripts(ROOT))
    text = content_security_policy().replace("${PageScripts}", scripts)
    for address in (*UPLOADS, SIGN_IN):
        text = text.replace(f" {address}", "")
    return text


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """One video in each of the states that last, nobody has to sign in."""
    if not (OUT / "index.html").is_file():
        pytest.fail("the page is not built\n  next: make frontend")
    made = FakeApi(OUT, SAMPLE, {"Content-Security-Policy": policy(), "X-Content-Type-Options": "nosniff"})
    made.config = {"environment": "dev", "sign_in": {"kind": "none"}}
    made.apps = {"apps": [], "as_of": None, "stale": False}
    failed = {"code": "no_trace", "message": "No trace."}
    made.videos = [
        video(ID, "holter.mp4", "done", age_s=400),
        video(ID[:-1] + "2", "monitor.MOV", "failed", age_s=90_000, error=failed),
    ]
    made.results = {ID: result()}
    with serving(made):
        yield made


@dataclass
class Watch:
    """What a page must not do: complain, break, or talk to anybody else."""

    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    forgiven: tuple[str, ...] = ()
    """Parts of complaints that the test provokes."""

    def over(self, page: Page, *hosts: str) -> None:
        page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda asked: self._asked(asked.url, hosts))

    def _asked(self, url: str, hosts: Collection[str]) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc not in hosts:
            self.strangers.append(url)

    def require_quiet(self) -> None:
        loud = [one for one in self.complaints if not any(part in one for part in self.forgiven)]
        assert (loud, self.strangers) == ([], [])


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch()
    yield made
    made.require_quiet()


Open = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, api: FakeApi, watch: Watch) -> Iterator[Open]:
    """Opens a path in a context of its own; keywords go to the context."""
    contexts: list[BrowserContext] = []

    def opened(path: str, **options: Any) -> Page:
        defaults = {"viewport": {"width": 1280, "height": 860}, "locale": "en-US", "reduced_motion": "reduce"}
        context = browser.new_context(base_url=api.url, **{**defaults, **options})
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        watch.over(page, urlsplit(api.url).netloc)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def result_page(open_page: Open) -> Page:
    """A result, drawn."""
    page = open_page(f"/result?id={ID}")
    drawn(page)
    return page


def drawn(page: Page) -> None:
    """Wait for the strip and, once its width is known, the paper."""
    expect(page.locator("canvas")).to_have_count(2)


def until(page: Page, expression: str, there: Callable[[Any], bool]) -> None:
    """Ask the page until its answer is as it should be; the policy allows no predicate to be evaluated in it.

    Half a minute at most, on a machine that may do much else.
    """
    for _ in range(300):
        if there(page.evaluate(expression)):
            return
        page.wait_for_timeout(100)
    pytest.fail(f"{expression} stays at {page.evaluate(expression)}")
