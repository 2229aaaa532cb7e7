"""What Git asks for: the declarations of a checkout, rendered.

The rim of rendering: it reads the environment's file, hashes the folders of services/ and frontend/, and hands both to
`render`.
"""

from pathlib import Path

from generator.checkout import ENVIRONMENTS, UnknownEnvironment, environments
from generator.model.environment import Environment
from generator.model.environment_file import load_environment
from generator.publish.address import tree_address
from generator.publish.package import agent_package, app_addresses, app_folders
from generator.publish.page import SOURCE, inline_scripts
from generator.render.tree import Addresses, Tree, render
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


def desired_tree(root: Path, name: str) -> Tree:
    """Render an environment of a checkout."""
    return render(environment(root, name), SERVE_APPS, addresses(root))
