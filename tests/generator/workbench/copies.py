"""A copy of this working tree as a checkout of its own, and `ecgctl` in it."""

import shutil
import subprocess
import sys
from pathlib import Path

from generator.publish.tracked import tracked_files

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "frontend/out"
PROGRAM = "import sys; sys.argv[0] = 'ecgctl'; from generator.cli import main; main()"


def copy_of_the_tree(copy: Path) -> Path:
    """With the virtual environments of this one, the page as `make frontend` built it here, and one commit."""
    for name in tracked_files(ROOT):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, copy / name)
    for name in (".venv", ".venv-serve", ".venv-aws"):
        (copy / name).symlink_to(ROOT / name)
    if PAGE.is_dir():
        shutil.copytree(PAGE, copy / PAGE.relative_to(ROOT))
    git(copy, "init", "--quiet", "--initial-branch", "main")
    with (copy / ".git/info/exclude").open("a") as file:
        file.write(".venv\n.venv-serve\n.venv-aws\n")  # links here, folders in .gitignore
    commit(copy, "As it is")
    return copy


def commit(copy: Path, message: str) -> None:
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", message)


def git(copy: Path, *arguments: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    subprocess.run(["git", *who, *arguments], cwd=copy, check=True, capture_output=True)


def surroundings(copy: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(copy), "HOME": str(copy.parent)}


def ecgctl(copy: Path, *arguments: str, timeout_s: float = 300) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=copy,
        env=surroundings(copy),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
