"""The renderer's truth, the samples beside the code, and the scores."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("cv2")

import av

from kit import video as kit_video
from tools.ecg_video import __main__ as cli
from tools.ecg_video import scoring, sources, video
from tools.ecg_video.camera import Lens
from tools.ecg_video.screen import frame
from tools.ecg_video.settings import Camera, Encoding, Screen, small_screen

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


TINY = replace(small_screen(), width=320, height=180, pixels_per_mm=3.0, margin_right=60)
EVERYTHING = Camera(
    bezel=0.1, perspective=0.05, roll=3, shake=1, sway=0.5, glare=0.5, moire=0.5, noise=4, blur=0.6, low_light=0.3
)


@pytest.mark.parametrize("name", sorted(vars(EVERYTHING).keys() - {"dropped", "jitter", "rows"}))
def test_each_fault_of_the_camera_changes_the_picture_and_its_seed_repeats_it(name: str) -> None:
    clear = frame(TINY, sources.synthetic(12.0, seed=4), 2.0)
    camera = Camera(**{name: getattr(EVERYTHING, name)})
    first, again = (Lens(camera, 320, 180, seed=5).shoot(clear) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first.astype(int) - clear).mean() > 0.1
    assert first.shape == clear.shape


def test_dropped_and_late_frames_keep_true_times(tmp_path: Path) -> None:
    camera = Camera(dropped=0.3, jitter=0.2, rows=120)
    video.render(tmp_path / "a.mp4", sources.synthetic(12.0, seed=4), 2.0, TINY, camera)
    with av.open(str(tmp_path / "a.mp4")) as container:
        pictures = list(container.decode(video=0))
    stamps = np.array([picture.time for picture in pictures])
    assert 30 < len(stamps) < 54
    assert (np.diff(stamps) > 0).all()
    assert np.abs(stamps * 30 - np.round(stamps * 30)).max() > 0.1
    assert stamps[-1] > 1.8
    assert (pictures[0].width, pictures[0].height) == (214, 120)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_file_shows_upright_to_who_heeds_its_metadata(degrees: int, tmp_path: Path) -> None:
    recording = sources.synthetic(12.0, seed=4)
    video.render(tmp_path / "a.mp4", recording, 0.2, TINY, encoding=Encoding(rotation=degrees, crf=10))
    with av.open(str(tmp_path / "a.mp4")) as container:
        stored = next(iter(container.decode(video=0))).width
    assert stored == (320 if degrees == 180 else 180)
    shown = next(iter(kit_video.frames(tmp_path / "a.mp4"))).rgb()
    assert np.abs(shown.astype(int) - frame(TINY, recording, 0.0)).mean() < 6


def test_a_reading_of_the_second_lead_is_held_against_the_second_lead() -> None:
    truth = {
        "samples": [float(v) for v in WAVE],
        "other_leads": [[float(v) for v in np.cos(TIMES * 5)]],
        "sampling_rate_hz": 360.0,
        "beats": [],
    }
    wave = {"samples": truth["other_leads"][0], "start_s": 0.0, "sampling_rate_hz": 360.0, "amplitude_calibrated": True}
    assert scoring.score({"waveform": wave, "beats": [], "heart_rate_bpm": None}, truth)["snr_db"] > 60


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
    for fault in [*vars(Camera()), *vars(Encoding()), *vars(Screen())]:
        assert f"--{fault.replace('_', '-')}" in shown


def test_the_reader_never_imports_the_renderer() -> None:
    for path in (ROOT / "services" / "ray_serve").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "tools" for name in names), path
