"""The process: settings, logs, start and stop."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import httpx
import pytest

from ecg_api.app import build_app
from ecg_api.errors import SettingsError
from ecg_api.logs import JsonFormatter, job_context, request_id
from ecg_api.settings import Settings
from tests.services.api.api_process import ENVIRONMENT, SOURCE, process
from tests.services.api.fakes import House


def test_settings_come_from_the_environment() -> None:
    settings = Settings.from_environment(
        {**ENVIRONMENT, "MAX_UPLOAD_BYTES": "1000", "AWS_ENDPOINT_URL": "https://localhost:1"}
    )
    assert settings.model_server_url == "http://10.0.10.5:8080"
    assert (settings.max_upload_bytes, settings.path_style, settings.analysis_app) == (1000, True, "ecg_rhythm")
    assert not Settings.from_environment(ENVIRONMENT).path_style
    assert Settings.from_environment(ENVIRONMENT).metrics_namespace is None
    assert Settings.from_environment({**ENVIRONMENT, "METRICS_NAMESPACE": "ecg-dev"}).metrics_namespace == "ecg-dev"
    assert Settings.from_environment(ENVIRONMENT).max_upload_bytes == 2 * 1024**3


def test_all_mistakes_of_an_environment_are_told_together() -> None:
    wrong = {
        "MODEL_SERVER_URL": "10.0.0.1",
        "WORKER_CONCURRENCY": "many",
        "MAX_UPLOAD_BYTES": "-1",
        "LOG_LEVEL": "loud",
        "SIGN_IN": "maybe",
    }
    with pytest.raises(SettingsError) as error:
        Settings.from_environment(wrong)
    text = str(error.value)
    for name in (*ENVIRONMENT, *wrong):
        assert name in text
    assert len(error.value.mistakes) == 18


LOOPBACK = {"AWS_ENDPOINT_URL": "https://127.0.0.1:4566"}


@pytest.mark.parametrize("endpoint", ["https://127.0.0.1:4566", "https://localhost:4566", "https://[::1]:1"])
def test_access_control_can_be_off_on_one_machine(endpoint: str) -> None:
    assert Settings.from_environment({**ENVIRONMENT, "SIGN_IN": "none", "AWS_ENDPOINT_URL": endpoint}).sign_in is None


@pytest.mark.parametrize(
    "surroundings",
    [
        {},
        {"AWS_ENDPOINT_URL": "https://vpce-1.s3.us-east-1.vpce.amazonaws.com"},
        {"AWS_ENDPOINT_URL": "https://localhost.evil.example"},
        {"AWS_ENDPOINT_URL": "https://10.0.0.1"},
        {**LOOPBACK, "ECS_CONTAINER_METADATA_URI_V4": "http://169.254.170.2/v4/1"},
    ],
)
def test_a_process_with_access_control_off_does_not_start_elsewhere(surroundings: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="SIGN_IN=none opens every video to everybody"):
        Settings.from_environment({**ENVIRONMENT, "SIGN_IN": "none", **surroundings})


def test_a_provider_is_asked_over_tls_only() -> None:
    with pytest.raises(SettingsError, match="OIDC_ISSUER must begin with https://"):
        Settings.from_environment({**ENVIRONMENT, "OIDC_ISSUER": "http://provider.example"})


def test_any_provider_will_do_and_cognito_is_found_where_aws_is() -> None:
    other = {**ENVIRONMENT, **LOOPBACK, "OIDC_ISSUER": "https://sign-in.example/tenant/", "OIDC_AUDIENCES": "api cli"}
    sign_in = Settings.from_environment(other).sign_in
    assert sign_in is not None
    assert sign_in.metadata_url == "https://sign-in.example/tenant/.well-known/openid-configuration"
    assert sign_in.audiences == {"api", "cli"}
    here = Settings.from_environment({**ENVIRONMENT, **LOOPBACK}).sign_in
    assert here is not None
    assert here.metadata_url == "https://127.0.0.1:4566/us-east-1_abc/.well-known/openid-configuration"
    assert (here.client_id, here.audiences) == ("page", {"page"})


def test_a_log_line_is_json_with_its_ids() -> None:
    record = logging.makeLogRecord({"msg": "analysis %s", "args": ("ends",), "levelname": "INFO", "code": "done"})
    token = request_id.set("r1")
    with job_context("j1"):
        line = json.loads(JsonFormatter().format(record))
    request_id.reset(token)
    assert {key: line[key] for key in ("message", "request_id", "job_id", "code")} == {
        "message": "analysis ends",
        "request_id": "r1",
        "job_id": "j1",
        "code": "done",
    }


@pytest.mark.anyio
async def test_the_application_runs_its_worker_and_stops_it() -> None:
    house = House()
    app = build_app(house.services)
    job = await house.queued()
    with anyio.fail_after(10):
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client,
        ):
            followed = await client.get(f"/api/videos/{job.id}/events")
            assert '"state":"done"' in followed.text
            health = app.state.services.health
            assert health.worker_runs
    assert not health.worker_runs


@pytest.mark.anyio
async def test_a_crashed_worker_makes_the_process_unready_and_not_unhealthy(
    house: House, client: httpx.AsyncClient
) -> None:
    app = build_app(house.services)
    services = house.services()
    services.health.worker_runs = False
    app.state.services = services
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        assert (await client.get("/ready")).status_code == 503
        assert (await client.get("/health")).status_code == 200


def test_the_process_answers_while_its_stores_are_away_and_ends_when_asked(tmp_path: Path) -> None:
    """The command of the task definition, on loopback, with nothing behind it."""
    log = tmp_path / "log"
    with process(log) as (running, url):
        answer = httpx.get(f"{url}/health", trust_env=False)
        assert answer.json() == {"status": "healthy", "service": "backend"}
        ready = httpx.get(f"{url}/ready", trust_env=False, timeout=10)
        assert ready.json()["code"] == "service_unavailable"
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=20)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert any(line["message"] == "worker stopped" for line in lines)
    assert any("Finished server process" in line["message"] for line in lines)


def test_a_process_without_settings_says_which() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import ecg_api.main as m; m.create_app()"],
        cwd=SOURCE,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    for name in ENVIRONMENT:
        assert f"{name} is not set" in done.stderr


def test_the_image_installs_exactly_what_the_tests_ran_with() -> None:
    from importlib.metadata import version

    lines = (SOURCE / "requirements.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert {"fastapi", "uvicorn", "httpx", "boto3"} <= set(pins)
    for name, pinned in pins.items():
        assert version(name) == pinned
