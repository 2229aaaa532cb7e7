"""Declarations become one serve.yaml, and every mistake in them is told at once."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from generator.model.serve import (
    Autoscaling,
    Batching,
    Box,
    Deployment,
    Handover,
    InvalidServeApps,
    ServeApp,
    Slo,
)
from generator.render.serve import serve_config
from generator.serve_apps import SERVE_APPS

ROOT = Path(__file__).resolve().parents[3]
ADDRESS = "a" * 64 + ".zip"
APP = ServeApp(
    name="toy",
    folder="services/ray_serve/apps/toy",
    deployments=[
        Deployment("Ingress", cpus=0.25),
        Deployment("Model", gpus=0.5, batching=Batching(max_size=64, wait_ms=5), user_config={"threshold": 0.5}),
        Deployment("Reader", replicas=Autoscaling(1, 2, 1.5), handover=Handover.IN_PLACE, memory_mb=512),
    ],
    slo=Slo(p99_ms=1000, min_windows_per_s=10),
    owner="team",
)


def addresses(*apps: ServeApp) -> dict[str, str]:
    return {app.name: ADDRESS for app in apps}


def test_the_shipped_apps_render() -> None:
    config = serve_config(SERVE_APPS, addresses(*SERVE_APPS))
    assert [app["name"] for app in config["applications"]] == ["ecg_rhythm"]
    assert config["http_options"] == {"host": "0.0.0.0", "port": 8080, "keep_alive_timeout_s": 65}


def test_an_app_is_mounted_at_its_name_and_runs_its_package() -> None:
    (app,) = serve_config([APP], addresses(APP))["applications"]
    assert app["route_prefix"] == "/toy"
    assert app["import_path"] == "apps.toy.app:build"
    assert app["runtime_env"] == {"working_dir": f"file:///var/lib/ecg/packages/{ADDRESS}"}
    assert app["args"] == {"name": "toy", "version": ADDRESS}


def test_batching_travels_as_user_config_so_that_changing_it_restarts_nothing() -> None:
    (app,) = serve_config([APP], addresses(APP))["applications"]
    model = app["deployments"][1]
    assert model["user_config"] == {"threshold": 0.5, "batching": {"max_size": 64, "wait_ms": 5}}
    assert "batching" not in app["args"]


def test_new_code_starts_beside_old_code_unless_declared_otherwise() -> None:
    (app,) = serve_config([APP], addresses(APP))["applications"]
    assert [one["max_surge_percent"] for one in app["deployments"]] == [100, 100, 0]


def test_a_full_queue_answers_429_with_retry_after() -> None:
    (app,) = serve_config([APP], addresses(APP))["applications"]
    assert all(one["backpressure_config"] == {"status_code": 429, "retry_after_s": 2} for one in app["deployments"])


def test_all_apps_stand_in_one_document_in_order_of_name() -> None:
    other = replace(APP, name="abc", deployments=[Deployment("Ingress")])
    config = serve_config([APP, other], addresses(APP, other), Box(cpus=8, gpus=1))
    assert [app["name"] for app in config["applications"]] == ["abc", "toy"]
    assert config["x-ecg"]["box"] == {"cpus": 8, "gpus": 1}
    assert config["x-ecg"]["apps"]["toy"]["slo"] == {"p99_ms": 1000, "min_windows_per_s": 10}


def test_every_mistake_is_told_at_once() -> None:
    wrong = ServeApp(
        name="Toy!",
        folder="services/ray_serve/apps/nowhere",
        deployments=[
            Deployment("Model", replicas=0, cpus=-1, batching=Batching(max_size=0, wait_ms=-1)),
            Deployment("Model", gpus=1.5, max_ongoing=0, max_queued=0),
            Deployment("Scale", replicas=Autoscaling(3, 2, 0)),
        ],
        slo=Slo(0, 1),
        owner=" ",
        route_prefix="/toy",
    )
    with pytest.raises(InvalidServeApps) as caught:
        serve_config([APP, wrong], addresses(APP))
    told = "\n".join(caught.value.mistakes)
    for part in (
        "route prefix '/toy' is used 2 times",
        "app 'Toy!': the name must be",
        "no folder 'services/ray_serve/apps/nowhere'",
        "the owner is empty",
        "slo must be above 0",
        "deployment 'Model' is used 2 times",
        "replicas is 0",
        "cpus is -1",
        "batching max_size is 0",
        "batching wait_ms is -1",
        "gpus is 1.5",
        "max_ongoing is 0",
        "max_queued is 0",
        "autoscaling needs 1 <= min (3) <= max (2)",
    ):
        assert part in told
    assert all(line.startswith("generator/serve_apps.py: ") for line in str(caught.value).splitlines())


def test_apps_that_cannot_hand_over_on_the_box_are_refused() -> None:
    """Ray would wait for room for ever, with nobody told."""
    big = replace(APP, deployments=[Deployment("Model", cpus=3, gpus=1)])
    with pytest.raises(InvalidServeApps, match="need 6 CPUs and the box has 4"):
        serve_config([big], addresses(big))
    in_place = replace(APP, deployments=[Deployment("Model", cpus=3, gpus=1, handover=Handover.IN_PLACE)])
    assert serve_config([in_place], addresses(in_place))


def test_serve_yaml_is_valid_for_ray_itself(tmp_path: Path) -> None:
    """Asked in Ray's own environment; here neither ray nor torch may be imported."""
    python = ROOT / ".venv-serve/bin/python"
    if not python.exists():
        pytest.skip("no .venv-serve: run `make setup`")
    path = tmp_path / "serve.yaml"
    both = (*SERVE_APPS, replace(APP, deployments=APP.deployments[1:]))
    path.write_text(yaml.safe_dump(serve_config(both, addresses(*both), Box(8, 2))))
    program = (
        "import sys, yaml; from ray.serve.schema import ServeDeploySchema; "
        "data = yaml.safe_load(open(sys.argv[1])); ServeDeploySchema.model_validate(data); "
        "print(len(data['applications']))"
    )
    answer = subprocess.run(
        [str(python), "-c", program, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env={"RAY_USAGE_STATS_ENABLED": "0", "PATH": "/usr/bin:/bin"},
    )
    assert answer.stdout.strip() == "2", answer.stderr
