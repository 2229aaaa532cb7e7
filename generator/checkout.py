"""Where things lie in a checkout, and which environments it declares; imports nothing heavy."""

from pathlib import Path

from generator.errors import EcgError

ENVIRONMENTS = Path("generator/environments")
STACKS = Path("generator/stacks")
TEMPLATES = Path("templates_out")
STATE = Path(".local")
"""Everything that the local system keeps."""


class UnknownEnvironment(EcgError):
    """No settings file of that name."""

    exit_code = 2

    def __init__(self, name: str, known: list[str]) -> None:
        self.name, self.known = name, known
        super().__init__(f"there is no environment {name!r} in {ENVIRONMENTS}/\n  next: use one of {', '.join(known)}")


class NotACheckout(EcgError):
    """The command ran outside the repository."""

    exit_code = 2

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not inside a checkout of this project\n  next: cd into it, or pass --root DIR")


def find_root(start: Path) -> Path:
    """The checkout around a folder. Raises NotACheckout."""
    for folder in (start, *start.parents):
        if (folder / ENVIRONMENTS).is_dir() and (folder / "services").is_dir():
            return folder
    raise NotACheckout(start)


def environments(root: Path) -> list[str]:
    """Names of the environments that a checkout declares."""
    return sorted(path.stem for path in (root / ENVIRONMENTS).glob("*.py") if not path.stem.startswith("_"))
