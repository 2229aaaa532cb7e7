"""What the kit promises to every app, without Ray."""

import asyncio
import io
import json
import logging
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from kit import logs, storage
from kit.contract import AnalyzeRequest, AppError, Failure, GoldenRequest, Progress, Result, Stage, VideoObject, to_line
from kit.device import Device, choose_device
from kit.stage import Report, Work
from kit.warmup import warm_up

REQUEST: dict[str, Any] = {"job_id": "0192-a", "video": {"bucket": "videos", "key": "videos/local/1/source.mp4"}}


# --- contract


def test_each_event_is_one_line_as_the_architecture_has_it() -> None:
    assert to_line(Progress("read", 0.4)) == b'{"event":"progress","stage":"read","fraction":0.4}\n'
    assert to_line(Result({"a": "x\ny"})) == b'{"event":"result","result":{"a":"x\\ny"}}\n'
    assert to_line(Failure("no_trace", "m")) == b'{"event":"error","error":{"code":"no_trace","message":"m"}}\n'


def test_a_result_with_nan_is_a_bug_and_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        to_line(Result({"samples": [float("nan")]}))


def test_options_may_be_left_out() -> None:
    assert AnalyzeRequest.model_validate(REQUEST).options == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"job_id": ""},
        {"job_id": "a/b"},
        {"video": {"bucket": "videos"}},
        {"video": {"bucket": "../x", "key": "k"}},
        {"video": {"bucket": "videos", "key": ""}},
        {"video": {"bucket": "videos", "key": "a\x00b"}},
        {"video": {"bucket": "videos", "key": "k" * 1025}},
        {"more": 1},
    ],
)
def test_a_request_from_outside_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnalyzeRequest.model_validate({**REQUEST, **wrong})


# --- stage


def test_work_tells_its_progress_and_then_has_a_value() -> None:
    async def run() -> tuple[list[Progress], str]:
        def job(report: Report) -> str:
            report("decode", 0.0)
            report("decode", 1.0)
            return "done"

        work = Work(job)
        return [event async for event in work.events()], work.value

    events, value = asyncio.run(run())
    assert events == [Progress("decode", 0.0), Progress("decode", 1.0)]
    assert value == "done"


def test_progress_is_thinned_to_one_event_a_percent_and_the_end_is_always_told() -> None:
    async def run() -> list[Progress]:
        def job(report: Report) -> None:
            for step in range(10_001):
                report("decode", step / 10_000)

        return [event async for event in Work(job).events()]

    events = asyncio.run(run())
    assert len(events) <= 102
    assert events[-1] == Progress("decode", 1.0)


def test_what_the_work_raises_is_raised() -> None:
    async def run() -> None:
        def job(_: Report) -> None:
            raise AppError("no_trace", "nothing there")

        async for _ in Work(job).events():
            pass

    with pytest.raises(AppError, match="nothing there"):
        asyncio.run(run())


def test_abandoned_work_stops_and_is_waited_for() -> None:
    """What it uses may be removed only when its thread has ended."""
    ended = threading.Event()

    async def run() -> float:
        def job(report: Report) -> None:
            try:
                for step in range(10_000):
                    report("read", step / 10_000)
                    time.sleep(0.01)
            finally:
                time.sleep(0.1)
                ended.set()

        events = Work(job).events()
        await anext(events)
        start = time.monotonic()
        await events.aclose()
        assert ended.is_set()
        return time.monotonic() - start

    assert asyncio.run(run()) < 2


def test_cancelled_work_stops_too() -> None:
    ended = threading.Event()

    async def consume(job: Callable[[Report], None]) -> None:
        async for _ in Work(job).events():
            pass

    async def run() -> None:
        def job(report: Report) -> None:
            try:
                while True:
                    report("read", 0.5)
                    time.sleep(0.01)
            finally:
                ended.set()

        task = asyncio.create_task(consume(job))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended.is_set()

    asyncio.run(run())


# --- device, warm-up


def test_the_device_is_named_as_results_report_it() -> None:
    assert Device("cuda:0", "Tesla T4").kind == "cuda"
    assert choose_device().kind in {"cpu", "cuda"}


def test_the_agent_reads_the_device_module_without_loading_torch() -> None:
    program = "import sys, kit.device, reconciler.__main__; print('torch' in sys.modules, 'ray' in sys.modules)"
    folder = Path(__file__).resolve().parents[3] / "services/ray_serve"
    answer = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["False", "False"]


CPU = Device("cpu", "CPU")


class FakeCuda:
    """A device whose memory can be told: 1000 bytes a call and 10 a unit."""

    def __init__(self, seen: list[int]) -> None:
        self._seen = seen

    def peak_bytes(self, run: Callable[[], object]) -> int:
        run()
        return 1000 + 10 * self._seen[-1]


async def _told(work: Work[None]) -> list[float]:
    return [event.fraction async for event in work.events()]


def test_a_stage_that_begins_anew_is_told_and_small_steps_are_not() -> None:
    def work(report: Report) -> None:
        for fraction in (0.0, 0.004, 0.5, 0.504, 0.99, 0.2, 0.204, 0.4, 1.0):
            report("read", fraction)

    assert asyncio.run(_told(Work(work))) == [0.0, 0.5, 0.99, 0.2, 0.4, 1.0]


def test_a_model_is_warmed_at_every_size_the_smallest_first() -> None:
    seen: list[int] = []
    warmth = warm_up(seen.append, (32, 1), CPU)
    assert seen == list(warmth.seconds_by_size) == [1, 32]


def test_where_memory_can_be_told_a_units_share_of_the_largest_batch_is_what_it_takes() -> None:
    seen: list[int] = []
    assert warm_up(seen.append, (1, 100), FakeCuda(seen)).unit_bytes == 20.0


def test_on_a_cpu_a_units_memory_is_not_told() -> None:
    assert warm_up(lambda _: None, (1, 32), CPU).unit_bytes is None


# --- storage


class FakeBody(io.BytesIO):
    """A response's body."""


class FakeS3:
    """`get_object` and `put_object` of one bucket."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects
        self.cut = 0

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 boto3's names
        from botocore.exceptions import ClientError

        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        content = self.objects[Key]
        return {"Body": FakeBody(content[: len(content) - self.cut]), "ContentLength": len(content)}


def test_a_download_reports_its_progress(tmp_path: Path) -> None:
    told: list[float] = []
    size = storage.S3Objects(FakeS3(v=b"x" * (3 << 20))).download("b", "v", tmp_path / "v", 1 << 30, told.append)
    assert size == (tmp_path / "v").stat().st_size == 3 << 20
    assert told == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0]


def test_a_missing_object_has_a_final_code(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        storage.S3Objects(FakeS3()).download("b", "v", tmp_path / "v", 10, lambda _: None)
    assert caught.value.code == "object_not_found"


def test_an_object_over_the_limit_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        storage.S3Objects(FakeS3(v=b"12345")).download("b", "v", tmp_path / "v", 4, lambda _: None)
    assert caught.value.code == "video_too_large"
    assert (tmp_path / "v").stat().st_size == 0


def test_half_a_download_may_be_tried_again(tmp_path: Path) -> None:
    """So it is no AppError: those are final."""
    s3 = FakeS3(v=b"12345")
    s3.cut = 2
    with pytest.raises(ConnectionError, match="after 3 of 5 bytes"):
        storage.S3Objects(s3).download("b", "v", tmp_path / "v", 10, lambda _: None)


def golden(folder: str = "apps/ecg_rhythm/golden/flat", key: str = "input.mp4") -> GoldenRequest:
    return GoldenRequest(job_id="golden-flat", video=VideoObject(bucket="golden", key=key), folder=folder)


def test_a_golden_case_is_read_from_the_package_and_written_into_the_requests_own_folder(tmp_path: Path) -> None:
    objects = storage.objects_of(golden(), storage.S3Objects(FakeS3()), tmp_path)
    told: list[tuple[str, float]] = []
    storage.fetch(golden(), objects, tmp_path / "video", 1 << 20, lambda stage, done: told.append((stage, done)))
    packaged = storage.PACKAGE / "apps/ecg_rhythm/golden/flat"
    assert (tmp_path / "video").read_bytes() == (packaged / "input.mp4").read_bytes()
    assert told == [(Stage.DOWNLOAD, 0.0), (Stage.DOWNLOAD, 1.0)]
    objects.put("golden", storage.beside("input.mp4", "overlay.png"), b"png", "image/png")
    assert (tmp_path / "overlay.png").read_bytes() == b"png"
    assert sorted(path.name for path in packaged.iterdir()) == ["expected.json", "input.mp4"]


def test_a_golden_case_meets_the_same_refusals_as_an_upload(tmp_path: Path) -> None:
    for asked, limit, code in (
        (golden(key="gone.mp4"), 1 << 20, "object_not_found"),
        (golden(), 10, "video_too_large"),
    ):
        objects = storage.objects_of(asked, storage.S3Objects(FakeS3()), tmp_path)
        with pytest.raises(AppError) as caught:
            storage.fetch(asked, objects, tmp_path / "video", limit, lambda *_: None)
        assert caught.value.code == code


def test_all_other_requests_go_where_objects_usually_lie(tmp_path: Path) -> None:
    usual = storage.S3Objects(FakeS3())
    assert storage.objects_of(AnalyzeRequest.model_validate(REQUEST), usual, tmp_path) is usual


def test_nobody_outside_can_ask_as_a_golden_case() -> None:
    with pytest.raises(ValidationError):
        AnalyzeRequest.model_validate({**REQUEST, "folder": "apps/ecg_rhythm/golden/flat"})


def test_a_requests_folder_is_gone_whatever_happens() -> None:
    def work() -> None:
        with storage.temporary_folder() as folder:
            left.append(folder)
            (folder / "video").write_bytes(b"x")
            raise RuntimeError

    left: list[Path] = []
    with pytest.raises(RuntimeError):
        work()
    assert not left[0].exists()


def test_folders_of_killed_replicas_are_swept_and_those_of_living_ones_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    (tmp_path / f"ecg-video-{ended.pid}-abc").mkdir()
    with storage.temporary_folder() as living:
        assert storage.sweep() == 1
        assert list(tmp_path.iterdir()) == [living]


# --- logs


def test_a_log_line_is_json_with_the_job_and_what_was_passed() -> None:
    stream = io.StringIO()
    log = logs.logger("test", stream)
    with logs.job("0192-a"):
        log.info("analysed", extra={"beats": 31})
    try:
        raise ValueError("x")
    except ValueError:
        log.exception("broke")
    logging.getLogger("ecg").handlers.clear()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert (first["message"], first["job_id"], first["beats"], first["level"]) == ("analysed", "0192-a", 31, "INFO")
    assert "job_id" not in second
    assert "ValueError: x" in second["traceback"]
