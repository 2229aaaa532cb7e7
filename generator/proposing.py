"""Pull requests that this program opens, with Git and GitHub's own command: drift to accept, releases to promote."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from generator.drifting import rules_path
from generator.errors import EcgError
from generator.sync.drift.proposal import digest, proposed
from generator.sync.drift.verdict import EnvironmentDrift


class GitRefused(EcgError):
    """Git or gh failed."""

    def __init__(self, command: str, said: str) -> None:
        self.command = command
        super().__init__(f"{command}: {said}\n  next: check that origin can be pushed to (git remote -v), then again")


@dataclass(frozen=True)
class Proposal:
    """Where the pull request is."""

    branch: str
    fresh: bool
    """False where the same was proposed before."""
    url: str = ""
    """Empty where `gh` is not there to open it."""

    @property
    def words(self) -> str:
        """What was done, in one line."""
        if not self.fresh:
            return f"the branch {self.branch} proposes this already"
        if self.url:
            return f"proposed: {self.url}"
        return f"pushed {self.branch}; gh is not installed: open the pull request on GitHub"


def propose_drift(root: Path, drift: EnvironmentDrift, body: str, today: date) -> Proposal:
    """Propose rules for what drifted. Raises GitRefused."""
    rules = rules_path(drift.environment)

    def edit(folder: Path) -> tuple[Sequence[Path], str]:
        file = folder / rules
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        file.write_text(proposed(drift, before, today), encoding="utf-8")
        return [rules], body

    title = f"Accept drift of {drift.environment}, or close this to take it back"
    return propose(root, f"drift-{drift.environment}-{digest(drift)}", title, edit)


def propose(root: Path, branch: str, title: str, edit: Callable[[Path], tuple[Sequence[Path], str]]) -> Proposal:
    """Push a branch with an edit of what HEAD holds, and open a pull request where `gh` is installed.

    `edit` is given a folder with HEAD's files; it changes them and returns which paths to add, and the request's body.
    The working tree is left alone. Raises GitRefused.
    """
    if _run(root, "git", "ls-remote", "--heads", "origin", branch):
        return Proposal(branch, fresh=False)
    with tempfile.TemporaryDirectory(prefix="ecgctl-") as folder:
        there = Path(folder) / "checkout"
        _run(root, "git", "worktree", "add", "--quiet", "-b", branch, str(there), "HEAD")
        try:
            paths, body = edit(there)
            _run(there, "git", "add", "--all", *map(str, paths))
            _run(there, "git", *_identity(root), "commit", "--quiet", "--message", title)
            _run(there, "git", *_credentials(), "push", "--quiet", "origin", branch)
        finally:
            _run(root, "git", "worktree", "remove", "--force", str(there))
            _run(root, "git", "branch", "--quiet", "-D", branch)
    if not _gh():
        return Proposal(branch, fresh=True)
    url = _run(root, "gh", "pr", "create", "--head", branch, "--title", title, "--body", body)
    return Proposal(branch, fresh=True, url=url.splitlines()[-1] if url else "")


def _gh() -> bool:
    return shutil.which("gh") is not None


def _credentials() -> tuple[str, ...]:
    """A job's checkout leaves no token behind, but gh has one; a person's own helper stays in front."""
    return ("-c", "credential.helper=!gh auth git-credential") if _gh() else ()


def _identity(root: Path) -> tuple[str, ...]:
    """Whose commit it is: the configured author, or this program where a job has none."""
    configured = subprocess.run(["git", "config", "user.email"], cwd=root, capture_output=True, check=False)
    return () if configured.stdout.strip() else ("-c", "user.name=ecgctl", "-c", "user.email=ecgctl@users.noreply")


def _run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise GitRefused(" ".join(command[:3]), done.stderr.strip() or done.stdout.strip())
    return done.stdout.strip()
