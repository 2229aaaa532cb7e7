"""The deployed API behind the emulated CloudFront: who gets in, and who reads which file.

Where the API looks for the GPU box, a few lines answer that read nothing (hurried_task.py).

Each refusal has a positive control beside it: the same request, made by whoever may, succeeds.
"""

from __future__ import annotations

import base64
import http.client
import os
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ecg_api.signed_cookies import NAMES, policy_of
from generator.aws.jobs import Files, Jobs
from generator.erasing import erase_owner
from generator.local.connection import Credentials
from generator.local.demo_user import demo_token, ensure_demo_user
from generator.local.fargate import Fargate
from generator.local.gpu_box import GpuBox, Tools
from generator.proof_token import proof_token
from services.visitor.index import visit
from tests.functional.conftest import Deployed
from tests.functional.fleet import Fleet, hurried

ROOT = Path(__file__).resolve().parents[2]
FILE = (ROOT / "samples/sweep.mp4").read_bytes()
DEADLINE_S = 180
IN_A_ROW = 6


@dataclass
class Site:
    """The distribution, as clients with tokens of two owners see it."""

    http: httpx.Client
    trust: ssl.SSLContext
    host: str
    tokens: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, who: str | None = None, **more: object) -> httpx.Response:
        headers = {"Host": self.host, **more.pop("headers", {})}  # type: ignore[dict-item]
        if who:
            headers["Authorization"] = f"Bearer {self.tokens[who]}"
        return self.http.request(method, path, headers=headers, **more)  # type: ignore[arg-type]

    def cookies(self, who: str) -> str:
        """The `Cookie` header of a browser of `who`."""
        answer = self.ask("POST", "/api/cookies", who)
        assert answer.status_code == 200, answer.text
        return "; ".join(line.split(";")[0] for line in answer.headers.get_list("Set-Cookie"))


@pytest.fixture(scope="module")
def model_server(environment: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What the tasks ask: a program at the box's address, or a fleet of boxes in a hurry."""
    if environment.settings.model_server.fleet:
        tools = Tools(ROOT / ".venv-aws/bin", hurried(tmp_path_factory.mktemp("boxes") / "environment", 0.2))
        boxes = GpuBox(environment.emulator.connection, environment.emulator.state_dir, tools)
        boxes.start()
        Fleet(environment.emulator, environment.outputs["ModelServerGroupName"]).await_serving(2, DEADLINE_S)
        yield
        boxes.stop()
        return
    place = ["--host", environment.outputs["ModelServerPrivateIp"], "--port", "8080", "--log-level", "warning"]
    command = [sys.executable, "-m", "uvicorn", "tests.functional.hurried_task:model_server", *place]
    path = f"{ROOT}{os.pathsep}{ROOT / 'services/api'}"
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path})
    yield
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def site(environment: Deployed, model_server: None) -> Iterator[Site]:
    emulator, outputs = environment.emulator, environment.outputs
    fargate = Fargate(emulator.connection, emulator.state_dir, ROOT / ".venv")
    fargate.start()
    trust = ssl.create_default_context(cafile=str(emulator.ca_bundle))
    with httpx.Client(base_url=emulator.endpoint_url, verify=trust, timeout=30) as client:
        made = Site(client, trust, outputs["DistributionDomainName"])
        until = time.monotonic() + DEADLINE_S
        # Some answers in a row: each of the tasks must be up.
        while any(made.ask("GET", "/api/config").status_code != http.client.OK for _ in range(IN_A_ROW)):
            assert time.monotonic() < until, "the API did not come up"
            time.sleep(0.5)
        config = made.ask("GET", "/api/config").json()
        assert (config["environment"], config["sign_in"]["kind"]) == (environment.name, "oidc")
        ensure_demo_user(emulator.connection, outputs["UserPoolId"])
        made.tokens["demo"] = demo_token(emulator.connection, config["sign_in"], environment.page)
        made.tokens["proof"] = proof_token(environment.clients, outputs)()
        yield made
    fargate.stop()


def uploaded(site: Site, who: str) -> str:
    """The path at the CDN of a video that somebody uploads: `/videos/OWNER/ID/...`."""
    new = {"name": "a.mp4", "size": len(FILE), "content_type": "video/mp4"}
    video = site.ask("POST", "/api/videos", who, json=new).json()
    answer = site.http.put(video["upload"]["url"], content=FILE, headers=video["upload"]["headers"])
    assert answer.status_code == 200, answer.text
    completed = site.ask("POST", f"/api/videos/{video['id']}/complete", who).json()
    assert completed["state"] == "queued"
    return str(completed["links"]["source"])


@pytest.fixture(scope="module")
def source(site: Site) -> str:
    """Of the demo user's video."""
    return uploaded(site, "demo")


def test_people_are_who_their_tokens_say(site: Site) -> None:
    me = site.ask("GET", "/api/me", "demo").json()
    assert (me["name"], me["roles"]) == ("Demo User", ["operator", "user"])
    assert site.ask("GET", "/api/me", "proof").json()["roles"] == ["user"]
    assert site.ask("GET", "/api/me").status_code == 401
    forged = site.tokens["demo"][:-8] + "AAAAAAAA"
    assert site.ask("GET", "/api/me", headers={"Authorization": f"Bearer {forged}"}).status_code == 401


def test_only_operators_see_the_environment(site: Site, environment: Deployed) -> None:
    seen = site.ask("GET", "/api/ops/status", "demo").json()
    assert (seen["environment"], seen["queue"]["dead_letters"]) == (environment.name, 0)
    assert site.ask("GET", "/api/ops/status", "proof").status_code == 403


def test_a_video_is_its_owners_alone(site: Site, source: str) -> None:
    path = f"/api/videos/{source.split('/')[3]}"
    assert site.ask("GET", path, "demo").status_code == 200
    assert site.ask("GET", path, "proof").status_code == 404


def test_a_file_is_read_with_its_owners_cookies_only(site: Site, source: str) -> None:
    mine, theirs = site.cookies("demo"), site.cookies("proof")
    read = site.ask("GET", source, headers={"Cookie": mine})
    assert (read.status_code, read.content == FILE) == (200, True)
    assert site.ask("GET", source).status_code == 403
    assert site.ask("GET", source, "demo").status_code == 403, "a token opens no file"
    assert site.ask("GET", source, headers={"Cookie": theirs}).status_code == 403
    broken = mine.replace("CloudFront-Signature=", "CloudFront-Signature=A", 1)
    assert site.ask("GET", source, headers={"Cookie": broken}).status_code == 403


@pytest.fixture
def second_key(environment: Deployed) -> Iterator[tuple[str, rsa.RSAPrivateKey]]:
    """Another key in the group that the distribution trusts: its id, and its private half."""
    edge, group = environment.emulator.client("cloudfront"), environment.outputs["VideoKeyGroupId"]
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    config = {"Name": "second", "CallerReference": "second", "EncodedKey": pem.decode()}
    key = edge.create_public_key(PublicKeyConfig=config)["PublicKey"]["Id"]

    def trust(*keys: str) -> None:
        found = edge.get_key_group(Id=group)
        changed = {**found["KeyGroup"]["KeyGroupConfig"], "Items": list(keys)}
        edge.update_key_group(Id=group, IfMatch=found["ETag"], KeyGroupConfig=changed)

    first = environment.outputs["VideoPublicKeyId"]
    trust(first, key)
    yield key, private
    trust(first)


def test_while_a_key_is_exchanged_cookies_of_the_old_and_the_new_one_open_files(
    site: Site, source: str, second_key: tuple[str, rsa.RSAPrivateKey]
) -> None:
    """Whoever signed in before the turn goes on reading, and so does whoever signs in after it."""
    key, private = second_key
    folder = site.ask("POST", "/api/cookies", "demo").json()["folder"]

    def signed(key_id: str) -> str:
        policy = policy_of(f"https://{site.host}{folder}*", datetime.now(UTC) + timedelta(hours=1))
        signature = private.sign(policy, padding.PKCS1v15(), hashes.SHA1())
        values = (*(_for_cookie(one) for one in (policy, signature)), key_id)
        return "; ".join(f"{name}={value}" for name, value in zip(NAMES, values, strict=True))

    for cookies in (site.cookies("demo"), signed(key)):
        assert site.ask("GET", source, headers={"Cookie": cookies}).status_code == 200
    assert site.ask("GET", source, headers={"Cookie": signed("K0UNKNOWN")}).status_code == 403


def _for_cookie(content: bytes) -> str:
    return base64.b64encode(content).decode().translate(str.maketrans("+=/", "-_~"))


def test_a_range_of_a_file_is_read(site: Site, source: str) -> None:
    headers = {"Cookie": site.cookies("demo"), "Range": "bytes=4-7"}
    read = site.ask("GET", source, headers=headers)
    assert (read.status_code, read.content) == (206, b"ftyp")
    assert read.headers["Content-Range"] == f"bytes 4-7/{len(FILE)}"
    past = site.ask("GET", source, headers={**headers, "Range": f"bytes={len(FILE)}-"})
    assert past.status_code == 416


@pytest.mark.parametrize("trick", ["{0}/../{1}", "{0}/%2e%2e/{1}", "{0}//../{1}", "{0}/..%2f{1}", "{0}\\..\\{1}"])
def test_no_way_round_leads_from_ones_own_folder_to_anothers(site: Site, source: str, trick: str) -> None:
    """The proof's cookies open the proof's folder; the path tries to leave it for the demo user's file."""
    folder = site.ask("POST", "/api/cookies", "proof").json()["folder"].rstrip("/")
    path = trick.format(folder, source.removeprefix("/videos/"))
    # Not through httpx, which would tidy the path up before it sends it.
    status, body = _raw(site, path, site.cookies("proof"))
    assert status in (400, 403, 404)
    assert FILE[:64] not in body
    assert _raw(site, source, site.cookies("demo"))[0] == 200, "the positive control"


def _raw(site: Site, path: str, cookie: str) -> tuple[int, bytes]:
    url = site.http.base_url
    connection = http.client.HTTPSConnection(url.host, url.port, context=site.trust, timeout=30)
    try:
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", site.host)
        connection.putheader("Cookie", cookie)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


SIGNED_FOR_SOMETHING_ELSE: dict[str, tuple[str, Callable[[str], str], dict[str, str]]] = {
    "another key": ("PUT", lambda url: url.replace("source.mp4", "result.json"), {}),
    "another owner's key": ("PUT", lambda url: re.sub(r"/videos/[^/]+/", "/videos/somebody/", url), {}),
    "another method": ("DELETE", lambda url: url, {}),
    "another content type": ("PUT", lambda url: url, {"Content-Type": "text/html"}),
    "another end": ("PUT", lambda url: re.sub(r"X-Amz-Expires=\d+", "X-Amz-Expires=604800", url), {}),
    "one parameter more": ("PUT", lambda url: f"{url}&x-amz-acl=public-read", {}),
    "a signature of another's": ("PUT", lambda url: re.sub(r"(X-Amz-Signature=)\w{8}", r"\g<1>00000000", url), {}),
}


@pytest.mark.parametrize("trick", SIGNED_FOR_SOMETHING_ELSE)
def test_an_address_for_an_upload_is_good_for_that_upload_only(site: Site, trick: str) -> None:
    """The API signs in its task role, which the emulator holds to its policies as it does no root user."""
    new = {"name": "a.mp4", "size": len(FILE), "content_type": "video/mp4"}
    upload = site.ask("POST", "/api/videos", "proof", json=new).json()["upload"]
    method, change, headers = SIGNED_FOR_SOMETHING_ELSE[trick]
    assert change(upload["url"]) != upload["url"] or headers or method != "PUT"
    content = FILE if method == "PUT" else None
    answer = site.http.request(method, change(upload["url"]), content=content, headers={**upload["headers"], **headers})
    assert answer.status_code == 403, answer.text
    assert "Traceback" not in answer.text
    again = site.http.put(upload["url"], content=FILE, headers=upload["headers"])
    assert again.status_code == 200, "the positive control"


def test_an_upload_of_another_size_than_announced_is_refused(site: Site) -> None:
    new = {"name": "a.mp4", "size": len(FILE), "content_type": "video/mp4"}
    upload = site.ask("POST", "/api/videos", "proof", json=new).json()["upload"]
    for wrong in (FILE[:-1], FILE + b"x"):
        assert site.http.put(upload["url"], content=wrong, headers=upload["headers"]).status_code == 403
    assert site.http.put(upload["url"], content=FILE, headers=upload["headers"]).status_code == 200


@pytest.fixture(scope="module")
def analysed(site: Site) -> str:
    """Of the proof's video, once it is read."""
    path = uploaded(site, "proof")
    until = time.monotonic() + DEADLINE_S
    while (job := site.ask("GET", f"/api/videos/{path.split('/')[3]}", "proof").json())["state"] != "done":
        assert time.monotonic() < until, job
        assert job["state"] in ("queued", "analysing"), job
        time.sleep(0.2)
    return path


def test_a_video_is_analysed_and_its_result_is_its_owners_alone(site: Site, analysed: str) -> None:
    video = analysed.split("/")[3]
    assert site.ask("GET", f"/api/videos/{video}/result", "proof").json()["job"] == video
    assert site.ask("GET", f"/api/videos/{video}/result", "demo").status_code == 404


def test_the_erasers_role_leaves_nothing_of_an_owner_and_all_of_the_others(
    site: Site, analysed: str, source: str, environment: Deployed
) -> None:
    outputs = environment.outputs
    keys = environment.emulator.client("sts").assume_role(
        RoleArn=outputs["EraserRoleArn"], RoleSessionName="eraser", DurationSeconds=900
    )["Credentials"]
    credentials = Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    eraser = replace(environment.emulator.connection, credentials=credentials)
    jobs = Jobs(
        eraser.client("dynamodb"),
        eraser.client("sqs"),
        table=outputs["JobsTableName"],
        queue=outputs["JobsQueueUrl"],
        dead_letters=outputs["JobsDeadLetterQueueUrl"],
    )
    files = Files(eraser.client("s3"), outputs["VideoBucketName"])
    owner, other = analysed.split("/")[2], source.split("/")[2]
    done = erase_owner(environment.name, owner, "operator", jobs, files, datetime.now(UTC))
    assert (done.jobs > 0, done.versions > 0, done.left) == (True, True, 0)

    def versions(of: str) -> int:
        found = environment.emulator.client("s3").list_object_versions(
            Bucket=outputs["VideoBucketName"], Prefix=f"videos/{of}/"
        )
        return len(found.get("Versions", ())) + len(found.get("DeleteMarkers", ()))

    assert versions(owner) == 0
    assert versions(other) > 0
    assert site.ask("GET", f"/api/videos/{analysed.split('/')[3]}", "proof").status_code == 404
    assert site.ask("GET", f"/api/videos/{source.split('/')[3]}", "demo").status_code == 200


def test_signing_out_closes_the_files(site: Site) -> None:
    answer = site.ask("DELETE", "/api/cookies")
    assert answer.status_code == 204
    assert len([line for line in answer.headers.get_list("Set-Cookie") if "Max-Age=0" in line]) == 3


def test_a_deleted_video_is_gone_for_its_owner_too(site: Site, source: str) -> None:
    mine, path = site.cookies("demo"), f"/api/videos/{source.split('/')[3]}"
    assert site.ask("DELETE", path, "proof").status_code == 404
    assert site.ask("GET", source, headers={"Cookie": mine}).status_code == 200
    assert site.ask("DELETE", path, "demo").status_code == 204
    assert site.ask("GET", path, "demo").status_code == 404
    assert site.ask("GET", source, headers={"Cookie": mine}).status_code in (403, 404)


def test_a_visitor_from_outside_finds_open_and_shut_what_should_be(site: Site) -> None:
    """What CloudWatch Synthetics runs in prod, here through the emulated CloudFront."""

    def ask(address: str) -> tuple[int, str]:
        answer = site.ask("GET", address.removeprefix("https://site"))
        return answer.status_code, answer.text

    visit("https://site", ask)
