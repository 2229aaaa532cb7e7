"""Ray Serve's REST API: what runs, and what should."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from reconciler.capacity import Resources
from reconciler.memory import Session
from reconciler.snapshot import AppState, AppStatus, DeploymentState
from reconciler.trial import Counted, Tally

_APPLICATIONS = "/api/serve/applications/"


class Refused(Exception):
    """Ray understood the configuration and will not have it."""


class Unavailable(Exception):
    """Ray did not answer; it may be starting, or gone."""


class ServeApi(Protocol):
    """What the agent needs of Ray. Methods raise Unavailable."""

    def ray_version(self, session: Session) -> str:
        """Ray's version."""

    def apps(self, session: Session) -> Mapping[str, AppState]:
        """Every application, by name."""

    def put(self, session: Session, config: Mapping[str, Any]) -> None:
        """Make these the applications; returns before they are. Raises Refused."""

    def nodes(self, session: Session) -> tuple[Resources, ...]:
        """What each living node has to give away in all."""

    def http_ready(self, host: str, port: int) -> bool:
        """Does the proxy answer?"""

    def counted(self, host: str, port: int, route: str) -> Counted | None:
        """What one replica of the app's ingress has counted of its canary; None where it does not say."""


class RestServeApi:
    """`ServeApi` over HTTP on this machine."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ray_version(self, session: Session) -> str:
        """See `ServeApi`."""
        return str(self._ask("GET", session, "/api/ray/version").json()["ray_version"])

    def apps(self, session: Session) -> Mapping[str, AppState]:
        """See `ServeApi`."""
        applications = self._ask("GET", session, _APPLICATIONS).json()["applications"]
        return {name: _app(data) for name, data in applications.items()}

    def put(self, session: Session, config: Mapping[str, Any]) -> None:
        """See `ServeApi`."""
        self._ask("PUT", session, _APPLICATIONS, json=config)

    def nodes(self, session: Session) -> tuple[Resources, ...]:
        """See `ServeApi`."""
        answer = self._ask("GET", session, "/api/v0/nodes?detail=1&limit=1000").json()
        try:
            nodes = [one for one in answer["data"]["result"]["result"] if one["state"] == "ALIVE"]
            return tuple(_resources(one["resources_total"]) for one in nodes)
        except (LookupError, TypeError) as error:
            raise Unavailable(f"Ray's nodes are not told as this agent knows: {error}") from error

    def http_ready(self, host: str, port: int) -> bool:
        """See `ServeApi`."""
        try:
            return self._client.get(f"{http_url(host, port)}/-/healthz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def counted(self, host: str, port: int, route: str) -> Counted | None:
        """See `ServeApi`."""
        try:
            answer = self._client.get(f"{http_url(host, port)}{route}/canary", timeout=5)
            told = answer.json() if answer.status_code == 200 else None
            if not isinstance(told, dict):
                return None
            tally = Tally(
                requests=int(told["requests"]),
                errors=int(told["errors"]),
                mismatches=int(told["mismatches"]),
                busy=int(told["busy"]),
                last=str(told["last"])[:2000],
            )
            return Counted(str(told["replica"]), bool(told["splitting"]), told["trial"], tally)
        except (httpx.HTTPError, ValueError, LookupError, TypeError):
            return None

    def _ask(self, method: str, session: Session, path: str, **body: Any) -> httpx.Response:
        url = f"http://127.0.0.1:{session.dashboard_port}{path}"
        headers = {"Authorization": f"Bearer {session.token}"}
        try:
            answer = self._client.request(method, url, headers=headers, timeout=60, **body)
        except httpx.HTTPError as error:
            raise Unavailable(f"{method} {path}: {error}") from error
        if answer.status_code >= 500:
            raise Unavailable(f"{method} {path}: {answer.status_code} {answer.text[:2000]}")
        if answer.status_code >= 400:
            raise Refused(f"{answer.status_code} {answer.text[:4000]}")
        return answer


def http_url(host: str, port: int) -> str:
    """Where the proxy of this machine is reached."""
    address = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 compared, not bound
    return f"http://{address}:{port}"


def _resources(total: Mapping[str, Any]) -> Resources:
    return Resources(float(total.get("CPU", 0)), float(total.get("GPU", 0)), float(total.get("memory", 0)) / 2**20)


def _app(data: Mapping[str, Any]) -> AppState:
    told = data.get("deployed_app_config") or {}
    return AppState(
        status=AppStatus(data["status"]),
        message=data["message"],
        route=data["route_prefix"],
        version=str(told.get("args", {}).get("version", "")),
        deployments={
            name: DeploymentState(
                status=one["status"],
                message=one["message"],
                replicas=dict(Counter(replica["state"] for replica in one["replicas"])),
            )
            for name, one in data["deployments"].items()
        },
    )
