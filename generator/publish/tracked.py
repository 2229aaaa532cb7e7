"""The files of a folder as Git sees them: tracked, or new and not ignored. What is published is what is reviewed.

Outside a checkout (an unpacked release) the tree is walked, with a fixed list of what builds leave behind.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

_LEFT_BY_BUILDS = frozenset(
    {".git", ".local", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "node_modules"}
)
_LEFT_SUFFIXES = (".pyc", ".pyo", ".egg-info")


def tracked_files(root: Path, members: Sequence[str] = (".",)) -> tuple[str, ...]:
    """Paths below `root` of the files in `members` (files or folders, relative to `root`), sorted, with `/` between."""
    listed = _asked_of_git(root, members)
    names = _walked(root, members) if listed is None else listed
    # Git lists what was deleted but not yet committed; it is not there to be read.
    return tuple(sorted({name for name in names if (root / name).is_file()}))


def _asked_of_git(root: Path, members: Sequence[str]) -> Sequence[str] | None:
    """None outside a checkout, and where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *members]
    try:
        answer = subprocess.run(command, cwd=root, capture_output=True, check=False)
    except OSError:
        return None
    return os.fsdecode(answer.stdout).split("\0")[:-1] if answer.returncode == 0 else None


def _walked(root: Path, members: Sequence[str]) -> Iterator[str]:
    for member in members:
        start = root / member
        if start.is_file():
            yield start.relative_to(root).as_posix()
        for folder, folders, files in os.walk(start):
            folders[:] = [name for name in folders if not _left_by_builds(name)]
            yield from (
                (Path(folder) / name).relative_to(root).as_posix() for name in files if not _left_by_builds(name)
            )


def _left_by_builds(name: str) -> bool:
    return name in _LEFT_BY_BUILDS or name.endswith(_LEFT_SUFFIXES)
