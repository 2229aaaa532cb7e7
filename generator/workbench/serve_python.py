"""Runs what needs Ray, torch or OpenCV: programs in .venv-serve that answer in JSON."""

import json
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from generator.publish.package import Package
from generator.workbench.errors import NoServePython, ProgramFailed

_PROGRAMS = Path(__file__).with_name("programs")
# Nobody's real credentials, profile or cluster reach an app that is only tried.
_NOT_PASSED_ON = ("PYTHONPATH", "RAY_ADDRESS", "AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL")
_STAND_IN = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "AWS_ACCESS_KEY_ID": "workbench",
    "AWS_SECRET_ACCESS_KEY": "workbench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONUNBUFFERED": "1",
}


@dataclass(frozen=True)
class Done:
    """What a program left."""

    exit_code: int
    out: str
    err: str


@dataclass(frozen=True)
class ServePython:
    """The interpreter of .venv-serve, and the environment that programs get in it."""

    python: Path

    @staticmethod
    def of(root: Path) -> "ServePython":
        """Raises NoServePython."""
        python = root / ".venv-serve/bin/python"
        if not python.exists():
            raise NoServePython(python)
        return ServePython(python)

    def command(self, program: str, *arguments: str) -> list[str]:
        """To start one of `programs/`."""
        return [str(self.python), str(_PROGRAMS / program), *arguments]

    def environment(self, code: Path, endpoint: str | None = None) -> dict[str, str]:
        """For programs that import the apps and the kit below `code`; `endpoint`: where S3 is."""
        kept = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        s3 = {"AWS_ENDPOINT_URL": endpoint} if endpoint else {}
        return {**kept, **_STAND_IN, **s3, "PYTHONPATH": str(code)}

    def run(
        self,
        command: Sequence[str],
        code: Path,
        *,
        given: Any = None,
        endpoint: str | None = None,
        timeout_s: float = 600,
    ) -> Done:
        """Run to the end. Raises ProgramFailed where that does not come in time."""
        try:
            done = subprocess.run(
                command,
                cwd=code,
                env=self.environment(code, endpoint),
                input=json.dumps(given),
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ProgramFailed(Path(command[1]).name, f"it did not end within {timeout_s:g} s") from error
        return Done(done.returncode, done.stdout, done.stderr)

    def ask(self, program: str, code: Path, given: Any) -> Mapping[str, Any]:
        """One question, one JSON object. Raises ProgramFailed."""
        done = self.run(self.command(program), code, given=given)
        if done.exit_code != 0:
            raise ProgramFailed(program, done.err or done.out)
        answer: Mapping[str, Any] = json.loads(done.out)
        return answer


@contextmanager
def unpacked(package: Package) -> Iterator[Path]:
    """A package's files in a folder: what would be published is what is tried."""
    with tempfile.TemporaryDirectory(prefix="ecg-workbench-") as folder:
        with zipfile.ZipFile(BytesIO(package.content)) as archive:
            archive.extractall(folder)
        yield Path(folder)
