"""The list of videos."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.fake_api import ID, FakeApi, video


def test_deleting_can_be_undone_and_nothing_was_deleted(open_page: Open, api: FakeApi) -> None:
    page = open_page("/")
    page.get_by_role("button", name="Delete holter.mp4").click()
    expect(page.get_by_text("Deleted holter.mp4", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Open the result of holter.mp4")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="Open the result of holter.mp4")).to_be_visible()
    assert not [asked for asked in api.asked if asked.startswith("DELETE")]


def test_leaving_the_page_deletes_what_was_to_be_deleted(open_page: Open, api: FakeApi) -> None:
    page = open_page("/")
    page.get_by_role("button", name="Delete holter.mp4").click()
    expect(page.get_by_text("Deleted holter.mp4", exact=True)).to_be_visible()
    page.goto("about:blank")
    for _ in range(50):
        if api.find(ID) is None:
            break
        page.wait_for_timeout(100)
    assert api.find(ID) is None


def test_a_state_changes_before_the_readers_eyes(open_page: Open, api: FakeApi) -> None:
    moving = video(ID[:-1] + "9", "live.mp4", "analysing", progress={"stage": "read", "fraction": 0.4})
    api.videos.insert(0, moving)
    page = open_page("/")
    row = page.get_by_role("listitem").filter(has_text="live.mp4")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "40")
    moving.update(state="done", progress=None)
    expect(row.get_by_text("Ready")).to_be_visible()


def test_the_list_is_filtered_by_name_and_by_state(open_page: Open) -> None:
    page = open_page("/")
    page.get_by_role("button", name="Failed").click()
    expect(page.get_by_role("link", name="Open the result of")).to_have_count(1)
    page.get_by_role("button", name="All").click()
    page.get_by_role("searchbox").fill("HOLT")
    expect(page.get_by_role("link", name="Open the result of holter.mp4")).to_be_visible()
    page.get_by_role("searchbox").fill("nothing like it")
    expect(page.get_by_text("No video matches")).to_be_visible()
