"""A checkout's committed desired state, brought to a target: what `ecgctl apply` does, with real clients."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from generator.aws.cloudformation import CloudFormation
from generator.aws.session import Clients
from generator.errors import EcgError
from generator.model.environment import UNRESOLVED
from generator.model.manifest import InvalidManifest, Manifest, parse
from generator.publish.container import engine_builder
from generator.publish.page import page_builder
from generator.publish.publisher import BuildImage, Publisher
from generator.publish.site import BuildSite, SiteReleases
from generator.render.writer import read_tree
from generator.sync.apply import Outcome, Target, apply
from generator.sync.progress import Report


class WrongAccount(EcgError):
    """The credentials belong to another account than the manifest's."""

    def __init__(self, wanted: str, found: str) -> None:
        self.wanted, self.found = wanted, found
        super().__init__(
            f"the manifest is for account {wanted}, these credentials belong to {found}\n"
            f"  next: use that account's credentials, or set `account` in generator/environments/"
        )


@dataclass(frozen=True)
class Desired:
    """What is committed for an environment."""

    manifest: Manifest
    files: Mapping[str, str]


def committed(root: Path, environment: str) -> Desired:
    """Read `templates_out/<env>`. Raises InvalidManifest where a file is missing or is not the rendered one."""
    files = read_tree(root / "templates_out" / environment)
    place = f"templates_out/{environment}"
    if "manifest.yaml" not in files:
        raise InvalidManifest([f"{place}/manifest.yaml: it is missing; run `ecgctl render {environment}`"])
    manifest = parse(files["manifest.yaml"], f"{place}/manifest.yaml")
    named = {stack.template: stack.sha256 for stack in manifest.stacks}
    named[manifest.serve.config] = manifest.serve.sha256
    mistakes = []
    for path, digest in named.items():
        if path not in files:
            mistakes.append(f"{place}/{path}: it is missing, and the manifest names it")
        elif sha256(files[path].encode()).hexdigest() != digest:
            mistakes.append(f"{place}/{path}: it is not the text that the manifest names (sha256); render again")
    if mistakes:
        raise InvalidManifest(mistakes)
    return Desired(manifest, files)


class SystemClock:
    """The machine's own time."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def aws_target(root: Path, desired: Desired) -> Target:
    """The account that the surrounding credentials belong to. Raises WrongAccount."""
    manifest = desired.manifest
    clients = Clients(manifest.region)
    account = clients.make("sts").get_caller_identity()["Account"]
    if manifest.account not in (UNRESOLVED, account):
        raise WrongAccount(manifest.account, account)
    return target(root, desired, clients, engine_builder(clients.make("ecr")))


def target(
    root: Path,
    desired: Desired,
    clients: Clients,
    build_image: BuildImage,
    resolutions: Mapping[str, str] | None = None,
    build_site: BuildSite | None = None,
) -> Target:
    """Sync's ports over real clients. The page is built from the manifest's sources unless `build_site` does that."""
    manifest = desired.manifest
    s3 = clients.make("s3")
    site = SiteReleases(s3, clients.make("cloudfront"), build_site or page_builder(root, revision=manifest.revision))
    return Target(
        stacks=CloudFormation(clients.make("cloudformation")),
        artifacts=Publisher(root, manifest.name, s3, clients.make("ecr"), site, build_image, manifest.revision),
        clock=SystemClock(),
        resolutions=resolutions or {},
    )


def apply_desired(desired: Desired, to: Target, report: Report) -> Outcome:
    """Apply what is committed. Raises what `sync.apply.apply` raises."""
    return apply(desired.manifest, desired.files, to, report)
