"""Many videos at once, against an API in memory."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from generator.analyzing import NotRead, Read, analyse_all, line_of, result_path
from generator.cli import main
from generator.sync.proof import Analysis, AnalysisFailed, JobProgress

RESULT = {"schema": "ecg-result/v1", "heart_rate_bpm": {"mean": 71.6}, "beats": [{}, {}]}


class Api:
    """Reads everything but `broken.mp4`; `most` is how many it had at a time."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.now, self.most, self.lock = 0, 0, threading.Lock()
        self.meeting = threading.Barrier(2)

    def analyse(
        self, video: Path, report: Callable[[JobProgress], None], deadline_s: float, app: str | None
    ) -> Analysis:
        with self.lock:
            self.asked.append((video.name, app))
            self.now += 1
            self.most = max(self.most, self.now)
        report(JobProgress("v1", "analysing", "read", 0.5))
        if video.name.startswith("pair"):
            self.meeting.wait(10)  # passes only if two are under way at a time
        with self.lock:
            self.now -= 1
        if video.name == "broken.mp4":
            raise AnalysisFailed("analysing", "no_trace", "No trace was found.")
        return Analysis("v1", RESULT, {})


def videos(folder: Path, *names: str) -> list[Path]:
    for name in names:
        (folder / name).write_bytes(b"x")
    return [folder / name for name in names]


def test_each_result_is_kept_beside_its_file(tmp_path: Path) -> None:
    [file] = videos(tmp_path, "a.mp4")
    [outcome] = analyse_all([file], Api, None, lambda file, progress: None)
    assert isinstance(outcome, Read)
    assert json.loads((tmp_path / "a.mp4.ecg.json").read_text(encoding="utf-8")) == RESULT
    assert line_of(outcome) == f"{file}: 72 bpm, 2 beats -> {file}.ecg.json"
    assert list(tmp_path.glob("*.part")) == []


def test_one_that_fails_keeps_nobody_from_being_read(tmp_path: Path) -> None:
    files, out = videos(tmp_path, "broken.mp4", "b.mp4"), tmp_path / "out"
    out.mkdir()
    outcomes = {one.file.name: one for one in analyse_all(files, Api, out, lambda file, progress: None)}
    assert outcomes["broken.mp4"] == NotRead(files[0], "no_trace", "No trace was found.")
    assert [path.name for path in out.iterdir()] == ["b.mp4.ecg.json"]


def test_a_broken_off_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    files, api = videos(tmp_path, "a.mp4", "b.mp4"), Api()
    result_path(files[0], None).write_text(json.dumps(RESULT), encoding="utf-8")
    outcomes = list(analyse_all(files, lambda: api, None, lambda file, progress: None))
    assert api.asked == [("b.mp4", None)]
    assert {line_of(one).endswith("(was there already)") for one in outcomes} == {True, False}


def test_several_are_under_way_at_a_time_and_no_more_than_was_asked_for(tmp_path: Path) -> None:
    files, api = videos(tmp_path, "pair-1.mp4", "pair-2.mp4", "c.mp4", "d.mp4"), Api()
    list(analyse_all(files, lambda: api, None, lambda file, progress: None, parallel=2, app="signal_quality"))
    assert api.most == 2
    assert {app for _, app in api.asked} == {"signal_quality"}


@pytest.mark.parametrize("arguments", [["analyze", "{file}"], ["analyze", "--token", "t", "{file}"]])
def test_without_an_address_it_says_what_to_give(tmp_path: Path, arguments: list[str]) -> None:
    [file] = videos(tmp_path, "a.mp4")
    done = CliRunner().invoke(main, [part.format(file=file) for part in arguments])
    assert done.exit_code == 2
    assert "--local" in done.output
