"""The proof of a deployment with a real client and the committed sample: the rim around `sync.proof`."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from generator.aws.session import Clients
from generator.deployment import SystemClock
from generator.errors import EcgError
from generator.proof_token import CLIENT, proof_token
from generator.sync.health import Thing
from generator.sync.proof import Proof, ProofFact
from generator.video_client import VideoClient

SAMPLE = Path("samples/sweep.mp4")


class NoSample(EcgError):
    """There is nothing to prove a deployment with."""

    exit_code = 2

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} is missing, and a deployment is proved by reading it; nothing was touched\n"
            f"  next: git checkout -- samples, or apply with --no-proof"
        )


def truth_of(root: Path) -> Mapping[str, Any]:
    """What there is to read in the sample of a checkout. Raises NoSample where either of the two files is missing."""
    truth = SAMPLE.with_suffix(".truth.json")
    for path in (SAMPLE, truth):
        if not (root / path).is_file():
            raise NoSample(path)
    read: Mapping[str, Any] = json.loads((root / truth).read_text(encoding="utf-8"))
    return read


def proof_through_cdn(
    root: Path,
    environment: str,
    clients: Clients,
    report: Callable[[ProofFact], None] = lambda _: None,
    suspended: Sequence[Thing] = (),
) -> Proof:
    """The proof of an apply of `environment` to the AWS that `clients` talk to. Raises NoSample.

    In Amazon's AWS the API is asked through the distribution's own name. Another AWS (`--local`, or AWS_ENDPOINT_URL in
    the surroundings, as any AWS program takes it) has its edge where all of its services are: at its endpoint.
    """
    clock = SystemClock()

    def connect(domain: str, outputs: Mapping[str, str]) -> VideoClient:
        token = proof_token(clients, outputs) if CLIENT in outputs else None
        return VideoClient(f"https://{domain}", clients.ca_bundle, clock, at=clients.endpoint, token=token)

    return Proof(environment, root / SAMPLE, truth_of(root), connect, clock, report, suspended=suspended)
