"""The two committed samples, read from end to end. Figures on these are not accuracy: two clips of one patient."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from apps.ecg_rhythm import analysis, overlay
from tools.ecg_video import scoring

SAMPLES = Path(__file__).parents[4] / "samples"


@pytest.mark.parametrize("name", ["sweep", "scroll"])
def test_a_sample_is_read_at_18_db_with_its_beats_and_gives_an_overlay(name: str) -> None:
    truth = json.loads((SAMPLES / f"{name}.truth.json").read_text())
    found = analysis.analyse(SAMPLES / f"{name}.mp4", device="cpu")
    result = json.loads(json.dumps(found.to_result()))
    score = scoring.score(result, truth)
    assert score["snr_db"] >= 18.0
    assert score["beats"]["f1"] >= 0.98
    assert score["heart_rate_error_bpm"] < 1.0
    assert result["display"]["kind"] == name
    assert set(result) >= {"schema", "notice", "video", "display", "waveform", "beats", "rr_s", "findings", "limits"}
    picture = cv2.imdecode(np.frombuffer(overlay.draw(found.reading, result), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[1] == overlay.WIDTH
