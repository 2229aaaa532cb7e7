"""The whole local system: the embedded AWS, and the processes that stand in for Fargate and the GPU box.

    with LocalSystem(Path(".local")) as system:      # emulator, Fargate and EC2 stand-ins run from here on
        ... apply the manifests, with system.resolutions() for what reads `unresolved` ...
        system.await_healthy(show)

The stand-ins run before anything is applied, because CloudFormation waits for a deployed service to be steady.
Leaving the block stops everything in reverse order; nothing of it stays running.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from generator.local.authority import key_pair
from generator.local.connection import Connection
from generator.local.emulator import DEFAULT_STATE_DIR, Emulator
from generator.local.errors import NotHealthy
from generator.local.fargate import Fargate
from generator.local.gpu_box import GpuBox, Tools
from generator.local.viewer import SITE
from generator.model import names

_log = logging.getLogger(__name__)
_REPOSITORY = Path(__file__).resolve().parents[2]
# Not registered as an image: MiniStack would try to boot a registered one as a container.
_IMAGE_ID = "ami-0000000000000ec60"
_PREFIX_LIST_ID = "pl-0000000000000ec60"
_CERTIFICATE_ARN = "arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-00000000ec60"
KEY_PAIR_NAME = "model-server-key"
_POLL_S = 0.5


@dataclass(frozen=True)
class Environments:
    """Virtual environments: `emulator` holds MiniStack and `aws`, `api` what the image would hold, `serve` Ray."""

    emulator: Path = _REPOSITORY / ".venv-aws"
    api: Path = _REPOSITORY / ".venv"
    serve: Path = _REPOSITORY / ".venv-serve"


@dataclass(frozen=True)
class Progress:
    """How far a wait has come: one line about each thing waited for, and whether it is there."""

    seconds: float
    steps: Mapping[str, bool]


class LocalSystem:
    """Starts and stops the local system. Raises LocalError where it cannot."""

    def __init__(
        self, state_dir: Path = DEFAULT_STATE_DIR, environments: Environments | None = None, *, boxes: bool = True
    ) -> None:
        """`boxes=False` leaves EC2 instances as records: for tests that need no GPU box."""
        self._environments = environments or Environments()
        self._emulator = Emulator(state_dir, python=self._environments.emulator / "bin" / "python")
        self._with_boxes = boxes
        self._stops = contextlib.ExitStack()
        self._signals = contextlib.ExitStack()

    @property
    def connection(self) -> Connection:
        """The administrator's connection."""
        return self._emulator.connection

    @property
    def state_dir(self) -> Path:
        """Everything local lies below it."""
        return self._emulator.state_dir

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # SIGTERM leaves the block as Ctrl-C does.
            former = signal.signal(signal.SIGTERM, _interrupt)
            self._signals.callback(signal.signal, signal.SIGTERM, former)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if threading.current_thread() is threading.main_thread():
            # A second Ctrl-C would cut the emulator off while it writes its state.
            for name in (signal.SIGINT, signal.SIGTERM):
                self._signals.callback(signal.signal, name, signal.signal(name, signal.SIG_IGN))
        with self._signals:
            self.stop()

    def start(self) -> None:
        """Start the emulator, what must exist beforehand, and the stand-ins."""
        try:
            self._emulator.start()
            self._stops.callback(self._emulator.stop)
            self._provide()
            fargate = Fargate(self.connection, self.state_dir, self._environments.api)
            fargate.start()
            self._stops.callback(fargate.stop)
            if self._with_boxes:
                tools = Tools(self._environments.emulator / "bin", self._environments.serve)
                box = GpuBox(self.connection, self.state_dir, tools)
                box.start()
                self._stops.callback(box.stop)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what was started, last first."""
        self._stops.close()

    def resolutions(self) -> Mapping[str, str]:
        """Values for the parameters that read `unresolved` in the manifests."""
        return {
            "ModelServerImageId": _IMAGE_ID,
            "VideoPublicKeyPem": key_pair(self.state_dir / "keys", "video").public,
            "CloudFrontPrefixListId": _PREFIX_LIST_ID,
            "SiteDomainName": SITE,
            "ViewerCertificateArn": _CERTIFICATE_ARN,
            "OriginCertificateArn": _CERTIFICATE_ARN,
        }

    def keep_video_key(self, connection: Connection, prefix: str) -> None:
        """Put the key that signs video URLs where an environment looks for it: an administrator's act in an account."""
        vault = connection.client("secretsmanager")
        private = key_pair(self.state_dir / "keys", "video").private
        with contextlib.suppress(vault.exceptions.ResourceExistsException):
            vault.create_secret(Name=names.video_key_secret(prefix), SecretString=private)

    def await_healthy(self, show: Callable[[Progress], None] | None = None, *, deadline_s: float = 600.0) -> None:
        """Wait until every deployed service is steady and every model server answers, calling `show` as it goes.

        Raises NotHealthy after `deadline_s` seconds.
        """
        begun = time.monotonic()
        while True:
            steps = {**self._services(), **(self._boxes() if self._with_boxes else {})}
            waited = time.monotonic() - begun
            if show is not None:
                show(Progress(waited, steps))
            if steps and all(steps.values()):
                return
            if waited > deadline_s:
                missing = ", ".join(name for name, there in steps.items() if not there) or "no service is deployed"
                raise NotHealthy(
                    what=f"not healthy after {deadline_s:.0f} s: {missing}",
                    where=str(self.state_dir),
                    action="read tasks/*/*.log and boxes/*/var/log/*.log below it",
                )
            time.sleep(_POLL_S)

    def _provide(self) -> None:
        """What a real account has before the first apply: the box's key pair."""
        ec2 = self.connection.client("ec2")
        if KEY_PAIR_NAME not in {each["KeyName"] for each in ec2.describe_key_pairs()["KeyPairs"]}:
            ec2.create_key_pair(KeyName=KEY_PAIR_NAME)

    def _services(self) -> dict[str, bool]:
        ecs, elb = self.connection.client("ecs"), self.connection.client("elbv2")
        steps = {}
        for cluster in ecs.list_clusters()["clusterArns"]:
            names = ecs.list_services(cluster=cluster)["serviceArns"]
            for service in ecs.describe_services(cluster=cluster, services=names)["services"] if names else ():
                if service["status"] == "ACTIVE":
                    steps[f"service {service['serviceName']}"] = _is_steady(service) and all(
                        _healthy_targets(elb, balancer["targetGroupArn"]) >= service["desiredCount"]
                        for balancer in service["loadBalancers"]
                    )
        return steps

    def _boxes(self) -> dict[str, bool]:
        ec2 = self.connection.client("ec2")
        filters = [{"Name": "instance-state-name", "Values": ["running"]}]
        return {
            f"model server {instance['InstanceId']}": _answers(instance["PrivateIpAddress"])
            for reservation in ec2.describe_instances(Filters=filters)["Reservations"]
            for instance in reservation["Instances"]
        }


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


def _is_steady(service: Mapping[str, Any]) -> bool:
    primary: Mapping[str, Any] = next((each for each in service["deployments"] if each["status"] == "PRIMARY"), {})
    enough = service["runningCount"] >= service["desiredCount"]
    return bool(enough and primary.get("rolloutState") == "COMPLETED")


def _healthy_targets(elb: Any, group: str) -> int:
    described = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return sum(each["TargetHealth"]["State"] == "healthy" for each in described)


def _answers(address: str) -> bool:
    """Whether Ray Serve routes to an app on the deployed port; its health route answers before any app is there."""
    connection = http.client.HTTPConnection(address, 8080, timeout=2)
    try:
        connection.request("GET", "/-/routes")
        answer = connection.getresponse()
        return answer.status == 200 and bool(json.loads(answer.read()))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
