"""The result: video and waveform in step, measuring, downloading, languages."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, drawn, until
from tests.browser.fake_api import ID, FakeApi, result

TIME = "document.querySelector('video').currentTime"


def _strip(page: Page) -> Locator:
    return page.get_by_role("slider", name="Position in the recording")


def _position(page: Page) -> float:
    return float(_strip(page).get_attribute("aria-valuenow") or "nan")


def test_scrubbing_the_waveform_moves_the_video(result_page: Page) -> None:
    strip = _strip(result_page)
    box = strip.bounding_box()
    assert box is not None
    strip.click(position={"x": box["width"] / 2, "y": 20})
    until(result_page, TIME, lambda time: abs(time - 12) < 0.2)
    expect(strip).to_have_attribute("aria-valuenow", re.compile(r"^(11\.[89]|12\.[012])$"))


def test_scrubbing_the_video_moves_the_waveform_and_turns_its_page(result_page: Page) -> None:
    paper = result_page.get_by_role("application")
    before = paper.get_attribute("aria-label")
    result_page.evaluate(f"{TIME} = 20")
    expect(_strip(result_page)).to_have_attribute("aria-valuenow", "20.0")
    expect(paper).not_to_have_attribute("aria-label", before or "")


def test_playing_moves_the_line_by_itself(result_page: Page) -> None:
    result_page.get_by_role("application").press(" ")
    until(result_page, TIME, lambda time: time > 0.5)
    expect(_strip(result_page)).not_to_have_attribute("aria-valuenow", re.compile(r"^0\.[0-3]$"))


def test_arrow_keys_step_through_the_recording(result_page: Page) -> None:
    paper = result_page.get_by_role("application")
    paper.press("ArrowRight")
    expect(_strip(result_page)).not_to_have_attribute("aria-valuenow", re.compile(r"^0(\.0)?$"))
    first = _position(result_page)
    paper.press("ArrowRight")
    expect(_strip(result_page)).not_to_have_attribute("aria-valuenow", str(first))
    assert _position(result_page) > first > 0
    paper.press("ArrowLeft")
    expect(_strip(result_page)).to_have_attribute("aria-valuenow", str(first))


def test_calipers_measure_in_milliseconds_and_millivolts_of_the_paper(result_page: Page) -> None:
    result_page.get_by_role("button", name="Calipers").click()
    sheet = result_page.get_by_role("group", name="Calipers. Drag")
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    mm = 96 / 25.4
    x, y = box["x"] + 100, box["y"] + 40
    result_page.mouse.move(x, y)
    result_page.mouse.down()
    result_page.mouse.move(x + 20 * mm, y + 10 * mm)  # 20 mm at 25 mm/s, 10 mm at 10 mm/mV
    result_page.mouse.up()
    measured = result_page.locator("output")
    expect(measured).to_have_text(re.compile(r"\S+ ms · \S+ mV · \S+ bpm"))
    amount, amplitude, rate = measured.inner_text().split(" · ")
    assert int(amount.removesuffix(" ms")) == pytest.approx(800, abs=8)
    assert float(amplitude.removesuffix(" mV")) == pytest.approx(1, abs=0.02)
    assert int(rate.removesuffix(" bpm")) == pytest.approx(75, abs=1)


def test_a_gap_and_a_doubtful_stretch_are_explained_and_the_rate_is_there(result_page: Page) -> None:
    legend = result_page.get_by_role("list", name="Legend")
    expect(legend).to_contain_text("Doubtful reading")
    expect(legend).to_contain_text("Not readable")
    expect(result_page.locator("main")).to_contain_text("Research and education use only")
    expect(result_page.locator("dl").first).to_contain_text("77")


def test_intervals_that_the_page_has_never_heard_of_are_shown(open_page: Open, api: FakeApi) -> None:
    api.results[ID]["intervals"]["t_peak"] = {"value": 61.4, "unit": "ms", "spread": None, "reason": None}
    page = open_page(f"/result?id={ID}")
    expect(page.get_by_role("row", name="t peak")).to_contain_text("61 ms")


def test_the_samples_can_be_taken_along_as_csv(result_page: Page) -> None:
    result_page.get_by_role("button", name="Download").click()
    with result_page.expect_download() as download:
        result_page.get_by_role("menuitem", name="Samples (CSV)").click()
    lines = download.value.path().read_text().splitlines()
    assert download.value.suggested_filename == "holter.csv"
    assert lines[0] == "time_s,amplitude_mV,confidence,beat,likeliest,probability"
    assert len(lines) == 1 + len(result()["waveform"]["samples"])


def test_the_whole_document_can_be_taken_along_as_it_came(result_page: Page, api: FakeApi) -> None:
    result_page.get_by_role("button", name="Download").click()
    with result_page.expect_download() as download:
        result_page.get_by_role("menuitem", name="Whole result (JSON)").click()
    assert json.loads(download.value.path().read_text()) == api.results[ID]


def test_the_picture_is_a_png_of_the_waveform(result_page: Page) -> None:
    result_page.get_by_role("button", name="Download").click()
    with result_page.expect_download() as download:
        result_page.get_by_role("menuitem", name="Picture of the waveform (PNG)").click()
    assert download.value.path().read_bytes().startswith(b"\x89PNG")


def test_printing_is_light_on_paper_and_leaves_the_theme_as_it_was(open_page: Open) -> None:
    page = open_page(f"/result?id={ID}", color_scheme="dark")
    drawn(page)
    page.evaluate("window.print = () => { window.printed = document.documentElement.dataset.theme }")
    page.get_by_role("button", name="Print").click()
    until(page, "window.printed", lambda theme: theme == "light")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_language_is_the_browsers_until_another_is_chosen(open_page: Open) -> None:
    page = open_page(f"/result?id={ID}", locale="ko-KR")
    expect(page.get_by_text("심박수")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    page.get_by_role("combobox", name="언어").select_option("en")
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_text("Heart rate", exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "rhythm", "beat", "interval"),
    [
        (
            "en-US",
            "Not sure Nothing is likely enough",
            "Not sure: The signal is poor",
            "Waves not marked surely enough",
        ),
        ("ko-KR", "판단 보류 충분히 확실한 것이 없습니다", "판단 보류: 신호가 나쁩니다", "파형 구간을 충분히 확실하게"),
    ],
)
def test_what_the_reader_is_not_sure_of_is_said_with_its_reason(
    open_page: Open, api: FakeApi, locale: str, rhythm: str, beat: str, interval: str
) -> None:
    made = api.results[ID]
    made["rhythm"].update(answer="not_sure", reason="low_probability")
    made["beats"][0].update(answer="not_sure", reason="poor_signal")
    made["beats"][2].update(answer="not_sure", reason="poor_signal")
    page = open_page(f"/result?id={ID}", locale=locale)
    facts = page.get_by_role("main").locator("dl").first
    expect(facts).to_contain_text(rhythm)
    expect(facts).to_contain_text("91%")
    expect(page.get_by_role("row", name=re.compile("^PR"))).to_contain_text(interval)
    page.locator("summary").click()
    expect(page.get_by_role("row").filter(has_text="N?").first).to_contain_text(beat)
    dots = page.locator("svg[role=img] circle")
    expect(dots.nth(1)).to_contain_text(beat)
    expect(dots.nth(2)).not_to_contain_text(beat)


def test_half_an_hour_at_360_hz_is_drawn_and_zoomed(open_page: Open, api: FakeApi) -> None:
    api.results[ID] = _long()
    page = open_page(f"/result?id={ID}")
    drawn(page)
    page.get_by_role("button", name="Whole recording").click()
    expect(page.get_by_role("application")).to_have_attribute(
        "aria-label", "Waveform, 0:00.0 to 30:00.0. Arrow keys move, plus and minus zoom, space plays."
    )
    for _ in range(6):
        page.get_by_role("button", name="Closer").click()
    expect(page.get_by_role("application")).to_have_attribute("aria-label", re.compile("to 0:28.1"))


def _long() -> dict[str, Any]:
    """Thirty minutes made of copies of a minute."""
    made = result(60, 360)
    for name in ("samples", "confidence"):
        made["waveform"][name] *= 30
    made["video"]["duration_s"] = 1800.0
    return made
