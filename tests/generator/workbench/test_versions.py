"""Which version of an app was deployed when, and the commands that take it alone back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click import unstyle

from generator.sync.ledger import Deployment, Result
from generator.workbench.versions import NoWayBack, Run, run_before, versions_text, way_back

START = datetime(2026, 11, 26, 10, tzinfo=UTC)


def serve(cpus: float = 0.1, **versions: str) -> dict[str, Any]:
    """A serve.yaml of apps with these versions; `cpus` is declared of `toy`."""
    return {
        "applications": [
            {
                "name": name,
                "args": {"version": version},
                "runtime_env": {"working_dir": version},
                "deployments": [{"name": "Model", "num_cpus": cpus if name == "toy" else 0.5}],
            }
            for name, version in versions.items()
        ],
        "x-ecg": {"apps": {name: {"version": one, "folder": f"apps/{name}"} for name, one in versions.items()}},
    }


def run(number: int, data: dict[str, Any], result: Result = Result.SUCCEEDED, commit: str = "") -> Run:
    began = START + timedelta(hours=number)
    return Run(Deployment(f"id{number}", "dev", "me", commit or f"commit{number}" * 2, "", began, result=result), data)


RUNS = [
    run(4, serve(toy="v2", other="w2")),
    run(3, serve(toy="v2", other="w1"), Result.FAILED),
    run(2, serve(toy="v1", other="w1")),
    run(1, serve(other="w1")),
]


def test_history_has_a_version_for_each_deployment_and_marks_what_it_brought() -> None:
    head, *rows = [" ".join(unstyle(line).split()) for line in versions_text(RUNS, ["other", "toy"]).splitlines()]
    assert head.endswith("WHO other toy")
    assert [row.rpartition(" me ")[2] for row in rows] == ["w2 new v2", "w1 v2 new", "w1 v1 new", "w1 -"]


def test_other_numbers_for_the_same_version_are_declared_anew() -> None:
    assert "v1 declared anew" in unstyle(
        versions_text([run(2, serve(0.2, toy="v1")), run(1, serve(toy="v1"))], ["toy"])
    )


def test_without_a_revision_it_goes_back_to_the_last_good_deployment_that_differs() -> None:
    assert run_before(RUNS, "dev", "toy").deployment.id == "id2"


def test_a_declaration_that_differs_counts_as_well() -> None:
    assert run_before([run(2, serve(0.2, toy="v1")), run(1, serve(toy="v1"))], "dev", "toy").deployment.id == "id1"


@pytest.mark.parametrize("revision", ["id2", "commit2", "commit2commit2"])
def test_a_revision_is_the_beginning_of_a_commit_or_a_deployments_id(revision: str) -> None:
    assert run_before(RUNS, "dev", "toy", revision).deployment.id == "id2"


@pytest.mark.parametrize(
    ("app", "revision"), [("toy", "id3"), ("toy", "id1"), ("toy", "x"), ("gone", None), ("other", "zz")]
)
def test_where_there_is_no_way_back_the_next_step_is_told(app: str, revision: str | None) -> None:
    with pytest.raises(NoWayBack, match="next: ecgctl serve history dev"):
        run_before(RUNS, "dev", app, revision)


def test_nothing_deployed_is_no_way_back() -> None:
    with pytest.raises(NoWayBack):
        run_before([], "dev", "toy")


def test_the_folder_alone_goes_back_where_the_declaration_is_the_same() -> None:
    commands, notes = way_back(RUNS[2], RUNS[0], "toy")
    assert [one for one in commands if "restore" in one] == [
        "git restore --source=commit2commi --staged --worktree -- apps/toy"
    ]
    assert "ecgctl render" in commands
    assert "kit/ got since then stays" in notes[0]


def test_the_declaration_goes_back_too_where_it_changed() -> None:
    now = run(4, serve(0.2, toy="v2", other="w2"))
    commands, _ = way_back(RUNS[2], now, "toy")
    assert "git restore --source=commit2commi -- generator/serve_apps.py" in commands


def test_where_others_changed_too_a_person_chooses_the_hunks() -> None:
    now = run(4, serve(0.2, toy="v2", third="x"))
    commands, notes = way_back(RUNS[2], now, "toy")
    assert "git restore --source=commit2commi --patch -- generator/serve_apps.py" in commands
    assert notes[0] == "other declarations changed as well (other, third): take toy's hunks only"


def test_a_deployment_of_an_unknown_commit_is_no_way_back() -> None:
    unknown = Run(Deployment("id9", "dev", "me", "", "", START, result=Result.SUCCEEDED), serve(toy="v1"))
    with pytest.raises(NoWayBack, match="the commit is not known"):
        way_back(unknown, RUNS[0], "toy")
