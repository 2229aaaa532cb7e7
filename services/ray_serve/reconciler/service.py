"""A box of a fleet: it comes into service when it serves, and goes when nothing is under way any more.

    instance metadata: what the group wants of this box      InService | Warmed:... | Terminated
              |
              v
    due ------------> the hook to complete, or none          pure
              |
              v
    autoscaling:CompleteLifecycleAction                      `ready` once Serve is healthy, `drained` at the end

The load balancer has taken the box out before `drained` is asked for (Auto Scaling deregisters first), so no new
request comes; what is still under way has until the hook's timeout. A box outside a group has none of this.
"""

import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from kit import logs

_LOG = logs.logger("reconciler")
_METADATA = "http://169.254.169.254/latest"
_ENDPOINT = "AWS_EC2_METADATA_SERVICE_ENDPOINT"
_METADATA_S = 2.0
_UNDER_WAY = re.compile(r"^ray_serve_num_ongoing_http_requests(?:\{[^}]*\})? (\S+)", re.MULTILINE)
_QUIET_S = 20.0
"""Ray tells its metrics every few seconds: a zero counts once it has stood so long."""


class Hook(StrEnum):
    """The group's lifecycle hooks, named as in generator/stacks/model_fleet.py."""

    READY = "ready"
    DRAINED = "drained"


class NotTold(Exception):
    """The instance's metadata, the group or Ray's metrics do not answer."""


class Instance(Protocol):
    """This box as EC2 knows it. Both raise NotTold."""

    def name(self) -> str:
        """The instance's id; empty where there is none."""

    def wanted(self) -> str | None:
        """`target-lifecycle-state`: what the group wants of the box; None before it has said."""


class Group(Protocol):
    """The Auto Scaling group."""

    def complete(self, hook: Hook, instance: str) -> None:
        """Let the box go on; nothing happens where it does not wait. Raises NotTold."""


def due(wanted: str | None, serving: bool, quiet_s: float) -> Hook | None:
    """The hook to complete. `quiet_s`: for how long no request has been under way."""
    match wanted:
        case None:
            return None
        case "Terminated":
            return Hook.DRAINED if quiet_s >= _QUIET_S else None
        case _ if wanted == "InService" or wanted.startswith("Warmed:"):
            return Hook.READY if serving else None
        case _:
            return None


@dataclass
class Service:
    """One box's way into its group and out of it. Call `turn` again and again."""

    instance: Instance
    group: Group
    under_way: Callable[[], int]
    """Requests under way at this box's proxy. Raises NotTold."""
    monotonic: Callable[[], float]
    leave: Callable[[], None]
    """Called once the group wants the box gone: its reports count no more."""
    _completed: tuple[str | None, Hook] | None = field(default=None, init=False)
    _quiet_since: float | None = field(default=None, init=False)

    def turn(self, serving: bool, end: Callable[[], None]) -> bool:
        """Complete what is due; True once the box may go. `end` is called before, to end Ray in order."""
        try:
            wanted = self.instance.wanted()
            if wanted == "Terminated":
                self.leave()
            hook = due(wanted, serving, self._quiet(wanted))
            if hook is None or self._completed == (wanted, hook):
                return False
            if hook is Hook.DRAINED:
                end()
            self.group.complete(hook, self.instance.name())
        except NotTold as error:
            _LOG.warning(str(error))
            return False
        _LOG.info("completed a lifecycle hook", extra={"hook": str(hook), "wanted": wanted})
        # A box of a warm pool passes `ready` again when it leaves the pool.
        self._completed = (wanted, hook)
        return hook is Hook.DRAINED

    def _quiet(self, wanted: str | None) -> float:
        """Seconds without a request under way, while the box is going."""
        if wanted != "Terminated":
            self._quiet_since = None
            return 0.0
        now = self.monotonic()
        if self.under_way() > 0:
            self._quiet_since = None
            return 0.0
        if self._quiet_since is None:
            self._quiet_since = now
        return now - self._quiet_since


class Metadata:
    """`Instance` through the metadata service, version 2."""

    def __init__(self, base: str = _METADATA) -> None:
        self._base = base
        self._name = ""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Metadata":
        """Where AWS's SDKs would look too: the local stand-in has an address for each box."""
        return cls(f"{env[_ENDPOINT].rstrip('/')}/latest") if env.get(_ENDPOINT) else cls()

    def name(self) -> str:
        """See `Instance`."""
        self._name = self._name or self._get("instance-id") or ""
        return self._name

    def wanted(self) -> str | None:
        """See `Instance`."""
        return self._get("autoscaling/target-lifecycle-state")

    def _get(self, path: str) -> str | None:
        asked = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        try:
            token = _fetch(urllib.request.Request(f"{self._base}/api/token", method="PUT", headers=asked))  # noqa: S310 ours
            given = {"X-aws-ec2-metadata-token": token}
            return _fetch(urllib.request.Request(f"{self._base}/meta-data/{path}", headers=given)).strip()  # noqa: S310 ours
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise NotTold(f"instance metadata {path}: {error}") from error
        except OSError as error:
            raise NotTold(f"instance metadata {path}: {error}") from error


class AutoScaling:
    """`Group` through its API."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    @classmethod
    def from_environment(cls, name: str) -> "AutoScaling":
        """With the instance's role."""
        import boto3
        from botocore.config import Config

        return cls(boto3.client("autoscaling", config=Config(connect_timeout=3, read_timeout=10)), name)

    def complete(self, hook: Hook, instance: str) -> None:
        """See `Group`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.complete_lifecycle_action(
                LifecycleHookName=str(hook),
                AutoScalingGroupName=self._name,
                LifecycleActionResult="CONTINUE",
                InstanceId=instance,
            )
        except ClientError as error:
            # An agent that was started again on a box in service: nobody waits for it.
            if error.response["Error"]["Code"] != "ValidationError" or "No active" not in str(error):
                raise NotTold(f"hook {hook} of {self._name}: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise NotTold(f"hook {hook} of {self._name}: {error}") from error


def under_way_by_metrics(port: int) -> int:
    """Requests under way, as Ray's metrics on a port of this box say. Raises NotTold."""
    try:
        text = _fetch(urllib.request.Request(f"http://127.0.0.1:{port}/metrics"))
    except OSError as error:
        raise NotTold(f"Ray's metrics: {error}") from error
    return int(sum(float(value) for value in _UNDER_WAY.findall(text)))


def _fetch(request: urllib.request.Request) -> str:
    with urllib.request.urlopen(request, timeout=_METADATA_S) as answer:  # noqa: S310 ours
        content: bytes = answer.read()
    return content.decode()
