"""axe on every page in both themes: WCAG 2.2 A and AA, no violation. The screens are kept to be looked at."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import ROOT, SCREENS, Open, Watch
from tests.browser.fake_api import ID, FakeApi
from tests.browser.ops import ops

AXE = (ROOT / "frontend/node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PAGES = {"videos": "/", "result": f"/result?id={ID}", "operations": "/ops", "missing": "/result"}
STYLES = ("Content Security Policy directive 'style-src",)
"""axe measures with styles of its own, which the pages' policy refuses."""
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def _violations(page: Page) -> list[str]:
    page.evaluate(AXE)
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(open_page: Open, api: FakeApi, watch: Watch, name: str, theme: str) -> None:
    api.ops = ops()
    watch.forgiven = STYLES
    page = open_page(PAGES[name], color_scheme=theme)
    page.get_by_role("heading", level=1).or_(page.get_by_role("heading", level=2)).first.wait_for()
    page.wait_for_load_state("networkidle") if name in ("result", "missing") else page.wait_for_timeout(300)
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}-{theme}.png", full_page=True)
    assert _violations(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_phone(open_page: Open, api: FakeApi, watch: Watch, name: str) -> None:
    api.ops = ops()
    watch.forgiven = STYLES
    page = open_page(PAGES[name], locale="ko-KR", **PHONE)
    page.get_by_role("heading", level=1).or_(page.get_by_role("heading", level=2)).first.wait_for()
    page.wait_for_timeout(300)
    page.screenshot(path=SCREENS / f"{name}-phone.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert _violations(page) == []
