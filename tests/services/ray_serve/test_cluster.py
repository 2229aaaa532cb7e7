"""The same serve.yaml on a cluster: several Ray nodes on this machine, one cluster for all tests of this file.

In order: spread, refused without the token, a node lost, scaled down and up on the nodes that are left, then a worker
lost under a stream of jobs. `nodes.py` says what nodes on one machine share that boxes do not.
"""

import concurrent.futures
import json
import os
import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from generator.model.serve import Autoscaling, Batching, Box, Deployment, ServeApp, Slo
from generator.publish.package import app_package
from generator.render.serve import PACKAGES, serve_config
from tests.services.ray_serve.box import VIDEOS, ministack, repository_copy, wait_for
from tests.services.ray_serve.load import Stream
from tests.services.ray_serve.nodes import Cluster, running_cluster, short_folder

pytestmark = pytest.mark.faults  # three Ray nodes on one machine: minutes where it has two cores

# A node has 1 CPU, so it holds two Ingress replicas at most; any two nodes hold all.
NODES, REPLICAS = 3, 3
TOY = ServeApp(
    name="toy",
    folder="services/ray_serve/apps/toy",
    deployments=[
        Deployment("Ingress", replicas=REPLICAS, cpus=0.4, max_ongoing=8, max_queued=16, drain_s=5),
        Deployment("Counter", cpus=0.2, batching=Batching(max_size=100, wait_ms=5), max_ongoing=32),
    ],
    slo=Slo(p99_ms=1000, min_windows_per_s=1),
    owner="tests",
)
# Two nodes hold all of it, one does not: some Teller is on a worker.
TELLERS = 3
STEADY = ServeApp(
    name="steady",
    folder="services/ray_serve/apps/steady",
    deployments=[
        Deployment("Ingress", cpus=0.1, max_ongoing=64, drain_s=5),
        Deployment("Teller", replicas=TELLERS, cpus=0.4, max_ongoing=64, drain_s=5, user_config={"pause_ms": 20}),
    ],
    slo=Slo(p99_ms=1000, min_windows_per_s=1),
    owner="tests",
)
SCALED = replace(
    TOY, deployments=[replace(TOY.deployments[0], replicas=Autoscaling(1, REPLICAS, 2)), TOY.deployments[1]]
)
# Ray's own are 30 s, 10 min and averages over 30 s: too long for a test, so these are not declared.
SOON = {"upscale_delay_s": 1, "downscale_delay_s": 2, "look_back_period_s": 3}
PATIENCE_S = 120


@dataclass
class Served:
    """A cluster with the toy on it."""

    cluster: Cluster
    repository: Path

    def put(self, apps: Sequence[ServeApp]) -> None:
        """What the head's agent does: the rendered data, packages on the disk, one PUT; waits until they run."""
        packages = {app.name: app_package(self.repository, app) for app in apps}
        folder = self.cluster.folder / "packages"
        folder.mkdir(exist_ok=True)
        for one in packages.values():
            assert one
            (folder / one.address).write_bytes(one.content)
        config = serve_config(
            apps, {name: one.address for name, one in packages.items() if one}, Box(cpus=NODES, gpus=0)
        )
        config["http_options"] |= {"host": self.cluster.host, "port": self.cluster.port}
        for app in config["applications"]:
            for deployment in app["deployments"]:
                if "autoscaling_config" in deployment:
                    deployment["autoscaling_config"] |= SOON
        text = json.dumps(config).replace(PACKAGES, f"file://{folder}/")
        answer = self.cluster.api("PUT", "/api/serve/applications/", json=json.loads(text))
        assert answer.status_code == 200, answer.text
        wait_for(lambda: all(one["status"] == "RUNNING" for one in self.cluster.apps().values()), PATIENCE_S, "the app")

    def ingresses(self) -> dict[str, int]:
        return dict(self.cluster.where("toy", "Ingress"))

    def ask(self, steps: int = 5) -> str:
        """One try of one request: `result`, or what else it came to. `steps` take 20 ms each."""
        body = {"job_id": "job-1", "video": {"bucket": VIDEOS, "key": "abc"}, "options": {"steps": steps}}
        try:
            answer = httpx.post(f"{self.cluster.http}/toy/analyze", json=body, timeout=30, trust_env=False)
            if answer.status_code != 200:
                return str(answer.status_code)
            last = json.loads(answer.text.splitlines()[-1])
        except (httpx.HTTPError, ValueError, IndexError) as error:
            return type(error).__name__
        return "result" if last.get("result", {}).get("letters") == 3 else str(last)


@dataclass
class Load:
    """Clients that ask again until they have a result, as the API's worker does."""

    served: Served
    steps: int
    ended: threading.Event = field(default_factory=threading.Event)
    results: list[float] = field(default_factory=list)
    """When each came."""
    unlucky: list[str] = field(default_factory=list)
    """Tries that came to nothing."""
    lost: int = 0

    def client(self) -> None:
        while not self.ended.is_set():
            until = time.monotonic() + PATIENCE_S
            while (came := self.served.ask(self.steps)) != "result" and time.monotonic() < until:
                self.unlucky.append(came)
                time.sleep(random.uniform(0.25, 0.5))
            if came == "result":
                self.results.append(time.monotonic())
            else:
                self.lost += 1

    @property
    def longest_gap(self) -> float:
        """Seconds without any result, at the longest."""
        return max((after - before for before, after in zip(self.results, self.results[1:], strict=False)), default=0.0)


@contextmanager
def load(served: Served, clients: int, steps: int) -> Iterator[Load]:
    one = Load(served, steps)
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        futures = [pool.submit(one.client) for _ in range(clients)]
        try:
            yield one
        finally:
            one.ended.set()
    for future in futures:
        future.result()


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    with ministack(folder) as (endpoint, _):
        aws = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": endpoint,
            "RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
            "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
            **aws,
        }
        s3 = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        s3.create_bucket(Bucket=VIDEOS)
        s3.put_object(Bucket=VIDEOS, Key="abc", Body=b"abc")
        with running_cluster(folder, env, NODES - 1) as cluster:
            served = Served(cluster, repository_copy(folder / "repository"))
            served.put([TOY])
            yield served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with short_folder() as folder, serving(folder) as one:
        yield one
    assert not any(node.raylet for node in one.cluster.nodes)


def settled(served: Served, addresses: set[str]) -> Any:
    """All replicas run, and only there."""
    found = served.ingresses()
    return sum(found.values()) == REPLICAS and set(found) <= addresses


def test_replicas_that_one_node_cannot_hold_are_spread_over_the_nodes_and_answer(served: Served) -> None:
    found = served.ingresses()
    assert sum(found.values()) == REPLICAS
    assert len(found) > 1
    assert all(count * 0.4 <= 1 for count in found.values())
    assert [served.ask() for _ in range(5)] == ["result"] * 5


def test_each_node_has_its_own_proxy(served: Served) -> None:
    def healthy() -> set[str]:
        proxies = served.cluster.api("GET", "/api/serve/applications/").json()["proxies"].values()
        return {str(one["node_ip"]) for one in proxies if one["status"] == "HEALTHY"}

    wait_for(lambda: healthy() == {node.address for node in served.cluster.nodes[:NODES]}, PATIENCE_S, "the proxies")


def test_a_node_without_the_clusters_token_does_not_join(served: Served) -> None:
    stranger = served.cluster.add_worker(token="0" * 64)
    assert stranger.process.wait(PATIENCE_S) != 0
    assert "InvalidAuthToken" in stranger.log.read_text()
    assert stranger.address not in served.cluster.alive()


def test_a_lost_worker_loses_no_request_that_is_asked_again_and_its_replicas_start_elsewhere(served: Served) -> None:
    victim = next(node for node in served.cluster.nodes[1:NODES] if node.address in served.ingresses())
    rest = {node.address for node in served.cluster.nodes[:NODES]} - {victim.address}
    with load(served, clients=3, steps=10) as asking:
        wait_for(lambda: len(asking.results) >= 6, PATIENCE_S, "results before")
        victim.kill()
        wait_for(lambda: settled(served, rest), PATIENCE_S, "the replicas on the nodes that are left")
        before = len(asking.results)
        wait_for(lambda: len(asking.results) >= before + 6, PATIENCE_S, "results after")
    assert asking.lost == 0
    wait_for(lambda: victim.address not in served.cluster.alive(), PATIENCE_S, "the loss in Ray's books")


def test_declared_autoscaling_follows_the_load_down_and_up_within_its_bounds(served: Served) -> None:
    seen: set[int] = set()

    def replicas() -> int:
        seen.add(sum(served.ingresses().values()))
        return sum(served.ingresses().values())

    served.put([SCALED])
    wait_for(lambda: replicas() == 1, PATIENCE_S, "one replica, since nobody asks")
    with load(served, clients=9, steps=50) as asking:
        wait_for(lambda: replicas() == REPLICAS, PATIENCE_S, "as many as are allowed")
        time.sleep(2)  # more are wanted by now; the bound holds
        replicas()
    assert asking.lost == 0
    assert min(seen) >= 1
    assert max(seen) == REPLICAS


def test_a_worker_lost_under_a_steady_stream_of_jobs_loses_no_job(served: Served) -> None:
    """Jobs through the API's own worker, with its attempts and its circuit; each must become done."""
    served.put([STEADY])
    newcomer = served.cluster.add_worker()
    wait_for(lambda: newcomer.address in served.cluster.alive(), PATIENCE_S, "a node to lose")
    head = served.cluster.nodes[0].address

    def tellers() -> dict[str, int]:
        return dict(served.cluster.where("steady", "Teller"))

    victim = next(node for node in served.cluster.nodes if node.raylet and node.address in set(tellers()) - {head})
    stream = Stream(served.cluster.http, "steady")
    stream.start()
    try:
        with stream.during("GPU worker lost") as row:
            victim.kill()
            rest = {node.address for node in served.cluster.nodes if node.raylet} - {victim.address}
            wait_for(
                lambda: sum(tellers().values()) == TELLERS and set(tellers()) <= rest,
                PATIENCE_S,
                "the replicas on the nodes that are left",
            )
    finally:
        stream.stop()
    print(  # noqa: T201 the figures
        f"\nworker lost: {row.jobs} jobs, {row.sent} requests, {row.failed} failed at Serve, {row.lost} jobs lost; "
        f"longest gap {row.gap_s:.1f} s"
    )
    assert row.jobs > 20
    assert row.lost == 0


@pytest.mark.faults
def test_workers_lost_and_replaced_one_after_the_other_under_load_lose_no_request() -> None:
    """What an Auto Scaling group does: each lost worker is replaced, then the next one goes."""
    with short_folder() as folder, serving(folder) as served:
        cluster, lines = served.cluster, []
        with load(served, clients=4, steps=10) as asking:
            wait_for(lambda: len(asking.results) >= 20, PATIENCE_S, "results before")
            for _ in range(NODES - 1):
                oldest = next(node for node in cluster.nodes[1:] if node.raylet)
                held = served.ingresses().get(oldest.address, 0)
                rest = {node.address for node in cluster.nodes if node.raylet} - {oldest.address}
                oldest.kill()
                began = time.monotonic()
                wait_for(lambda rest=rest: settled(served, rest), PATIENCE_S, "the replicas elsewhere")
                healed = time.monotonic() - began
                newcomer = cluster.add_worker()
                wait_for(lambda node=newcomer: node.address in cluster.alive(), PATIENCE_S, "the replacement")
                lines.append(f"{held} of {REPLICAS} replicas lost, all back in {healed:.1f} s")
            before = len(asking.results)
            wait_for(lambda: len(asking.results) >= before + 20, PATIENCE_S, "results after")
        print(  # noqa: T201 the figures
            f"\nnodes lost: {'; '.join(lines)}. {len(asking.results)} requests, {len(asking.unlucky)} tries failed, "
            f"{asking.lost} lost; longest gap {asking.longest_gap:.1f} s"
        )
        assert asking.lost == 0
        assert len(asking.results) > 40
