"""What Git asks for: the declarations of a checkout, rendered.

The rim of rendering: it reads the environment's file, hashes the folders of services/ and hands both to `render`.
"""

from pathlib import Path

from generator.errors import EcgError
from generator.model.environment import Environment
from generator.model.environment_file import load_environment
from generator.publish.address import tree_address
from generator.publish.package import agent_package, app_addresses
from generator.render.tree import Addresses, Tree, render
from generator.serve_apps import SERVE_APPS

ENVIRONMENTS = Path("generator/environments")
TEMPLATES = Path("templates_out")


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


def environment(root: Path, name: str) -> Environment:
    """Load one environment. Raises UnknownEnvironment, InvalidEnvironment."""
    if name not in environments(root):
        raise UnknownEnvironment(name, environments(root))
    file = ENVIRONMENTS / f"{name}.py"
    return load_environment(root / file, shown_as=str(file))


def addresses(root: Path) -> Addresses:
    """Content addresses of the checkout's image and packages, uncommitted edits included."""
    return Addresses(
        image=tree_address(root, "services/api"),
        agent=agent_package(root).address,
        apps=app_addresses(root, SERVE_APPS),
    )


def desired_tree(root: Path, name: str) -> Tree:
    """Render an environment of a checkout."""
    return render(environment(root, name), SERVE_APPS, addresses(root))
