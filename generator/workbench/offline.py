"""The stages of a check that need no cluster: declaration, schema, imports, golden cases in Ray's local testing mode.

They run on the app's package as it would be published, unpacked into a folder of its own: a file that Git ignores is
missing here as it would be on the box.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from generator.model.serve import AppFolder, ServeApp
from generator.model.serve_rules import mistakes
from generator.publish.package import Package, app_folders, app_package
from generator.render.serve import serve_config
from generator.workbench.declaration import FILE
from generator.workbench.serve_python import ServePython
from generator.workbench.stages import Outcome, Stage

Clock = Callable[[], float]


@dataclass(frozen=True)
class Subject:
    """An app with everything that is looked at. `package` is None where its folder is missing."""

    app: ServeApp
    package: Package | None
    folder: AppFolder

    @staticmethod
    def of(root: Path, app: ServeApp) -> "Subject":
        """Pack it."""
        return Subject(app, app_package(root, app), app_folders(root, [app]).get(app.name, AppFolder()))

    @property
    def config(self) -> dict[str, Any]:
        """serve.yaml with this app alone, without our notes. The declaration must have passed."""
        assert self.package is not None  # noqa: S101  a missing folder is a mistake of the declaration
        config = serve_config([self.app], {self.app.name: self.package.address}, folders={self.app.name: self.folder})
        return {name: value for name, value in config.items() if name != "x-ecg"}


def offline(
    subject: Subject, every: Sequence[ServeApp], packed: Sequence[str], code: Path, python: ServePython, clock: Clock
) -> Iterator[Outcome]:
    """The outcomes, one after the other, up to the first that failed. `packed`: names of apps whose folder is there."""
    runs: tuple[Callable[[], Outcome], ...] = (
        lambda: declared(subject, every, packed),
        lambda: _schema(facts(), subject),
        lambda: _imports(facts(), subject),
        lambda: golden(subject, code, python),
    )
    known: list[Mapping[str, Any]] = []

    def facts() -> Mapping[str, Any]:
        # Asked once: importing Ray takes seconds.
        if not known:
            known.append(python.ask("app_facts.py", code, {"config": subject.config, "app": subject.app.name}))
        return known[0]

    for run in runs:
        start = clock()
        outcome = run()
        yield replace(outcome, seconds=clock() - start)
        if not outcome.passed:
            return


def declared(subject: Subject, every: Sequence[ServeApp], packed: Sequence[str]) -> Outcome:
    """Mistakes of this app, and those of all together (names, room)."""
    folders = {subject.app.name: subject.folder}
    others = [mistake for one in every if one.name != subject.app.name for mistake in mistakes([one], packed)]
    wrong = [mistake for mistake in mistakes(every, packed, folders=folders) if mistake not in others]
    if wrong:
        return Outcome(Stage.DECLARATION, False, "\n".join(wrong), FILE, f"correct it in {FILE}")
    shares = [f"{one.most_replicas} {one.name}" for one in subject.app.deployments]
    return Outcome(Stage.DECLARATION, True, f"{', '.join(shares)}; all apps fit the box while any hands over")


def _schema(facts: Mapping[str, Any], subject: Subject) -> Outcome:
    if wrong := facts["schema"]:
        return Outcome(
            Stage.SCHEMA, False, wrong, f"{FILE}, app {subject.app.name!r}", "Ray refuses this; declare otherwise"
        )
    return Outcome(Stage.SCHEMA, True, "valid under Ray's ServeDeploySchema")


def _imports(facts: Mapping[str, Any], subject: Subject) -> Outcome:
    file = f"{subject.app.folder}/app.py"
    if wrong := facts["imports"]:
        action = "mend it; what is missing belongs into the app's folder, or into services/ray_serve/requirements.txt"
        return Outcome(Stage.IMPORTS, False, wrong, file, action)
    built, wanted = set(facts["deployments"]), {one.name for one in subject.app.deployments}
    if built != wanted:
        words = []
        if unknown := sorted(wanted - built):
            words.append(f"declared, but not built: {', '.join(unknown)}")
        if undeclared := sorted(built - wanted):
            words.append(f"built, but not declared: {', '.join(undeclared)}")
        return Outcome(Stage.IMPORTS, False, "; ".join(words), file, f"give both the same names, here and in {FILE}")
    return Outcome(Stage.IMPORTS, True, f"app.py builds {', '.join(sorted(built))}")


def golden(subject: Subject, code: Path, python: ServePython) -> Outcome:
    """Every golden case through the app's own `analyze`."""
    folder = f"{subject.app.folder}/golden"
    name = Path(subject.app.folder).name
    if not subject.folder.golden:
        action = f"make {folder}/<case>/ with input.mp4 and expected.json (docs/serve-apps.md)"
        return Outcome(Stage.GOLDEN, False, "there are no golden cases: nothing would prove the app", folder, action)
    done = python.run([str(python.python), "-m", "kit.golden", name], code)
    if done.exit_code not in (0, 1) or not done.out.strip():
        return Outcome(Stage.GOLDEN, False, _tail(done.err), folder, "mend the app or the case")
    report = json.loads(done.out)
    return golden_outcome(report, folder)


def golden_outcome(report: Mapping[str, Any], folder: str) -> Outcome:
    """A `golden/v1` report as an outcome."""
    cases = report["cases"]
    if report["passed"]:
        took = ", ".join(f"{case['name']} {case['seconds']:.1f} s" for case in cases)
        return Outcome(Stage.GOLDEN, True, f"{len(cases)} passed ({took})")
    failed = [case for case in cases if not case["passed"]]
    lines = [
        f"{case['name']}: {one['path']} should be {one['expected']!r}{_within(one)} and is {one['actual']!r}"
        for case in failed
        for one in case["differences"]
    ]
    where = ", ".join(f"{folder}/{case['name']}" for case in failed)
    action = "mend the model; or, where the input's truth says so, correct expected.json"
    return Outcome(Stage.GOLDEN, False, "\n".join(lines), where, action)


def _within(difference: Mapping[str, Any]) -> str:
    return f" (±{difference['tolerance']:g})" if difference.get("tolerance") else ""


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-12:])
