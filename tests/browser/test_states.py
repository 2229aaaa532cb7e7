"""What people see when something is wrong: each state is designed, and each has a way out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Watch
from tests.browser.fake_api import ID, FakeApi, result, video

RESULT = f"/result?id={ID}"


def refusing(api: FakeApi, path: str, status: int, headers: Mapping[str, str] | None = None) -> None:
    """Every call below `path` is refused from now on; status 0 hangs up."""
    api.mood = lambda _, asked: (status, headers or {}) if asked.startswith(path) else None


@pytest.mark.parametrize(
    ("status", "heading"),
    [
        (0, "The service does not answer"),
        (401, "Please sign in"),
        (404, "There is no such video"),
        (429, "Too many requests"),
        (500, "The service has a fault"),
    ],
)
def test_a_refused_call_is_explained_and_can_be_repeated(
    open_page: Open, api: FakeApi, watch: Watch, status: int, heading: str
) -> None:
    watch.forgiven = ("Failed to load resource",)
    refusing(api, "/api/videos", status)
    page = open_page(RESULT)
    expect(page.get_by_role("heading", name=heading)).to_be_visible()
    api.mood = lambda *_: None
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()


def test_a_busy_service_is_asked_again_when_it_said_so(open_page: Open, api: FakeApi, watch: Watch) -> None:
    watch.forgiven = ("429",)
    refusing(api, "/api/videos", 429, {"Retry-After": "2"})
    page = open_page("/")
    expect(page.get_by_role("button", name="Again in")).to_be_disabled()
    api.mood = lambda *_: None
    expect(page.get_by_text("holter.mp4")).to_be_visible()


def test_a_fault_comes_with_the_reference_that_the_logs_have(open_page: Open, api: FakeApi, watch: Watch) -> None:
    watch.forgiven = ("500",)
    refusing(api, "/api/videos", 500)
    expect(open_page("/").get_by_text("Reference for the operators")).to_contain_text("r-1")


def test_offline_keeps_what_is_there_and_goes_on_by_itself(open_page: Open, api: FakeApi, watch: Watch) -> None:
    watch.forgiven = ("ERR_INTERNET_DISCONNECTED",)
    api.videos.insert(0, video(ID[:-1] + "9", "live.mp4", "queued"))  # so that the list is asked for often
    page = open_page("/")
    expect(page.get_by_text("holter.mp4")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_role("heading", name="You are offline")).to_be_visible()
    expect(page.get_by_text("holter.mp4")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="You are offline")).to_have_count(0)


def test_half_a_result_is_called_that_and_asked_for_again(open_page: Open, api: FakeApi) -> None:
    api.results[ID] = json.dumps(result()).encode()[:5000]
    page = open_page(RESULT)
    expect(page.get_by_role("heading", name="The result cannot be shown")).to_be_visible()
    api.results[ID] = result()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()


def test_without_the_video_the_waveform_is_whole(open_page: Open, api: FakeApi, watch: Watch) -> None:
    watch.forgiven = ("403",)
    refusing(api, "/videos/", 403)
    page = open_page(RESULT)
    expect(page.get_by_text("The video cannot be played here")).to_be_visible()
    expect(page.get_by_role("application")).to_be_visible()


def test_a_video_that_could_not_be_read_says_what_to_do_about_it(open_page: Open) -> None:
    page = open_page(f"/result?id={ID[:-1]}2")
    expect(page.locator("main").get_by_role("alert")).to_contain_text("Film the screen straight on")


def test_an_address_without_a_video_leads_back(open_page: Open) -> None:
    expect(open_page("/result").get_by_role("heading", name="Which video?")).to_be_visible()


def test_nothing_uploaded_yet_says_what_comes(open_page: Open, api: FakeApi) -> None:
    api.videos.clear()
    expect(open_page("/").get_by_text("No videos yet")).to_be_visible()


def _provider(api: FakeApi) -> None:
    """This server as the provider: its sign-in page is the page itself, which is then given no code."""
    api.config = {
        "environment": "dev",
        "sign_in": {
            "kind": "oidc",
            "client_id": "c",
            "authorization_endpoint": f"{api.url}/result",
            "token_endpoint": f"{api.url}/api/token",
            "scopes": ["openid"],
        },
    }


def _signed_in(open_page: Open, api: FakeApi) -> Page:
    """A result, for which one had to sign in first."""
    _provider(api)
    page = open_page(RESULT)
    page.clock.install()
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name="Sign in").click()
    _answer(page)
    page.wait_for_url(RESULT)
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()
    return page


def _answer(page: Page) -> None:
    """Come back as the provider sends one back, with a code."""
    state = parse_qs(urlsplit(page.url).query)["state"][0]
    page.goto(f"/?code=1&state={state}")


def test_signing_in_goes_to_the_provider_with_a_challenge(open_page: Open, api: FakeApi) -> None:
    _provider(api)
    page = open_page("/")
    expect(page.get_by_role("heading", name="Sign in to see your videos")).to_be_visible()
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name="Sign in").click()
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["code_challenge_method"], asked["response_type"]) == (["S256"], ["code"])
    assert asked["redirect_uri"] == [f"{api.url}/"]


def test_coming_back_with_a_code_leads_to_where_one_left_with_a_token(open_page: Open, api: FakeApi) -> None:
    page = _signed_in(open_page, api)
    assert page.url == api.url + RESULT
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert "Bearer token-1" in api.bearers


def test_a_session_goes_on_past_its_token_without_anybody_noticing(open_page: Open, api: FakeApi) -> None:
    page = _signed_in(open_page, api)
    page.clock.fast_forward("01:30:00")
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()
    page.get_by_role("link", name="Videos", exact=True).click()
    expect(page.get_by_text("holter.mp4")).to_be_visible()
    assert api.grants == ["authorization_code", "refresh_token"]
    assert "Bearer token-2" in api.bearers
    page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert len(api.grants) == 2


def test_a_session_that_cannot_go_on_leads_to_sign_in_and_back_to_the_place(
    open_page: Open, api: FakeApi, watch: Watch
) -> None:
    watch.forgiven = ("400", "401")
    page = _signed_in(open_page, api)
    api.mood = lambda _, path: (400, {}) if path == "/api/token" else (401, {}) if path.endswith("/result") else None
    page.clock.fast_forward("01:30:00")
    page.reload()
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name="Sign in").click()
    api.mood = lambda _, path: None
    _answer(page)
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()
    assert page.url == api.url + RESULT


def test_coming_back_with_a_foreign_state_is_refused(open_page: Open, api: FakeApi) -> None:
    _provider(api)
    page = open_page("/?code=1&state=foreign")
    expect(page.get_by_role("heading", name="Signing in did not work")).to_be_visible()
    assert "POST /api/token" not in api.asked


def test_an_address_of_no_page_has_a_page(open_page: Open, watch: Watch) -> None:
    watch.forgiven = ("404",)
    page: Page = open_page("/nowhere")
    expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
