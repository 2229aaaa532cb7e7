"""From a file to its result."""

from __future__ import annotations

import math
import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import SAMPLE, Open, Watch, until
from tests.browser.fake_api import PART_SIZE, FakeApi

FILES = "input[type=file]"
REMEMBERED = "Object.values(JSON.parse(localStorage.getItem('uploads') ?? '{}')).flatMap(one => one.parts).length"
"""How many parts the page would not send again."""
NEW_RESULT = re.compile(r"/result\?id=019ab0c5-54a0-7d41-8cbb-0{9}")


def test_one_video_leads_from_choosing_it_to_its_result(open_page: Open, api: FakeApi) -> None:
    page = open_page("/")
    page.set_input_files(FILES, SAMPLE)
    expect(page).to_have_url(NEW_RESULT)
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()
    expect(page.locator("canvas")).to_have_count(2)
    parts = [body for path, body in sorted(api.uploaded.items(), key=lambda one: int(one[0].rpartition("/")[2]))]
    assert len(parts) > 1
    assert b"".join(parts) == SAMPLE.read_bytes()


def test_a_small_video_is_sent_whole(open_page: Open, api: FakeApi, tmp_path: Path) -> None:
    small = tmp_path / "small.mov"
    small.write_bytes(bytes(1000))
    page = open_page("/")
    page.set_input_files(FILES, small)
    expect(page).to_have_url(NEW_RESULT)
    assert list(api.uploaded.values()) == [bytes(1000)]


def test_a_part_that_fails_is_sent_again_by_itself(open_page: Open, api: FakeApi, watch: Watch) -> None:
    watch.forgiven = ("503",)
    refusals = [503, 503]
    api.mood = lambda method, path: (refusals.pop(), {}) if method == "PUT" and refusals else None
    page = open_page("/")
    page.set_input_files(FILES, SAMPLE)
    expect(page).to_have_url(NEW_RESULT)
    assert b"".join(api.uploaded[path] for path in sorted(api.uploaded)) == SAMPLE.read_bytes()


def test_a_refused_upload_says_so_and_can_be_put_away(open_page: Open, api: FakeApi, watch: Watch) -> None:
    watch.forgiven = ("403",)
    api.mood = lambda method, path: (403, {}) if method == "PUT" else None
    page = open_page("/")
    page.set_input_files(FILES, SAMPLE)
    uploads = page.get_by_role("list", name="Uploads")
    expect(uploads.get_by_role("alert")).to_contain_text("no longer valid. Try again")
    expect(uploads.get_by_role("button", name="Try again")).to_be_visible()
    uploads.get_by_role("button", name="Put away").click()
    expect(uploads).to_have_count(0)


def test_what_cannot_be_a_video_is_refused_before_a_byte_is_sent(open_page: Open, api: FakeApi, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("no video")
    page = open_page("/")
    page.set_input_files(FILES, notes)
    expect(page.locator("main").get_by_role("alert")).to_contain_text("Not an MP4 or MOV video")
    assert "POST /api/videos" not in api.asked


def test_several_videos_stay_with_the_list(open_page: Open, api: FakeApi, tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.mp4" for name in ("one", "two")]
    for file in files:
        file.write_bytes(bytes(100))
    page = open_page("/")
    page.set_input_files(FILES, files)
    for file in files:
        row = page.get_by_role("listitem").filter(has_text=file.name)
        expect(row.get_by_text("Ready")).to_be_visible()
    assert page.url == f"{api.url}/"


def test_an_upload_that_broke_off_goes_on_after_a_reload(open_page: Open, api: FakeApi, watch: Watch) -> None:
    watch.forgiven = ("503",)
    api.mood = lambda method, path: (503, {}) if method == "PUT" and path.endswith("/3") else None
    page = open_page("/")
    page.set_input_files(FILES, SAMPLE)
    others = math.ceil(SAMPLE.stat().st_size / PART_SIZE) - 1
    until(page, REMEMBERED, lambda parts: parts == others)
    before = set(api.uploaded)
    api.uploaded.clear()
    api.mood = lambda *_: None
    page.reload()
    page.set_input_files(FILES, SAMPLE)
    expect(page).to_have_url(NEW_RESULT)
    assert len(before) == others
    assert before.isdisjoint(api.uploaded)
    assert api.asked.count("POST /api/videos") == 1
