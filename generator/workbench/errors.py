"""What can go wrong at the workbench.

EcgError
├── CannotScaffold     2   a name that cannot be, no room, a declaration file that is not as expected
├── UnknownApp         2   no such app is declared
├── NoServePython      3   .venv-serve is not there
├── ProgramFailed      1   a program of .venv-serve ended without an answer
├── CannotTry          2   an app whose declaration is wrong
├── CheckFailed        1   an app did not pass a stage of `serve check`
└── AttemptFailed      1   an app gave no result for a video
"""

from collections.abc import Sequence
from pathlib import Path

from generator.errors import EcgError


class CannotScaffold(EcgError):
    """There will be no new app, and nothing was written."""

    exit_code = 2

    def __init__(self, what: Sequence[str], action: str) -> None:
        self.what, self.action = tuple(what), action
        super().__init__("\n".join(what) + f"\n  next: {action}")


class UnknownApp(EcgError):
    """No app of that name is declared."""

    exit_code = 2

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(
            f"generator/serve_apps.py declares no app {name!r}\n"
            f"  next: use one of {', '.join(known)}, or make it: ecgctl serve new {name}"
        )


class NoServePython(EcgError):
    """The environment with Ray and torch is missing."""

    exit_code = 3

    def __init__(self, python: Path) -> None:
        self.python = python
        super().__init__(f"{python} is not there; apps run in it\n  next: make install")


class ProgramFailed(EcgError):
    """A program ended without the answer that it was started for."""

    def __init__(self, doing: str, said: str) -> None:
        self.doing, self.said = doing, said
        tail = "\n".join(f"  | {line}" for line in said.strip().splitlines()[-25:])
        super().__init__(f"{doing} ended without an answer\n{tail}\n  next: read its last lines above")


class CannotTry(EcgError):
    """The app is not declared as it must be."""

    exit_code = 2

    def __init__(self, app: str, mistakes: str, where: str) -> None:
        self.app, self.mistakes = app, mistakes
        super().__init__(f"{mistakes}\n  where: {where}\n  next: ecgctl serve check {app} --quick")


class CheckFailed(EcgError):
    """Apps that did not pass; the stages have said why."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(f"did not pass: {', '.join(names)}\n  next: see the failed stage above, then check again")


class AttemptFailed(EcgError):
    """The app refused the video, or broke."""

    def __init__(self, app: str, video: Path, code: str, message: str, said: str = "") -> None:
        self.app, self.video, self.code = app, video, code
        tail = "\n".join(f"  | {line}" for line in said.strip().splitlines()[-25:])
        where = f"\n{tail}" if code == "internal" and tail else ""
        action = "mend the app" if code == "internal" else "try another video, or change what the app refuses"
        super().__init__(f"{app} gave no result for {video}: {code}: {message}{where}\n  next: {action}")
