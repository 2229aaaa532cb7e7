"""The page against the real API, sign-in, signed cookies and reader: Chromium on what `ecgctl run` starts.

A `faults` test because the system takes two minutes to come up. The tests are one visit, in its order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.browser.conftest import SAMPLE, SCREENS, Watch
from tests.e2e.system import Running, started

pytestmark = pytest.mark.faults

ANALYSIS_MS = 180_000
TIME = "document.querySelector('video').currentTime"


@dataclass
class Visit:
    """One person's tab, and what it was answered."""

    page: Page
    url: str
    provider: str
    """The sign-in page's host and port."""
    answers: list[Response] = field(default_factory=list)
    stages: set[str] = field(default_factory=set)
    """What the result page said of the analysis while it ran."""

    def statuses(self, part: str) -> set[int]:
        """What was answered to requests whose address has `part` in it."""
        return {answer.status for answer in self.answers if part in answer.url}

    def video_address(self) -> str:
        return str(self.page.locator("video").evaluate("video => video.src"))

    def seconds(self) -> float:
        return float(self.page.evaluate(TIME))

    def keep(self, name: str) -> None:
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"whole-{name}.png", full_page=True)


@pytest.fixture(scope="module", params=["dev", "prod"])
def system(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Running]:
    with started(tmp_path_factory.mktemp("state"), request.param) as running:
        yield running


@pytest.fixture(scope="module")
def visit_watch(system: Running) -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def visit(browser: Browser, system: Running, visit_watch: Watch) -> Iterator[Visit]:
    """Signed in, before the list. The certificate is the emulator's own, which Chromium has no list for."""
    context = browser.new_context(
        base_url=system.url,
        ignore_https_errors=True,
        locale="en-US",
        viewport={"width": 1280, "height": 860},
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    page = context.new_page()
    provider = urlsplit(system.client.config()["sign_in"]["authorization_endpoint"]).netloc
    storage = urlsplit(system.connection.endpoint_url).netloc
    visit_watch.over(page, urlsplit(system.url).netloc, provider, storage)
    made = Visit(page, system.url, provider)
    page.on("response", lambda answer: made.answers.append(answer))
    page.goto("/")
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    yield made
    context.close()


@pytest.fixture(scope="module")
def result(visit: Visit) -> Visit:
    """The sample, uploaded through the page, followed until its result is there."""
    page = visit.page
    page.set_input_files("input[type=file]", SAMPLE)
    page.wait_for_url(re.compile(r"/result\?id="))
    rate = page.get_by_text("Heart rate", exact=True)
    bar = page.get_by_role("main").get_by_role("progressbar")
    for _ in range(ANALYSIS_MS // 100):
        if rate.is_visible():
            break
        if bar.is_visible():
            visit.stages.add(bar.get_attribute("aria-label", timeout=1000) or "")
        page.wait_for_timeout(100)
    expect(rate).to_be_visible()
    page.locator("canvas").first.wait_for()
    return visit


def test_signing_in_leads_through_the_provider_and_back_without_a_code_in_the_address(visit: Visit) -> None:
    assert visit.statuses(f"{visit.provider}/oauth2/authorize") == {302}
    assert visit.statuses("/oauth2/token") == {200}
    assert visit.page.url == f"{visit.url}/"
    expect(visit.page.get_by_role("banner")).to_contain_text("Demo User")


def test_the_analysis_is_followed_stage_by_stage(result: Visit) -> None:
    assert result.stages & {"Waiting for the reader", "Fetching the video", "Decoding frames", "Reading the trace"}


def test_the_result_has_the_samples_heart_rate_and_beats(result: Visit) -> None:
    facts = result.page.get_by_role("main").locator("dl").first
    expect(facts).to_contain_text("98 bpm")
    expect(facts.locator("dd").nth(1)).to_contain_text("39")
    result.keep("result")


def test_the_rhythm_comes_with_its_probability_or_the_reason_why_it_is_not_said(result: Visit) -> None:
    fact = result.page.get_by_role("main").locator("dl > div").filter(has_text="Rhythm")
    expect(fact).to_contain_text(re.compile(r"(Another rhythm|Sinus|Atrial).*\d+%|Not sure"))


@pytest.mark.parametrize("name", ["PR", "QRS", "QT", "QTc"])
def test_an_interval_of_waves_has_its_value_or_the_reason_why_it_has_none(result: Visit, name: str) -> None:
    row = result.page.get_by_role("row", name=re.compile(rf"^{name}\b"))
    expect(row).to_contain_text(re.compile(r"\d+ ms|Waves not marked|Not in sinus|poor|Too few"))


def test_the_video_plays_through_signed_cookies(result: Visit) -> None:
    result.page.get_by_role("application").press(" ")
    for _ in range(100):
        if result.seconds() > 0.5:
            break
        result.page.wait_for_timeout(100)
    assert result.seconds() > 0.5
    result.page.get_by_role("application").press(" ")
    assert 206 in result.statuses("/source.mp4")


def test_scrubbing_the_waveform_moves_the_video(result: Visit) -> None:
    strip = result.page.get_by_role("slider", name="Position in the recording")
    box = strip.bounding_box()
    assert box is not None
    strip.click(position={"x": box["width"] / 2, "y": 20})
    expect(strip).to_have_attribute("aria-valuenow", re.compile(r"^1[12]\."))
    assert result.seconds() == pytest.approx(12, abs=0.5)


def test_the_annotated_picture_is_shown(result: Visit) -> None:
    page = result.page
    page.get_by_role("button", name="Annotated picture").click()
    picture = page.get_by_role("img", name="The screen with the trace that was read")
    expect(picture).to_be_visible()
    assert picture.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") > 0
    assert result.statuses("/overlay.png") == {200}
    result.keep("overlay")
    page.get_by_role("button", name="Video", exact=True).click()


def test_korean_says_the_same(result: Visit) -> None:
    page = result.page
    page.get_by_role("combobox").first.select_option("ko")
    expect(page.get_by_text("심박수", exact=True)).to_be_visible()
    expect(page.get_by_role("banner")).to_contain_text("로그아웃")
    result.keep("korean")
    page.get_by_role("combobox").first.select_option("en")
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()


def test_a_session_goes_on_past_its_access_token(result: Visit) -> None:
    page = result.page
    kept = "JSON.parse(sessionStorage.getItem('access-token'))"
    page.evaluate(f"sessionStorage.setItem('access-token', JSON.stringify({{...{kept}, until: 0}}))")
    page.reload()
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()
    renewals = [one for one in result.answers if "refresh_token" in (one.request.post_data or "")]
    assert [(one.url.endswith("/oauth2/token"), one.status) for one in renewals] == [(True, 200)]


def test_a_session_that_is_over_says_so_and_signing_in_leads_back_to_the_result(result: Visit) -> None:
    page, here = result.page, result.page.url
    page.evaluate("sessionStorage.setItem('access-token', JSON.stringify({token: 'over', until: 0}))")
    page.reload()
    expect(page.get_by_role("heading", name="Sign in to see your videos")).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()
    assert page.url == here


def test_the_operator_sees_the_tree_of_stacks(result: Visit, system: Running) -> None:
    page = result.page
    page.get_by_role("link", name="Operations").click()
    expect(page.get_by_role("heading", name="Wave 0")).to_be_visible()
    stacks = page.get_by_role("article")
    for name in ("network", "cdn", "identity", "api"):
        expect(stacks.filter(has=page.get_by_role("heading", name=name, exact=True))).to_contain_text("Synced")
    expect(page.get_by_role("heading", name="Wave 6")).to_be_in_viewport(ratio=1)
    result.keep("operations")


def test_deleting_can_be_undone(result: Visit) -> None:
    page = result.page
    page.get_by_role("link", name="Videos").click()
    mine = page.get_by_role("link", name=f"Open the result of {SAMPLE.name}")
    mine.first.wait_for()
    count = mine.count()
    page.get_by_role("button", name=f"Delete {SAMPLE.name}").first.click()
    expect(mine).to_have_count(count - 1)
    page.get_by_role("button", name="Undo").click()
    expect(mine).to_have_count(count)
    result.keep("videos")


def test_after_signing_out_the_video_is_closed(result: Visit) -> None:
    page = result.page
    page.get_by_role("link", name=f"Open the result of {SAMPLE.name}").first.click()
    page.locator("video").wait_for()
    address = result.video_address()
    assert _asked_in_another_tab(page, address) in (200, 206)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("main").get_by_role("button", name="Sign in")).to_be_visible()
    assert _asked_in_another_tab(page, address) == 403


def _asked_in_another_tab(page: Page, address: str) -> int | None:
    """The status; the cookies are the same, and nobody watches what this tab says of a refusal."""
    tab = page.context.new_page()
    answer = tab.goto(address)
    tab.close()
    return answer.status if answer else None


def test_nothing_complained_and_nobody_else_was_asked(visit: Visit, visit_watch: Watch) -> None:
    visit_watch.require_quiet()
