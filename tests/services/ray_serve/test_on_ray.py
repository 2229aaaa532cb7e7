"""The published packages on a real Ray, brought there by the real agent; one box for all tests of this file."""

import concurrent.futures
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from generator.model.serve import Batching, Deployment, ServeApp, Slo
from generator.serve_apps import SERVE_APPS
from tests.services.ray_serve.box import ROOT, VIDEOS, TestBox, running_box, wait_for

TOY = ServeApp(
    name="toy",
    folder="services/ray_serve/apps/toy",
    deployments=[
        Deployment("Ingress", cpus=0.1, max_ongoing=8, max_queued=8, drain_s=10),
        Deployment("Counter", cpus=0.1, batching=Batching(max_size=100, wait_ms=300), max_ongoing=32),
    ],
    slo=Slo(p99_ms=1000, min_windows_per_s=1),
    owner="tests",
)
(ECG,) = (app for app in SERVE_APPS if app.name == "ecg_rhythm")
(QUALITY,) = (app for app in SERVE_APPS if app.name == "signal_quality")
# One reader is enough here, and two cores start it sooner.
# One may wait for it, the third is sent away.
ECG_SMALL = replace(
    ECG,
    deployments=[
        replace(one, replicas=1, max_queued=1 if one.name == "TraceReader" else one.max_queued)
        for one in ECG.deployments
    ],
)
ALL = [TOY, ECG_SMALL, QUALITY]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBox]:
    with running_box(tmp_path_factory.mktemp("box")) as one:
        one.settled(one.publish(ALL), 180)
        yield one
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{one.http}/-/healthz", trust_env=False)


def letters(box: TestBox, text: str, **options: Any) -> list[dict[str, Any]]:
    key = f"videos/local/{len(text)}-{text[:8]}/source.txt"
    box.upload(key, text.encode())
    return box.analyze("toy", key, **options)


def test_the_box_reports_what_it_runs(box: TestBox) -> None:
    report = box.observed()
    assert {one["type"]: one["status"] for one in report["conditions"]} | {"Accelerated": ""} == {
        "Ready": "True",
        "Progressing": "False",
        "Degraded": "False",
        "Accelerated": "",
    }
    assert report["versions"]["ray"] == "2.60.0"
    assert report["box"] == {"cpus": 4, "gpus": 1}
    assert {name: app["status"] for name, app in report["apps"].items()} == {app.name: "RUNNING" for app in ALL}
    assert report["apps"]["toy"]["deployments"]["Counter"]["replicas"] == {"RUNNING": 1}


def test_rays_own_interface_refuses_whoever_has_no_token(box: TestBox) -> None:
    port = json.loads((box.root / "var/lib/ecg/state.json").read_text())["ray"]["dashboard_port"]
    answer = httpx.get(f"http://127.0.0.1:{port}/api/serve/applications/", trust_env=False)
    assert answer.status_code == 401


def test_progress_comes_in_order_and_one_result_ends_it(box: TestBox) -> None:
    events = letters(box, "abcdef")
    assert [one["event"] for one in events[:-1]] == ["progress"] * (len(events) - 1)
    assert list(dict.fromkeys(one["stage"] for one in events[:-1])) == ["download", "read", "classify"]
    assert events[-1]["event"] == "result"
    assert events[-1]["result"]["letters"] == 6


def test_the_result_names_the_package_that_ran(box: TestBox) -> None:
    assert letters(box, "abc")[-1]["result"]["version"] == box.observed()["apps"]["toy"]["version"]


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "object_not_found"), (b"", "empty_file"), (b"no video at all\n" * 100, "not_a_video")],
)
def test_what_is_no_video_is_an_error_with_a_final_code(box: TestBox, content: bytes | None, code: str) -> None:
    key = f"videos/local/{code}/source.mp4"
    if content is not None:
        box.upload(key, content)
    last = box.analyze("ecg_rhythm", key)[-1]
    assert (last["event"], last["error"]["code"]) == ("error", code)
    assert last["error"]["message"]


def test_a_video_over_the_limit_is_refused_before_it_fills_the_disk(box: TestBox) -> None:
    last = letters(box, "x" * 1001)[-1]
    assert last["error"]["code"] == "video_too_large"
    assert "1001 bytes and the limit is 1000" in last["error"]["message"]


def test_a_bug_is_internal_and_tells_the_caller_nothing_of_it(box: TestBox) -> None:
    last = letters(box, "abc", crash=True)[-1]
    assert last["error"] == {"code": "internal", "message": "the analysis broke off; it may be tried again"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/toy/analyze", None, 405),
        ("GET", "/toy/golden", None, 405),
        ("POST", "/toy/other", {}, 404),
        ("POST", "/toy/analyze", {"job_id": "x"}, 422),
        ("POST", "/toy/analyze", {"job_id": "../x", "video": {"bucket": "b", "key": "k"}}, 422),
        ("POST", "/toy/analyze", {"job_id": "x", "video": {"bucket": "b", "key": "k\n"}}, 422),
        ("POST", "/toy/analyze", {"job_id": "x" * 70_000, "video": {}}, 413),
    ],
)
def test_what_is_no_request_is_a_problem_document(
    box: TestBox, method: str, path: str, body: object, status: int
) -> None:
    answer = httpx.request(method, box.http + path, json=body, trust_env=False)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status


def test_a_client_that_leaves_ends_the_work_and_removes_its_files(box: TestBox, tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    box.upload("videos/local/slow/source.txt", b"abc")
    body = box.ask("toy", "videos/local/slow/source.txt", steps=1500, trace=str(trace))
    with httpx.stream("POST", f"{box.http}/toy/analyze", json=body, timeout=30, trust_env=False) as answer:
        lines = answer.iter_lines()  # kept: httpx hangs up when nobody holds it
        next(lines)
        wait_for(lambda: trace.with_suffix(".begun").exists(), 10, "the work")
        folder = Path(trace.read_text())
        assert (folder / "video").exists()
    wait_for(lambda: not folder.exists(), 5, "the folder's removal; the work itself takes 30 s")


def test_requests_share_a_batch_up_to_the_declared_number_of_units(box: TestBox) -> None:
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: letters(box, chr(97 + one) * 30)[-1]["result"], range(8)))
    batches = [answer["batch"] for answer in answers]
    assert max(len(batch) for batch in batches) > 1
    assert all(sum(batch) <= 100 for batch in batches)


def test_a_request_larger_than_a_batch_goes_alone(box: TestBox) -> None:
    assert letters(box, "y" * 500)[-1]["result"]["batch"] == [500]


def test_more_requests_than_fit_are_told_to_come_again(box: TestBox) -> None:
    """8 in work and 8 waiting; the rest hears 429 with a time to wait, and nobody hears anything else."""
    box.upload("videos/local/busy/source.txt", b"abc")
    body = box.ask("toy", "videos/local/busy/source.txt", steps=60)

    limits = httpx.Limits(max_connections=None)
    with (
        httpx.Client(trust_env=False, timeout=60, limits=limits) as client,
        concurrent.futures.ThreadPoolExecutor(30) as pool,
    ):
        answers = list(pool.map(lambda _: client.post(f"{box.http}/toy/analyze", json=body), range(30)))
    assert {answer.status_code for answer in answers} == {200, 429}
    assert all(answer.headers["retry-after"] == "2" for answer in answers if answer.status_code == 429)


def test_a_real_ecg_on_video_becomes_a_result_with_its_overlay_beside_it(box: TestBox) -> None:
    box.upload("videos/local/sample/source.mp4", (ROOT / "samples/sweep.mp4").read_bytes())
    events = box.analyze("ecg_rhythm", "videos/local/sample/source.mp4")
    stages = list(dict.fromkeys(one["stage"] for one in events[:-1]))
    assert stages == ["download", "decode", "read", "beats", "classify", "overlay"]
    result = events[-1]["result"]
    assert result["schema"] == "ecg-result/v1"
    assert result["app"]["version"] == box.observed()["apps"]["ecg_rhythm"]["version"]
    assert result["app"]["weights"]["beat_classifier"].startswith("sha256:")
    assert result["app"]["device"] in {"cpu", "cuda"}
    assert result["overlay"] == {"bucket": VIDEOS, "key": "videos/local/sample/overlay.png"}
    overlay = box.s3.get_object(Bucket=VIDEOS, Key="videos/local/sample/overlay.png")
    assert overlay["Body"].read(8) == b"\x89PNG\r\n\x1a\n"
    assert overlay["ContentType"] == "image/png"
    assert set(result["timings_s"]) >= {"download", "decode", "read", "beats", "classify", "overlay"}


def test_the_same_video_is_graded_by_an_app_that_knows_nothing_of_the_reader(box: TestBox) -> None:
    box.upload("videos/local/sample/source.mp4", (ROOT / "samples/sweep.mp4").read_bytes())
    events = box.analyze("signal_quality", "videos/local/sample/source.mp4")
    assert list(dict.fromkeys(one["stage"] for one in events[:-1])) == ["download", "decode", "grade"]
    result = events[-1]["result"]
    assert result["schema"] == "signal-quality-result/v1"
    assert result["app"]["version"] == box.observed()["apps"]["signal_quality"]["version"]
    assert (result["grade"], result["seconds_by_grade"]["good"]) == ("good", 24)


def golden(box: TestBox, app: str) -> list[dict[str, Any]]:
    answer = httpx.post(f"{box.http}/{app}/golden", timeout=120, trust_env=False)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("app", [app.name for app in ALL])
def test_an_app_passes_its_golden_cases_in_its_own_replicas(box: TestBox, app: str) -> None:
    events = golden(box, app)
    assert {one["event"] for one in events[:-1]} == {"progress"}
    report = events[-1]["result"]
    assert (report["schema"], report["passed"]) == ("golden/v1", True), report
    packed = box.repository / f"services/ray_serve/apps/{app}/golden"
    assert [case["name"] for case in report["cases"]] == sorted(path.name for path in packed.iterdir())
    assert all(set(case) == {"name", "passed", "seconds", "differences"} for case in report["cases"])


def test_golden_cases_leave_nothing_in_the_video_bucket(box: TestBox) -> None:
    before = box.s3.list_objects_v2(Bucket=VIDEOS)["KeyCount"]
    golden(box, "ecg_rhythm")
    assert box.s3.list_objects_v2(Bucket=VIDEOS)["KeyCount"] == before


def test_prometheus_is_told_of_requests_stages_waits_and_batches(box: TestBox) -> None:
    letters(box, "abc")
    golden(box, "toy")
    pid = json.loads((box.root / "var/lib/ecg/state.json").read_text())["ray"]["pid"]
    options = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    (port,) = (one.partition("=")[2] for one in options if one.startswith("--metrics-export-port="))
    (address,) = (one.partition("=")[2] for one in options if one.startswith("--node-ip-address="))

    def told() -> str | None:
        text = httpx.get(f"http://{address}:{port}/metrics", trust_env=False).text
        return text if 'kind="golden"' in text and "ray_ecg_batch_units_count" in text else None

    lines = wait_for(told, 40, "the metrics").splitlines()
    toys = [one for one in lines if one.startswith("ray_ecg_") and 'application="toy"' in one]
    for name, label in {
        "ray_ecg_requests_total": 'outcome="done"',
        "ray_ecg_stage_seconds_count": 'stage="read"',
        "ray_ecg_queue_wait_seconds_count": 'kind="analyze"',
        "ray_ecg_batch_requests_count": 'deployment="Counter"',
        "ray_ecg_batch_units_sum": 'deployment="Counter"',
        "ray_ecg_batch_wait_seconds_count": 'deployment="Counter"',
    }.items():
        found = [one for one in toys if one.startswith(name) and label in one]
        assert found, (name, toys)
        assert float(found[0].rpartition(" ")[2]) > 0


def test_when_every_reader_is_busy_and_the_queue_is_full_the_answer_is_429_before_any_event(box: TestBox) -> None:
    box.upload("videos/local/sample/source.mp4", (ROOT / "samples/sweep.mp4").read_bytes())
    body = box.ask("ecg_rhythm", "videos/local/sample/source.mp4")

    def post(_: int) -> httpx.Response:
        return httpx.post(f"{box.http}/ecg_rhythm/analyze", json=body, timeout=120, trust_env=False)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(post, range(4)))
    done = [answer for answer in answers if answer.status_code == 200]
    turned_away = [answer for answer in answers if answer.status_code == 429]
    assert len(done) + len(turned_away) == 4
    assert turned_away
    assert all(json.loads(answer.text.splitlines()[-1])["event"] == "result" for answer in done)
    assert all(answer.json()["status"] == 429 for answer in turned_away)


def test_an_agent_that_was_killed_finds_ray_serving_and_takes_it_over(box: TestBox) -> None:
    state = box.root / "var/lib/ecg/state.json"
    before = json.loads(state.read_text())["ray"]["pid"]
    box.restart_after_a_kill()
    wait_for(lambda: "took over a running Ray" in box.agent_log(), 20, "the next agent")
    assert letters(box, "abc")[-1]["event"] == "result"
    assert json.loads(state.read_text())["ray"]["pid"] == before


def test_new_code_takes_over_with_no_request_lost(box: TestBox) -> None:
    before = box.observed()["apps"]["toy"]["version"]
    source = box.repository / "services/ray_serve/apps/toy/app.py"
    source.write_text(source.read_text() + "\n# a new version\n")
    seen: list[str] = []
    failed: list[object] = []
    ended = threading.Event()

    def keep_asking() -> None:
        while not ended.is_set():
            try:
                seen.append(letters(box, "abc")[-1]["result"]["version"])
            except (AssertionError, httpx.HTTPError, KeyError) as error:
                failed.append(error)

    client = threading.Thread(target=keep_asking)
    client.start()
    try:
        report = box.settled(box.publish(ALL), 90)
        after = report["apps"]["toy"]["version"]
        wait_for(lambda: seen[-1:] == [after], 30, "an answer of the new version")
    finally:
        ended.set()
        client.join()
    assert before != after
    assert set(seen) == {before, after}
    assert failed == []


def test_a_version_that_does_not_start_gives_way_to_the_one_before(box: TestBox) -> None:
    good = box.observed()["generation"]["good"]
    source = box.repository / "services/ray_serve/apps/toy/app.py"
    text = source.read_text()
    source.write_text("import a_module_that_is_not_there\n" + text)
    try:
        wanted = box.publish(ALL)
        wait_for(lambda: box.condition("Degraded").get("reason") == "RolledBack", 60, "the roll-back")
        assert "a_module_that_is_not_there" in box.condition("Degraded")["message"]
        assert letters(box, "abc")[-1]["event"] == "result"
        wait_for(lambda: box.observed()["generation"]["applied"] == good, 30, "the good one")
        assert box.observed()["generation"] == {"wanted": wanted, "applied": good, "good": good}
    finally:
        source.write_text(text)


def test_the_next_merge_mends_it(box: TestBox) -> None:
    faster = replace(TOY, deployments=[TOY.deployments[0], replace(TOY.deployments[1], batching=Batching(50, 0))])
    began = time.monotonic()
    report = box.settled(box.publish([faster, *ALL[1:]]), 60)
    assert report["apps"]["toy"]["deployments"]["Counter"]["replicas"] == {"RUNNING": 1}
    assert box.condition("Degraded")["status"] == "False"
    assert time.monotonic() - began < 60
