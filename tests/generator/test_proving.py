"""The rim of the proof: the sample of a checkout, and where another AWS is found."""

from pathlib import Path

import pytest

from generator.aws.session import Clients
from generator.proving import SAMPLE, NoSample, proof_through_cdn, truth_of

ROOT = Path(__file__).resolve().parents[2]


def test_the_committed_sample_has_a_truth() -> None:
    assert len(truth_of(ROOT)["beats"]) == 39


@pytest.mark.parametrize("missing", ["sweep.mp4", "sweep.truth.json"])
def test_a_checkout_without_the_sample_is_refused_before_anything_is_deployed(tmp_path: Path, missing: str) -> None:
    (tmp_path / SAMPLE).parent.mkdir()
    for name in {"sweep.mp4", "sweep.truth.json"} - {missing}:
        (tmp_path / "samples" / name).write_text("{}", encoding="utf-8")
    with pytest.raises(NoSample, match=f"samples/{missing} is missing.*nothing was touched") as caught:
        proof_through_cdn(tmp_path, "dev", Clients("us-east-1"))
    assert caught.value.exit_code == 2


def test_where_nobody_names_another_aws_there_is_no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    clients = Clients("us-east-1")
    assert (clients.endpoint, clients.ca_bundle) == (None, None)


def test_given_surroundings_come_before_those_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/process.pem")
    given = {"AWS_ENDPOINT_URL": "https://127.0.0.1:2", "AWS_CA_BUNDLE": "/given.pem"}
    assert Clients("us-east-1").endpoint == "https://127.0.0.1:1"
    assert Clients("us-east-1", given).endpoint == "https://127.0.0.1:2"
    assert Clients("us-east-1", given).ca_bundle == Path("/given.pem")
