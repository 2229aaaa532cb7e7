"""The embedded AWS as something to apply to."""

from collections.abc import Mapping
from pathlib import Path

from generator.account.bootstrapping import ensure_local
from generator.aws.session import Clients
from generator.deployment import Desired, SystemClock, target
from generator.desired import environment
from generator.local.connection import Connection
from generator.local.system import LocalSystem
from generator.publish.image import push_tree
from generator.sync.apply import Target


def local_target(root: Path, desired: Desired, connection: Connection, system: LocalSystem) -> tuple[Target, Clients]:
    """Sync's ports over a running emulator, and its clients; images are trees, pushed without Docker."""
    clients = Clients(desired.manifest.region, connection.environment())
    ecr = clients.make("ecr")

    def build_image(repository: str, tag: str, files: Mapping[str, bytes]) -> None:
        push_tree(ecr, repository, tag, files)

    return target(root, desired, clients, build_image, system.resolutions()), clients


def bootstrap_here(root: Path, desired: Desired, clients: Clients) -> None:
    """Make the bootstrap stack, which in a real account is an administrator's act. Nothing happens where it stands."""
    ensure_local(environment(root, desired.manifest.name), clients, SystemClock())


def running_target(root: Path, desired: Desired, state: Path) -> tuple[Target, Clients]:
    """The embedded AWS that `ecgctl run` keeps up in another terminal. Raises NotRunning."""
    return local_target(root, desired, Connection.running(state), LocalSystem(state))
