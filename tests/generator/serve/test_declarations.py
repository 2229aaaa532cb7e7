"""Declarations become one serve.yaml, and every mistake in them is told at once."""

import re
import subprocess
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml

from generator.model.serve import (
    AppFolder,
    Autoscaling,
    Batching,
    Box,
    Canary,
    Deployment,
    Handover,
    ServeApp,
    Slo,
)
from generator.model.serve_rules import InvalidServeApps
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
    assert [app["name"] for app in config["applications"]] == sorted(app.name for app in SERVE_APPS)
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
    assert config["x-ecg"]["box"] == {"cpus": 8, "gpus": 1, "front": "proxy"}
    assert config["x-ecg"]["apps"]["toy"]["slo"] == {"p99_ms": 1000, "min_windows_per_s": 10}


CANARY = Canary(percent=10, minutes=30, max_error_rate=0.01, compare="golden")
GOLDEN = {"toy": AppFolder(golden=True)}


def test_the_reconciler_is_told_what_proves_an_app_and_how_it_is_tried() -> None:
    tried = replace(APP, canary=CANARY, deployments=[Deployment("Ingress")])
    notes = serve_config([tried], addresses(tried), folders=GOLDEN)["x-ecg"]["apps"]["toy"]
    assert notes["golden"] is True
    assert notes["canary"] == {"percent": 10, "minutes": 30, "max_error_rate": 0.01, "compare": "golden"}


def test_without_golden_cases_or_canary_the_notes_say_so() -> None:
    notes = serve_config([APP], addresses(APP))["x-ecg"]["apps"]["toy"]
    assert notes["golden"] is False
    assert "canary" not in notes


def test_a_canary_that_compares_golden_outputs_needs_some() -> None:
    tried = replace(APP, canary=CANARY, deployments=[Deployment("Ingress")])
    with pytest.raises(
        InvalidServeApps, match="canary compares golden outputs, and services/ray_serve/apps/toy/golden"
    ):
        serve_config([tried], addresses(tried))
    assert serve_config([replace(tried, canary=replace(CANARY, compare="shadow"))], addresses(tried))


def test_a_canary_needs_room_beside_the_stable_one() -> None:
    """In place, the app fits; with a canary beside it, it does not."""
    big = replace(APP, deployments=[Deployment("Model", cpus=3)], handover=Handover.IN_PLACE)
    assert serve_config([big], addresses(big), folders=GOLDEN)
    tried = replace(big, canary=CANARY)
    with pytest.raises(InvalidServeApps, match="need 6 CPUs and the box has 4"):
        serve_config([tried], addresses(tried), folders=GOLDEN)


def test_an_app_hands_over_as_it_says_and_a_deployment_may_differ() -> None:
    mixed = replace(
        APP,
        handover=Handover.IN_PLACE,
        deployments=[Deployment("Ingress", handover=Handover.SURGE), Deployment("Reader", cpus=3)],
    )
    (app,) = serve_config([mixed], addresses(mixed))["applications"]
    assert [one["max_surge_percent"] for one in app["deployments"]] == [100, 0]


def test_a_smaller_surge_needs_less_room() -> None:
    several = replace(APP, deployments=[Deployment("Reader", replicas=3, cpus=1, surge=25)])
    (app,) = serve_config([several], addresses(several))["applications"]
    assert app["deployments"][0]["max_surge_percent"] == 25
    whole = replace(several, deployments=[replace(several.deployments[0], surge=100)])
    with pytest.raises(InvalidServeApps, match="need 6 CPUs"):
        serve_config([whole], addresses(whole))


def test_declared_memory_must_fit_where_the_box_says_what_it_has() -> None:
    hungry = replace(APP, deployments=[Deployment("Reader", cpus=0.5, memory_mb=7000)])
    with pytest.raises(InvalidServeApps, match="need 14000 MiB of memory and the box has 12288"):
        serve_config([hungry], addresses(hungry))
    (app,) = serve_config([hungry], addresses(hungry), Box(cpus=4, gpus=1))["applications"]
    assert app["deployments"][0]["ray_actor_options"]["memory"] == 7000 * 1024 * 1024


def test_a_limit_of_memory_travels_with_the_batching() -> None:
    batching = Batching(max_size=64, wait_ms=5, max_mb=100, unit_kb=20)
    limited = replace(APP, deployments=[Deployment("Model", batching=batching)])
    (app,) = serve_config([limited], addresses(limited))["applications"]
    assert app["deployments"][0]["user_config"]["batching"] == {
        "max_size": 64,
        "wait_ms": 5,
        "max_mb": 100,
        "unit_kb": 20,
    }


def test_requirements_that_nothing_would_install_are_refused_with_the_place_for_them() -> None:
    with pytest.raises(InvalidServeApps, match=r"pin it in services/ray_serve/requirements\.txt"):
        serve_config([APP], addresses(APP), folders={"toy": AppFolder(requirements=True)})


DOCUMENTED = [
    field.name for kind in (ServeApp, Deployment, Batching, Autoscaling, Slo, Canary) for field in fields(kind)
]


@pytest.mark.parametrize("setting", sorted(set(DOCUMENTED)))
def test_every_setting_of_a_declaration_is_documented(setting: str) -> None:
    page = (ROOT / "docs/serve-apps.md").read_text(encoding="utf-8")
    assert re.search(rf"\b{setting}\b", page)


def test_every_mistake_is_told_at_once() -> None:
    wrong = ServeApp(
        name="Toy!",
        folder="services/ray_serve/apps/nowhere",
        deployments=[
            Deployment("Model", replicas=0, cpus=-1, batching=Batching(max_size=0, wait_ms=-1)),
            Deployment("Model", gpus=1.5, max_ongoing=0, max_queued=0),
            Deployment("Scale", replicas=Autoscaling(3, 2, 0), surge=0, batching=Batching(8, 0, max_mb=-1)),
        ],
        slo=Slo(0, 1),
        owner=" ",
        route_prefix="/toy",
        canary=Canary(percent=60, minutes=0, max_error_rate=1, compare="other"),  # type: ignore[arg-type]
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
        "surge is 0",
        "batching max_mb is -1",
        "batching has one of max_mb and unit_kb",
        "canary percent is 60",
        "canary minutes is 0",
        "canary max_error_rate is 1",
        "canary compare is 'other'",
        "a canary needs a deployment 'Ingress'",
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
    both = (*SERVE_APPS, replace(APP, deployments=[Deployment("Ingress"), *APP.deployments[1:]], canary=CANARY))
    folders = {"toy": AppFolder(golden=True)}
    path.write_text(yaml.safe_dump(serve_config(both, addresses(*both), Box(8, 2), folders)))
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
    assert answer.stdout.strip() == str(len(both)), answer.stderr
