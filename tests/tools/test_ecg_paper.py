"""The renderer's paper: what a hand shows of a strip, and the truth beside it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from tools.ecg_video import __main__ as cli
from tools.ecg_video import paper, sources
from tools.ecg_video.paper import Pan, Sheet
from tools.ecg_video.settings import Camera, Encoding

RECORDING = sources.synthetic(8.0, seed=4)
SMALL = Pan(width=320, height=180, fps=10.0, pixels_per_mm=3.0)


def truth(pan: Pan, sheet: Sheet | None = None) -> dict:
    return paper.truth(RECORDING, 2.0, sheet or Sheet(), pan, Camera(), Encoding(), seed=1)


def test_a_pan_over_the_whole_strip_shows_all_of_the_recording() -> None:
    assert truth(SMALL)["samples"] == [round(float(v), 4) for v in RECORDING.samples]


def test_a_hold_shows_what_lies_in_the_picture_and_no_more() -> None:
    """320 pixels at 3 a millimetre, 4.5 mm of desk and 9 mm of margin: 93 mm of curve, 3.7 s."""
    held = truth(replace(SMALL, last=0.0, breath=0.0))
    assert held["duration_s"] == pytest.approx((320 / 3 - 13.5) / 25, abs=0.05)
    assert held["samples"][0] == round(float(RECORDING.samples[0]), 4)


def test_the_calibration_pulse_is_a_millivolt_high_and_200_ms_long() -> None:
    sheet = Sheet(pulse="start", text=False, grid_minor=(255, 255, 255), grid_major=(255, 255, 255), mm_per_mv=20.0)
    dark = paper.draw(sheet, sources.flat(4.0))[:, :, 0] < 120
    rows = np.flatnonzero(dark.any(axis=1))
    left, right = paper.PULSE_ROOM_MM, paper.PULSE_ROOM_MM + 5.0
    box = dark[: int((rows[0] + rows[-1]) / 2), :].any(axis=0)
    columns = np.flatnonzero(box) / paper.FINE - sheet.margin
    assert (rows[-1] - rows[0]) / paper.FINE == pytest.approx(20.0 + sheet.stroke, abs=0.3)
    assert columns[0] == pytest.approx(left, abs=0.4)
    assert columns[-1] == pytest.approx(right, abs=0.4)


def test_the_hand_is_uneven_and_its_seed_repeats_it() -> None:
    def ways(seed: int) -> list[np.ndarray]:
        return list(paper._way(RECORDING, 2.0, Sheet(), replace(SMALL, uneven=0.5), Camera(shake=1.0), seed))

    first, again, other = ways(1), ways(1), ways(2)
    np.testing.assert_array_equal(first, again)
    steps = -np.diff([way[0, 2] for way in first])
    assert steps.max() > 1.5 * steps.min()
    assert not np.allclose(first, other)


def test_the_command_renders_a_pan_with_its_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = tmp_path / "pan.mp4"
    size = ["--width", "320", "--height", "180", "--pixels-per-mm", "3", "--fps", "5"]
    assert cli.main(["pan", str(video), "--strip", "6", "--duration", "1", *size]) == 0
    document = json.loads(video.with_suffix(".truth.json").read_text())
    assert document["geometry"]["kind"] == "paper"
    assert document["duration_s"] == pytest.approx(6.1, abs=0.01)
    assert "truth" in capsys.readouterr().out
