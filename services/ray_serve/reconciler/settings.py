"""Where the agent finds things: read once from its environment, by `__main__`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """`root` prefixes every path: empty on the box, a folder of its own in the stand-in."""

    bucket: str
    environment: str
    agent: str
    """SHA-256 of the agent's package, for the report."""
    root: Path = Path("/")
    http_host: str | None = None
    """Overrides `http_options.host`: the stand-in's private address is one of the loopback's."""
    free_ports: bool = False
    """Ray listens on free ports, not on its usual ones, so that several may run on a machine."""
    poll_s: float = 5.0
    deadline_s: float = 600.0
    """How long a configuration may take to become healthy."""
    golden_s: float = 300.0
    """How long the golden cases of all its apps may take."""
    group: str = ""
    """The Auto Scaling group that the box belongs to; empty for a box alone."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> "Settings":
        """Raises KeyError for a variable that has no default."""
        return cls(
            bucket=env["ECG_ARTIFACTS_BUCKET"],
            environment=env["ECG_ENVIRONMENT"],
            agent=env.get("ECG_AGENT_SHA256", ""),
            root=Path(env.get("ECG_ROOT") or "/"),
            http_host=env.get("ECG_HTTP_HOST") or None,
            free_ports=env.get("ECG_RAY_PORTS", "") == "auto",
            poll_s=float(env.get("ECG_POLL_S", "5")),
            deadline_s=float(env.get("ECG_DEPLOY_DEADLINE_S", "600")),
            golden_s=float(env.get("ECG_GOLDEN_DEADLINE_S", "300")),
            group=env.get("ECG_GROUP", ""),
        )

    @property
    def state(self) -> Path:
        """Packages and state live below it."""
        return self.root / "var/lib/ecg"

    @property
    def packages(self) -> Path:
        """Where packages and configurations are kept, by content."""
        return self.state / "packages"

    @property
    def desired_key(self) -> str:
        """The pointer that the box follows."""
        return f"serve/{self.environment}/desired.json"

    @property
    def observed_key(self) -> str:
        """Where the box reports."""
        return f"observed/{self.environment}/box.json"
