"""Pull requests as people open them, as changes to the declaration or its templates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from generator.environments.dev import ENVIRONMENT
from generator.model.environment import Environment
from generator.model.serve import Canary, ServeApp
from generator.render.tree import Addresses, render
from generator.serve_apps import SERVE_APPS as DECLARED

Files = dict[str, str]

SERVE_APPS = tuple(app for app in DECLARED if app.name in ("ecg_rhythm", "signal_quality"))
"""Those that reports are written of: one more app changes no report of these pull requests."""
ADDRESSES = Addresses(
    "src-000000000000", "a" * 64 + ".zip", "src-333333333333", {app.name: "b" * 64 + ".zip" for app in SERVE_APPS}
)
"""Fixed, so that a report says what the pull request changes and nothing of what this checkout holds."""


@dataclass(frozen=True)
class PullRequest:
    """One change, and a sentence that must stand in its report."""

    name: str
    title: str
    change: Callable[[], Files]
    says: str


@cache
def base() -> Mapping[str, str]:
    """dev as it is."""
    return rendered()


def rendered(
    environment: Environment = ENVIRONMENT,
    apps: tuple[ServeApp, ...] = SERVE_APPS,
    image: str = ADDRESSES.image,
    packages: Mapping[str, str] = ADDRESSES.apps,
) -> Files:
    """dev with another declaration, or other code."""
    return dict(render(environment, apps, replace(ADDRESSES, image=image, apps=packages)))


def of(part: str, **settings: Any) -> Environment:
    """dev with settings of one part changed."""
    return replace(ENVIRONMENT, **{part: replace(getattr(ENVIRONMENT, part), **settings)})


def edited(stack: str, *edits: tuple[str, str]) -> Files:
    """dev with text of one stack replaced, as a change of that stack's Python would."""
    return _edited(f"stacks/{stack}.yaml", *edits)


def _edited(path: str, *edits: tuple[str, str]) -> Files:
    from hashlib import sha256

    files = dict(base())
    before = sha256(files[path].encode()).hexdigest()
    for old, new in edits:
        assert old in files[path], f"{path} has no {old!r}"
        files[path] = files[path].replace(old, new)
    after = sha256(files[path].encode()).hexdigest()
    files["manifest.yaml"] = files["manifest.yaml"].replace(before, after)
    return files


def _serve(name: str, **settings: Any) -> tuple[ServeApp, ...]:
    return tuple(
        replace(
            app,
            deployments=[replace(each, **settings) if each.name == name else each for each in app.deployments],
        )
        for app in SERVE_APPS
    )


def _without(stack: str, *prune: str) -> Files:
    import yaml

    from generator.render.yaml_text import dump

    files = {path: text for path, text in base().items() if path != f"stacks/{stack}.yaml"}
    manifest = yaml.safe_load(files["manifest.yaml"])
    manifest["spec"]["stacks"] = [each for each in manifest["spec"]["stacks"] if each["name"] != stack]
    if prune:
        manifest["spec"]["prune"] = list(prune)
    files["manifest.yaml"] = dump(manifest)
    return files


def _batching() -> tuple[ServeApp, ...]:
    batching = next(d.batching for d in SERVE_APPS[0].deployments if d.batching)
    return _serve("BeatClassifier", batching=replace(batching, max_size=2 * batching.max_size))


_SUBNETS = ENVIRONMENT.network.private_subnets

PULL_REQUESTS = (
    PullRequest("nothing", "Reformat a comment", lambda: dict(base()), "nothing to change"),
    PullRequest(
        "api-code",
        "Change the API's code",
        lambda: rendered(image="src-111111111111"),
        "new revision of ApiTaskDefinition",
    ),
    PullRequest(
        "scale-api", "Run three API tasks", lambda: rendered(of("api", desired_count=3)), "DesiredCount: in-place"
    ),
    PullRequest(
        "bigger-tasks",
        "Give each API task 1 vCPU and 2 GB",
        lambda: rendered(of("api", cpu=1024, memory=2048, memory_reservation=2048)),
        "new revision of ApiTaskDefinition",
    ),
    PullRequest(
        "bigger-gpu",
        "Move the model server to g5.xlarge",
        lambda: rendered(of("model_server", instance_type="g5.xlarge")),
        "InstanceType: interruption",
    ),
    PullRequest(
        "grow-volume",
        "Grow the model server's volume to 100 GB",
        lambda: rendered(of("model_server", root_volume=replace(ENVIRONMENT.model_server.root_volume, size=100))),
        "`ModelServer`",
    ),
    PullRequest(
        "other-ami",
        "Swap the model server's AMI",
        lambda: rendered(replace(ENVIRONMENT, locked={"ModelServerImageId": "ami-0abcdef1234567890"})),
        "ImageId: replacement",
    ),
    PullRequest(
        "restrict-ssh",
        "Admit SSH from the office only",
        lambda: rendered(of("security", ssh_cidrs=("192.0.2.0/24",))),
        "narrowed",
    ),
    PullRequest(
        "open-port",
        "Open port 21 to the world instead of 22",
        lambda: edited(
            "security",
            ("- CidrIp: 0.0.0.0/0\n          FromPort: 22", "- CidrIp: 0.0.0.0/0\n          FromPort: 21"),
        ),
        "widened",
    ),
    PullRequest(
        "move-subnet",
        "Move private subnet 2 to another range",
        lambda: rendered(of("network", private_subnets=(_SUBNETS[0], replace(_SUBNETS[1], cidr="10.0.30.0/24")))),
        "PrivateSubnet2",
    ),
    PullRequest(
        "rename-logical-id",
        "Rename the jobs table's logical id",
        lambda: edited(
            "data",
            ("JobsTable:\n    Type", "VideoJobs:\n    Type"),
            ("JobsTable.Arn", "VideoJobs.Arn"),
            ("!Ref JobsTable\n", "!Ref VideoJobs\n"),
        ),
        "JobsTable",
    ),
    PullRequest(
        "rename-bucket",
        "Change the video bucket's name",
        lambda: edited("storage", ("dev-video-storage", "dev-videos")),
        "VideoBucket",
    ),
    PullRequest(
        "log-retention",
        "Keep API logs for a day",
        lambda: rendered(of("api", log_retention_days=1)),
        "ApiLogGroup",
    ),
    PullRequest(
        "more-api-rights",
        "Let the API do anything with the video bucket",
        lambda: edited("api", ("- s3:DeleteObject\n", "- s3:*\n")),
        "widened",
    ),
    PullRequest(
        "public-videos",
        "Serve videos without a signature",
        lambda: edited("cdn", ("            TrustedKeyGroups:\n              - !Ref VideoKeyGroupId\n", "")),
        "widened",
    ),
    PullRequest(
        "unencrypted-volume",
        "Turn off encryption of the model server's volume",
        lambda: rendered(
            of("model_server", root_volume=replace(ENVIRONMENT.model_server.root_volume, encrypted=False))
        ),
        "ncrypt",
    ),
    PullRequest(
        "drop-stack",
        "Drop the observability stack, and have it removed",
        lambda: _without("observability", "stack:observability"),
        "−",
    ),
    PullRequest(
        "drop-stack-unnamed",
        "Drop the observability stack",
        lambda: _without("observability"),
        "name it in `prune` (stack:observability)",
    ),
    PullRequest(
        "drop-app",
        "Drop the Serve app ecg_rhythm",
        lambda: rendered(apps=(), packages={}),
        "name it in `prune` (app:ecg_rhythm)",
    ),
    PullRequest("batch-size", "Double the classifier's batches", lambda: rendered(apps=_batching()), "ecg_rhythm"),
    PullRequest(
        "model-code",
        "Ship a new version of ecg_rhythm",
        lambda: rendered(packages={**ADDRESSES.apps, "ecg_rhythm": "c" * 64 + ".zip"}),
        "ecg_rhythm",
    ),
    PullRequest(
        "model-code-with-canary",
        "Ship a new version of ecg_rhythm to a tenth of the requests first",
        lambda: rendered(
            apps=tuple(
                replace(app, canary=Canary(percent=10, minutes=30, max_error_rate=0.01, compare="shadow"))
                if app.name == "ecg_rhythm"
                else app
                for app in SERVE_APPS
            ),
            packages={**ADDRESSES.apps, "ecg_rhythm": "c" * 64 + ".zip"},
        ),
        "canary first: 10 % of the requests for 30 min, compare shadow",
    ),
    PullRequest(
        "app-too-big",
        "Give each trace reader two CPUs on a box that has four",
        lambda: _edited("serve.yaml", ("num_cpus: 0.6", "num_cpus: 2")),
        "does not fit on the box",
    ),
    PullRequest(
        "cheaper-network",
        "Use one NAT gateway for both zones",
        lambda: edited("network", ("NatGatewayId: !Ref NatGateway2", "NatGatewayId: !Ref NatGateway1")),
        "PrivateDefaultRoute2",
    ),
)
