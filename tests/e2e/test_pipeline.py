"""The whole pipeline as `make run` starts it: one run, asked from outside, then stopped with Ctrl-C.

Slow (about two minutes): it is the only place where every part is the real one. dev always; prod in `make test-faults`.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.local.viewer import open_url
from generator.sync.proof import AnalysisFailed
from tests.e2e.system import ROOT, Running, started


@pytest.fixture(scope="module", params=["dev", pytest.param("prod", marks=pytest.mark.faults)])
def running(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Running]:
    with started(tmp_path_factory.mktemp("state"), request.param) as system:
        yield system


@pytest.fixture(scope="module")
def score(running: Running) -> dict[str, Any]:
    command = [
        str(ROOT / ".venv-serve/bin/python"),
        *("-m", "tools.ecg_video", "score"),
        str(running.state / "trial/result.json"),
        "samples/sweep.truth.json",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_the_page_is_live_where_the_run_says(running: Running) -> None:
    host = {"dev": ".cloudfront.localhost", "prod": "https://ecg.localhost"}[running.environment]
    assert f"{host}:{running.connection.port}" in running.url
    assert f"page        {running.url}/" in running.said
    with open_url(f"{running.url}/result?id=1", running.connection.ca_bundle) as page:
        assert b"<title>Result" in page.read()
        assert "sha256-" in page.headers["Content-Security-Policy"]


def test_health_through_cloudfront_is_the_specified_answer(running: Running) -> None:
    assert running.client.health() == {"status": "healthy", "service": "backend"}


def test_the_beats_of_the_sample_agree_with_truth(score: dict[str, Any]) -> None:
    assert score["beats"]["f1"] >= 0.98


def test_the_waveform_of_the_sample_agrees_with_truth(score: dict[str, Any]) -> None:
    assert score["snr_db"] >= 12


def test_the_run_prints_the_figures_and_where_to_look(running: Running) -> None:
    for word in ("heart rate", "F1", "SNR", "upload", "overlay.png", ".localhost"):
        assert word in running.said


def test_the_overlay_is_a_picture(running: Running) -> None:
    assert (running.state / "trial/overlay.png").read_bytes().startswith(b"\x89PNG")


def test_the_result_names_its_version_weights_device_and_limits(running: Running) -> None:
    result = json.loads((running.state / "trial/result.json").read_text(encoding="utf-8"))
    assert result["schema"] == "ecg-result/v1"
    assert result["app"]["version"].endswith(".zip")
    assert result["app"]["weights"]["beat_classifier"].startswith("sha256:")
    assert result["app"]["device"] in ("cpu", "cuda")
    assert result["limits"]
    assert "not a medical device" in result["notice"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("text.mp4", b"this is no video at all" * 100, "not_a_video"),
        ("empty.mp4", b"", "empty_file"),
        ("picture.png", b"\x89PNG\r\n\x1a\n", "unsupported_content_type"),
    ],
)
def test_a_file_that_is_no_video_gets_a_clear_code(
    running: Running, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(AnalysisFailed) as caught:
        running.client.analyse(file, lambda progress: None)
    assert caught.value.code == code


def test_a_truncated_video_gets_a_clear_code(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "half.mp4"
    file.write_bytes((ROOT / "samples/sweep.mp4").read_bytes()[:200_000])
    with pytest.raises(AnalysisFailed) as caught:
        running.client.analyse(file, lambda progress: None)
    assert caught.value.code in ("truncated_video", "not_a_video")


def test_the_ordinary_aws_command_sees_what_was_deployed(running: Running) -> None:
    aws = str(ROOT / ".venv-aws/bin/aws")
    environment = {**os.environ, **running.connection.environment()}

    def ask(*arguments: str) -> str:
        command = [aws, "--output", "text", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    prefix = f"ecg-project-pipeline-{running.environment}"
    stacks = ask("cloudformation", "describe-stacks", "--query", "Stacks[].StackName").split()
    # Twelve of the manifest, and bootstrap.
    assert len([name for name in stacks if name.startswith(f"{prefix}-")]) == 13
    assert f"{prefix}-video-storage-" in ask("s3", "ls")
    assert "cloudfront.net" in ask("cloudfront", "list-distributions")
    assert f"{prefix}-api" in ask("ecs", "list-services", "--cluster", f"{prefix}-cluster")


def test_ctrl_c_stops_everything(running: Running) -> None:
    running.process.send_signal(signal.SIGINT)
    said, _ = running.process.communicate(timeout=120)
    assert running.process.returncode == 0, said
    left = [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and str(running.state) in _environment(entry)
    ]
    assert left == []


def _environment(process: Path) -> str:
    try:
        return (process / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""
