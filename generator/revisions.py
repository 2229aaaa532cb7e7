"""Trees of `templates_out/<env>` as Git holds them: the rim of planning."""

import io
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from generator.errors import EcgError


class UnknownRevision(EcgError):
    """Git does not know the revision."""

    exit_code = 2

    def __init__(self, revision: str, said: str) -> None:
        self.revision = revision
        super().__init__(
            f"git does not know {revision!r}: {said}\n"
            f"  next: fetch it (git fetch origin main), or name another with --base REV"
        )


def merge_base(root: Path) -> str:
    """Where this branch left main; on main itself, its previous commit. Raises UnknownRevision."""
    main = next((name for name in ("origin/main", "main") if _knows(root, name)), "main")
    base = _git(root, "merge-base", main, "HEAD")
    if base == _git(root, "rev-parse", "HEAD") and not _git(root, "status", "--porcelain", "--", "templates_out"):
        return f"{base}~1" if _knows(root, f"{base}~1") else base
    return base


def merges_since(root: Path, revision: str) -> tuple[str, ...]:
    """The commits of this branch after a revision, oldest first, a merge counting as one. Raises UnknownRevision."""
    return tuple(_git(root, "rev-list", "--reverse", "--first-parent", f"{revision}..HEAD").split())


def subjects_between(root: Path, before: str, after: str, paths: Sequence[str]) -> tuple[str, ...]:
    """`<commit> <subject>` of the commits after `before` up to `after` that touch `paths`, newest first.

    Raises UnknownRevision.
    """
    said = _git(root, "log", "--format=%h %s", f"{before}..{after}", "--", *paths)
    return tuple(said.splitlines())


def tree_at(root: Path, revision: str, environment: str) -> Mapping[str, str]:
    """`templates_out/<env>` of a revision by path; empty where it did not exist. Raises UnknownRevision."""
    folder = f"templates_out/{environment}"
    if not _git(root, "ls-tree", revision, f"{folder}/"):
        return {}
    archive = subprocess.run(
        ["git", "archive", "--format=tar", revision, folder], cwd=root, capture_output=True, check=True
    ).stdout
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            content = tar.extractfile(entry)
            if content is not None:
                files[entry.name.removeprefix(f"{folder}/")] = content.read().decode()
    return files


def _knows(root: Path, revision: str) -> bool:
    asked = ["git", "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
    return subprocess.run(asked, cwd=root, capture_output=True, check=False).returncode == 0


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnknownRevision(arguments[-1], done.stderr.strip())
    return done.stdout.strip()
