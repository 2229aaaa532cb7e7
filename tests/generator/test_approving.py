"""`--expect merged`: what goes out is what the merges since the last deployment were seen to do."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from generator.approving import MERGED, NothingMerged, approval
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.render.writer import write_tree
from generator.revisions import UnknownRevision
from generator.sync.errors import NotApproved
from tests.generator.sync.test_prune import tree

STEPS: tuple[Mapping[str, str], ...] = (
    tree("storage"),
    tree("storage", "old"),
    tree("storage", "old", "user"),
)


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    done = subprocess.run(["git", *identity, *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def commits(tmp_path: Path) -> list[str]:
    """Each step merged to main; the root is the working folder."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    made = []
    for files in STEPS:
        write_tree(tmp_path / "templates_out/dev", files)
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "--message", "merge")
        made.append(git(tmp_path, "rev-parse", "HEAD"))
    return made


def check(root: Path, before: Mapping[str, str], expect: str, deployed: str | None) -> None:
    found = plan(*read_pair(before, STEPS[-1], ("before", "after")))
    wanted = approval(root, found, (expect,), deployed)
    if wanted is not None:
        wanted.require()


@pytest.mark.parametrize("step", range(len(STEPS)))
def test_what_several_merges_do_together_was_approved_with_each_of_them(
    step: int, tmp_path: Path, commits: list[str]
) -> None:
    check(tmp_path, STEPS[step], MERGED, commits[step])


def test_an_effect_that_no_merge_had_is_refused_by_its_name(tmp_path: Path, commits: list[str]) -> None:
    """The ledger says that the second step runs, but what runs is something else."""
    with pytest.raises(NotApproved, match=r"not approved: old.Videos: create"):
        check(tmp_path, STEPS[0], MERGED, commits[1])


def test_a_first_deployment_is_what_git_says_as_a_whole(tmp_path: Path, commits: list[str]) -> None:
    check(tmp_path, {}, MERGED, None)


def test_a_deployment_from_no_known_commit_has_to_be_reviewed(tmp_path: Path, commits: list[str]) -> None:
    with pytest.raises(NothingMerged, match="ecgctl plan dev --live"):
        check(tmp_path, STEPS[0], MERGED, "")
    with pytest.raises(UnknownRevision):
        check(tmp_path, STEPS[0], MERGED, "f" * 40)


def test_the_beginning_of_a_digest_stands_for_it_and_another_one_is_refused(tmp_path: Path, commits: list[str]) -> None:
    digest = plan(*read_pair(STEPS[0], STEPS[-1], ("before", "after"))).digest
    check(tmp_path, STEPS[0], digest[:12], commits[0])
    with pytest.raises(NotApproved):
        check(tmp_path, STEPS[0], "0" * 12, commits[0])
