"""Promotion: what one environment runs becomes what the next one runs, by content address, and nothing else does."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from generator import promoting
from generator.cli import main
from generator.environments.dev import ENVIRONMENT as DEV
from generator.model.manifest import parse
from generator.model.released import InvalidRelease
from generator.model.released import parse as parse_release
from generator.publish.address import tree_address
from generator.publish.package import agent_package, package_of
from generator.publish.sources import SourcesMissing, sources
from generator.render.tree import Addresses, release_text, render
from generator.render.writer import read_tree, write_tree
from generator.serve_apps import SERVE_APPS
from generator.sync.ledger import Ledger
from generator.sync.ledger import Result as Outcome
from tests.generator.sync.worlds import FakeClock, InMemoryLedger

PROD = """from dataclasses import replace

from generator.environments.dev import ENVIRONMENT as DEV

ENVIRONMENT = replace(DEV, name="prod", api=replace(DEV.api, desired_count=3))
"""
SERVE = Path("services/ray_serve")


class Checkout:
    """A repository with dev and prod, small enough to be built from in a test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.put(
            "generator/environments/dev.py",
            "from generator.environments.dev import ENVIRONMENT as DEV\nENVIRONMENT = DEV\n",
        )
        self.put("generator/environments/prod.py", PROD)
        self.put("frontend/inline/theme.js", "1;\n")
        self.put("services/ray_serve/kit/__init__.py", "")
        self.put("services/ray_serve/requirements.txt", "ray\n")
        self.put("services/ray_serve/reconciler/loop.py", "")
        self.put("services/ray_serve/apps/__init__.py", "")
        for app in SERVE_APPS:
            self.put(f"{app.folder}/app.py", f"# {app.name}\n")
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.email", "a@example.org")
        self.git("config", "user.name", "a")

    def put(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, api: str) -> str:
        """A commit with this API, and dev rendered with it; the commit's name."""
        self.put("services/api/main.py", f"print({api!r})\n")
        self.git("add", "--all")
        addresses = Addresses(
            image=tree_address(self.root, "services/api"),
            page=tree_address(self.root, "frontend"),
            agent=agent_package(self.root).address,
            apps={app.name: package_of(self.root, app.name, app.folder).address for app in SERVE_APPS},
        )
        write_tree(self.root / "templates_out/dev", render(DEV, SERVE_APPS, addresses))
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"The API says {api}")
        return self.git("rev-parse", "HEAD")

    def image(self, environment: str) -> str:
        text = (self.root / f"templates_out/{environment}/manifest.yaml").read_text(encoding="utf-8")
        return next(one.address for one in parse(text, "manifest.yaml").artifacts if one.name == "api")

    def ecgctl(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--root", str(self.root)])

    def promote(self, *options: str) -> Result:
        return self.ecgctl("promote", "dev", "prod", "--committed", *options)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path / "checkout")
    made.commit("one")
    return made


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(InMemoryLedger(FakeClock()), "dev")


def deploy(ledger: Ledger, checkout: Checkout, commit: str, result: Outcome = Outcome.SUCCEEDED) -> None:
    files = read_tree(checkout.root / "templates_out/dev")
    ledger.end(ledger.begin(files, "alice", commit, ""), result, {})


def test_what_was_promoted_stays_while_dev_goes_on(checkout: Checkout) -> None:
    assert checkout.promote().exit_code == 0
    promoted = checkout.image("prod")
    assert promoted == checkout.image("dev")
    checkout.commit("two")
    assert checkout.image("dev") != promoted
    assert checkout.ecgctl("render", "prod", "--check").exit_code == 0
    assert checkout.image("prod") == promoted


def test_settings_stay_the_environments_own(checkout: Checkout) -> None:
    checkout.promote()
    api = (checkout.root / "templates_out/prod/stacks/api.yaml").read_text(encoding="utf-8")
    assert "DesiredCount: 3" in api
    assert "ecg-project-pipeline-prod" in api


def test_a_check_names_what_is_in_dev_and_not_in_prod_and_the_commits_that_made_it(checkout: Checkout) -> None:
    checkout.promote()
    before = checkout.image("prod")
    assert checkout.promote("--check").output.endswith("nothing to promote\n")
    checkout.git("add", "--all")
    checkout.git("commit", "--quiet", "--message", "Promote")
    checkout.commit("two")
    found = checkout.promote("--check")
    assert found.exit_code == 1
    assert f"api        image   {before}   {checkout.image('dev')}" in found.output
    assert "the same: page, agent, ecg_rhythm, signal_quality" in found.output
    assert "The API says two" in found.output
    assert "Promote\n" not in found.output  # it touches nothing that is built from
    assert checkout.image("prod") == before


def test_what_dev_runs_is_its_last_deployment_that_succeeded(checkout: Checkout, ledger: Ledger) -> None:
    good = checkout.git("rev-parse", "HEAD")
    deploy(ledger, checkout, good)
    image = checkout.image("dev")
    deploy(ledger, checkout, checkout.commit("broken"), Outcome.FAILED)
    runs, since = promoting.proved(checkout.root, "dev", ledger)
    assert runs.revision == good
    assert next(one.address for one in runs.artifacts if one.name == "api") == image
    assert "by alice" in since


def test_without_a_deployment_that_succeeded_nothing_is_promoted(checkout: Checkout, ledger: Ledger) -> None:
    with pytest.raises(promoting.NothingProved, match="--committed"):
        promoting.proved(checkout.root, "dev", ledger)


def test_what_git_cannot_give_back_is_not_promoted(checkout: Checkout, ledger: Ledger) -> None:
    """Deployed from a working tree with edits, or from a commit that this clone lacks."""
    checkout.commit("two")
    deploy(ledger, checkout, checkout.git("rev-parse", "HEAD~1"))
    with pytest.raises(promoting.NotInGit, match="does not hold it"):
        promoting.proved(checkout.root, "dev", ledger)
    deploy(ledger, checkout, "0" * 40)
    with pytest.raises(promoting.NotInGit):
        promoting.proved(checkout.root, "dev", ledger)


def test_an_artifact_is_built_from_the_commit_that_was_promoted(checkout: Checkout) -> None:
    first, address = checkout.git("rev-parse", "HEAD"), checkout.image("dev")
    checkout.commit("two")
    with sources(checkout.root, first) as folder:
        assert tree_address(folder, "services/api") == address
        assert agent_package(folder).address == agent_package(checkout.root).address
    assert not folder.exists()
    with pytest.raises(SourcesMissing, match="--unshallow"), sources(checkout.root, "0" * 40):
        pass


def test_the_manifest_says_which_commit_its_artifacts_are_built_from(checkout: Checkout) -> None:
    checkout.promote()
    text = (checkout.root / "templates_out/prod/manifest.yaml").read_text(encoding="utf-8")
    assert parse(text, "manifest.yaml").revision == checkout.git("rev-parse", "HEAD")
    dev = (checkout.root / "templates_out/dev/manifest.yaml").read_text(encoding="utf-8")
    assert parse(dev, "manifest.yaml").revision == ""


def test_a_pull_request_leaves_the_working_tree_alone_and_is_made_once(checkout: Checkout, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path / "origin.git")], check=True)
    checkout.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    said = checkout.promote("--pr")
    assert said.exit_code == 0, said.output
    assert checkout.git("status", "--porcelain") == ""
    (branch,) = checkout.git("ls-remote", "--heads", "origin").splitlines()
    name = branch.rpartition("/")[2]
    assert name.startswith("promote-prod-")
    checkout.git("fetch", "--quiet", "origin", name)
    changed = checkout.git("diff", "--name-only", "HEAD", "FETCH_HEAD").splitlines()
    assert "generator/environments/prod.release.yaml" in changed
    assert {path.split("/")[1] for path in changed if path.startswith("templates_out")} == {"prod"}
    assert "proposes this already" in checkout.promote("--pr").output


def test_a_release_file_reads_as_it_was_written(checkout: Checkout) -> None:
    runs, _ = promoting.committed(checkout.root, "dev")
    text = release_text("prod", runs)
    assert parse_release(text, "prod.release.yaml") == runs
    assert text.startswith("# Written by `ecgctl promote dev prod`.")


def test_every_mistake_in_a_release_file_is_told_with_its_line() -> None:
    text = "from: dev\nrevision: 1\nartifacts:\n  - {name: api, kind: picture, source: services/api}\nserve: ''\n"
    with pytest.raises(InvalidRelease) as caught:
        parse_release(text, "prod.release.yaml")
    assert set(caught.value.mistakes) == {
        "prod.release.yaml:2: revision: not a text",
        "prod.release.yaml:4: artifacts.0.address: it is missing",
        "prod.release.yaml:4: 'picture' is none of image, package, site",
        "prod.release.yaml:1: page_scripts: it is missing",
    }


def test_a_dropped_app_is_named(checkout: Checkout) -> None:
    runs, since = promoting.committed(checkout.root, "dev")
    promoting.write(checkout.root, promoting.promotion(checkout.root, "prod", runs, since))
    fewer = replace(runs, artifacts=tuple(one for one in runs.artifacts if one.name != "signal_quality"))
    (gone,) = promoting.promotion(checkout.root, "prod", fewer, since).moved
    assert (gone.name, gone.after) == ("signal_quality", "")
