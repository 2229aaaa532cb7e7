"""The renderer's truth, the samples beside the code, and the scores."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

from tools.ecg_video import __main__ as cli
from tools.ecg_video import scoring, sources
from tools.ecg_video.screen import frame
from tools.ecg_video.settings import Camera, small_screen

ROOT = Path(__file__).parents[2]
TIMES = np.arange(0, 10, 1 / 360.0)
WAVE = np.sin(TIMES * 7) + 0.3 * np.sin(TIMES * 31)


def snr(read: np.ndarray, shift: float = 0.0, calibrated: bool = True) -> tuple[float, float]:
    return scoring.snr_db(TIMES + shift, read, TIMES, WAVE, calibrated=calibrated)


def test_snr_is_ten_for_noise_of_a_tenth_of_the_energy() -> None:
    noise = np.sin(TIMES * 53) * np.sqrt(2) * WAVE.std() * np.sqrt(0.1)
    assert snr(WAVE + noise)[0] == pytest.approx(10.0, abs=0.4)


def test_an_offset_costs_nothing_and_a_gain_only_where_calibrated() -> None:
    assert snr(WAVE + 3.0)[0] > 60
    assert snr(2.0 * WAVE)[0] == pytest.approx(0.0, abs=0.1)
    assert snr(2.0 * WAVE, calibrated=False)[0] > 60


def test_a_shift_is_aligned_up_to_its_bound_and_reported() -> None:
    value, shift = snr(WAVE, 0.05)
    assert value > 25
    assert shift == pytest.approx(0.05, abs=0.002)
    assert snr(WAVE, 0.3)[0] < 10


def test_a_gap_costs_the_energy_that_lies_in_it() -> None:
    read = WAVE.copy()
    read[: len(read) // 10] = np.nan
    assert snr(read)[0] == pytest.approx(10.0, abs=1.0)
    assert snr(np.full_like(WAVE, np.nan))[0] == 0.0


def test_beats_match_once_within_150_ms() -> None:
    score = scoring.beat_f1(np.array([1.0, 1.1, 2.16, 3.0]), np.array([1.05, 2.0, 3.14]))
    assert (score["matched"], score["found"], score["true"]) == (2, 4, 3)
    assert score["f1"] == pytest.approx(4 / 7)


@pytest.mark.parametrize("name", ["sweep", "scroll"])
def test_a_samples_truth_fits_its_video_and_names_its_origin(name: str) -> None:
    truth = json.loads((ROOT / "samples" / f"{name}.truth.json").read_text())
    assert len(truth["samples"]) == pytest.approx(truth["duration_s"] * truth["sampling_rate_hz"], abs=1)
    assert all(0 <= beat["time_s"] < truth["duration_s"] for beat in truth["beats"])
    assert truth["origin"]["licence"].startswith("Open Data Commons Attribution")
    assert truth["screen"]["kind"] == name
    assert (ROOT / "samples" / f"{name}.mp4").stat().st_size < 3_000_000
    peaks = [np.abs(truth["samples"][max(0, round(b["time_s"] * 360) - 40) :][:80]).max() for b in truth["beats"]]
    assert min(peaks) > 0.3


def test_rendering_twice_gives_the_same_pixels() -> None:
    recording = sources.synthetic(12.0, seed=4)
    first, second = (frame(small_screen(), recording, 2.0) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_command_renders_and_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "a.mp4"
    flags = ["--width", "320", "--height", "180", "--pixels-per-mm", "3", "--preset", "ultrafast", "--noise", "3"]
    assert cli.main(["render", str(output), "--duration", "1", *flags]) == 0
    truth = json.loads(output.with_suffix(".truth.json").read_text())
    assert truth["camera"]["noise"] == 3.0
    result = {
        "waveform": {
            "samples": truth["samples"],
            "start_s": 0.0,
            "sampling_rate_hz": truth["sampling_rate_hz"],
            "amplitude_calibrated": True,
        },
        "beats": truth["beats"],
        "heart_rate_bpm": None,
    }
    (tmp_path / "r.json").write_text(json.dumps(result))
    capsys.readouterr()
    assert cli.main(["score", str(tmp_path / "r.json"), str(output.with_suffix(".truth.json"))]) == 0
    assert json.loads(capsys.readouterr().out)["beats"]["f1"] == 1.0


def test_every_fault_is_an_option_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["render", "--help"])
    shown = capsys.readouterr().out
    for fault in vars(Camera()):
        assert f"--{fault.replace('_', '-')}" in shown


def test_the_reader_never_imports_the_renderer() -> None:
    for path in (ROOT / "services" / "ray_serve").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "tools" for name in names), path
