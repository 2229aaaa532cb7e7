"""The embedded AWS as something to apply to."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from generator.account.bootstrapping import ensure_local
from generator.aws.session import Clients
from generator.deployment import Desired, SystemClock, target
from generator.desired import environment
from generator.local.connection import Connection
from generator.local.demo_user import demo_token, ensure_demo_user
from generator.local.errors import LocalError
from generator.local.not_emulated import not_emulated
from generator.local.system import LocalSystem
from generator.local.viewer import viewer_url
from generator.planning import tree_of
from generator.publish.image import push_tree
from generator.sync.apply import Target
from generator.video_client import VideoClient


def local_target(root: Path, desired: Desired, connection: Connection, system: LocalSystem) -> tuple[Target, Clients]:
    """Sync's ports over a running emulator, and its clients; images are trees, pushed without Docker."""
    clients = Clients(desired.manifest.region, connection.environment())
    system.keep_video_key(connection, desired.manifest.prefix)
    ecr = clients.make("ecr")

    def build_image(repository: str, tag: str, files: Mapping[str, bytes]) -> None:
        push_tree(ecr, repository, tag, files)

    return target(root, desired, clients, build_image, system.resolutions()), clients


def bootstrap_here(root: Path, desired: Desired, clients: Clients) -> None:
    """Make the bootstrap stack, which in a real account is an administrator's act. Nothing happens where it stands."""
    ensure_local(environment(root, desired.manifest.name), clients, SystemClock())


def without_effect(root: Path, environment: str) -> Iterator[str]:
    """A line for each resource of a rendered environment that the embedded AWS keeps and does nothing with."""
    templates = tree_of(root, environment).templates
    held = [(stack, one.id, one.type) for stack, template in templates.items() for one in template.resources.values()]
    return not_emulated(held)


def running_target(root: Path, desired: Desired, state: Path) -> tuple[Target, Clients]:
    """The embedded AWS that `ecgctl run` keeps up in another terminal. Raises NotRunning."""
    return local_target(root, desired, Connection.running(state), LocalSystem(state))


def running_site(connection: Connection) -> tuple[str, str]:
    """The page's address here and the user pool of what runs. Raises LocalError where nothing is deployed."""
    distributions = connection.client("cloudfront").list_distributions()["DistributionList"].get("Items", [])
    pools = connection.client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"]
    for one in distributions:
        domain = next(iter(one.get("Aliases", {}).get("Items", ())), one["DomainName"])
        for pool in pools:
            if pool["Name"].startswith(f"{one['Comment']}-"):  # both begin with the environment's prefix
                return viewer_url(domain, connection.port), pool["Id"]
    raise LocalError(
        what="there is no distribution, or no user pool yet",
        where=connection.endpoint_url,
        action="wait until `ecgctl run` says that it is up",
    )


def signed_in(url: str, connection: Connection, pool: str) -> VideoClient:
    """The API at `url`, asked as the demo user of a user pool, who signs in as on the page."""
    ensure_demo_user(connection, pool)
    at = connection.endpoint_url
    anybody = VideoClient(url, connection.ca_bundle, SystemClock(), at=at)

    def token() -> str:
        return demo_token(connection, anybody.config()["sign_in"], url)

    return VideoClient(url, connection.ca_bundle, SystemClock(), at=at, token=token)
