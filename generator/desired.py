"""What Git asks for: the declarations of a checkout, rendered.

The rim of rendering: it reads the environment's file, hashes the folders of services/ and frontend/ (or reads what was
promoted to the environment), and hands both to `render`.
"""

from pathlib import Path

from generator.checkout import ENVIRONMENTS, UnknownEnvironment, environments
from generator.model.environment import Environment
from generator.model.environment_file import load_environment
from generator.model.released import Released, parse
from generator.publish.address import tree_address
from generator.publish.package import agent_package, app_addresses, app_folders
from generator.publish.page import SOURCE, inline_scripts
from generator.render.tree import Addresses, Tree, own_release, render_released
from generator.serve_apps import SERVE_APPS


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
        page=tree_address(root, SOURCE),
        page_scripts=inline_scripts(root),
        agent=agent_package(root).address,
        apps=app_addresses(root, SERVE_APPS),
        folders=app_folders(root, SERVE_APPS),
    )


def release_path(name: str) -> Path:
    """An environment's release file, below the checkout. Without it the environment runs what the checkout holds."""
    return ENVIRONMENTS / f"{name}.release.yaml"


def release_of(root: Path, name: str) -> Released:
    """What an environment of a checkout runs. Raises InvalidRelease, InvalidServeApps."""
    file = release_path(name)
    if (root / file).exists():
        return parse((root / file).read_text(encoding="utf-8"), str(file))
    return own_release(SERVE_APPS, addresses(root))


def desired_tree(root: Path, name: str) -> Tree:
    """Render an environment of a checkout."""
    return render_released(environment(root, name), release_of(root, name))
