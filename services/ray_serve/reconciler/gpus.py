"""How busy the box's GPUs are: asked of NVIDIA's driver once a minute, told to CloudWatch for its alarms.

A box without a driver tells nothing, and an alarm takes a missing metric for a box that does nothing.
"""

import subprocess
from collections.abc import Callable
from typing import Any

from kit import logs

METRIC = "GpuUtilization"
_LOG = logs.logger("reconciler")
_EVERY_S = 60.0
_PATIENCE_S = 5.0
"""Meanwhile nobody looks after Ray."""
_QUERY = ("--query-gpu=utilization.gpu", "--format=csv,noheader,nounits")


class NotTold(Exception):
    """The driver, or CloudWatch, did not answer."""


def utilization(program: str = "nvidia-smi") -> float | None:
    """Percent of the last second in which the GPUs computed, on average of all; None on a box without a driver.

    Raises NotTold.
    """
    try:
        told = subprocess.run([program, *_QUERY], capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
        percents = [float(line) for line in told.stdout.split()]
        return sum(percents) / len(percents)
    except FileNotFoundError:
        return None
    except (OSError, subprocess.SubprocessError, ValueError, ZeroDivisionError) as error:
        raise NotTold(f"{program}: {error}") from error


class CloudWatch:
    """Where metrics are told. The client is made when there is something to tell: most stand-ins have no GPU."""

    def __init__(self, bucket: str, client: Callable[[], Any] | None = None) -> None:
        """`bucket`: the artifacts bucket, whose name begins with the environment's namespace."""
        self._namespace = bucket.rpartition("-artifacts-")[0]
        self._make = client or _client
        self._client: Any = None

    def tell(self, percent: float) -> None:
        """Raises NotTold."""
        from botocore.exceptions import BotoCoreError, ClientError

        self._client = self._client or self._make()
        datum = {"MetricName": METRIC, "Value": percent, "Unit": "Percent"}
        try:
            self._client.put_metric_data(Namespace=self._namespace, MetricData=[datum])
        except (BotoCoreError, ClientError, OSError) as error:
            raise NotTold(f"CloudWatch: {error}") from error


class Gpus:
    """Asks and tells. Call `turn` again and again."""

    def __init__(
        self, ask: Callable[[], float | None], tell: Callable[[float], None], monotonic: Callable[[], float]
    ) -> None:
        self._ask, self._tell, self._monotonic = ask, tell, monotonic
        self._asked_at: float | None = None
        self._said = ""

    def turn(self) -> None:
        """Ask and tell, if the last time is a minute ago. What is in the way is logged once, and ends nothing."""
        now = self._monotonic()
        if self._asked_at is not None and now - self._asked_at < _EVERY_S:
            return
        self._asked_at = now
        try:
            percent = self._ask()
            if percent is not None:
                self._tell(percent)
            self._said = ""
        except NotTold as error:
            if str(error) != self._said:
                _LOG.warning(str(error))
            self._said = str(error)


def _client() -> Any:
    import boto3
    from botocore.config import Config

    config = Config(connect_timeout=3, read_timeout=_PATIENCE_S, retries={"mode": "standard", "total_max_attempts": 1})
    return boto3.client("cloudwatch", config=config)
