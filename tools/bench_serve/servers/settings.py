"""What a server is told, through its environment: worker processes do not see the command line."""

import os
from dataclasses import dataclass

from tools.bench_serve.network import Network


@dataclass(frozen=True)
class Settings:
    """One contender's."""

    network: Network
    port: int
    workers: int
    """Processes that hold the model."""
    device: str
    max_size: int
    """Most windows that go through the model at once."""
    wait_ms: float

    @classmethod
    def from_environment(cls) -> "Settings":
        """Raises KeyError for what is missing."""
        found = {name: os.environ[f"ECG_BENCH_{name.upper()}"] for name in cls.__dataclass_fields__}
        return cls(
            Network(found["network"]),
            int(found["port"]),
            int(found["workers"]),
            found["device"],
            int(found["max_size"]),
            float(found["wait_ms"]),
        )

    def environment(self) -> dict[str, str]:
        """For `from_environment` of a child."""
        return {f"ECG_BENCH_{name.upper()}": str(value) for name, value in vars(self).items()}
