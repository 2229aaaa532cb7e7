"""Proof by use through the emulated CloudFront, load balancer and S3: a reader that fails is taken back by itself.

The API behind the load balancer is a few lines that keep to the real one's contract, and whether it reads depends on
what is deployed. The real API and Ray Serve are proved by `make run` and by the test of deploy.yml. The way to it is
dev's, and then prod's: by the site's domain, over TLS, past a listener that asks for a header.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from generator.aws.cloudformation import CloudFormation
from generator.aws.ledger import S3Ledger
from generator.aws.session import Clients
from generator.deployment import SystemClock
from generator.local.connection import REGION
from generator.local.emulator import Emulator
from generator.local.viewer import SITE
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.proving import SAMPLE, proof_through_cdn
from generator.render.yaml_text import dump
from generator.sync.ledger import Ledger, Result
from generator.sync.progress import Fact, GoingBack
from generator.sync.proof import Deadlines, HealthAnswered, ProofFailed, SampleRead
from generator.sync.rollback import RolledBack, apply_or_go_back
from generator.sync.run import Options, Outputs, Target
from tests.functional.conftest import LONG_FORM_OF_PROD
from tests.functional.killed_apply import NoArtifacts
from tests.generator.sync.test_agreement import TIMES, result

ROOT = Path(__file__).resolve().parents[2]
STATE, VIDEOS, PARAMETER = "state-of-proof", "videos-of-proof", "/proof/reader"
READS, FAILS = "reads", "fails"

EDGE = """\
Resources:
  Balancer: {Type: 'AWS::ElasticLoadBalancingV2::LoadBalancer', Properties: {Name: !Ref AWS::StackName}}
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {TargetType: ip, Port: PORT, Protocol: HTTP, VpcId: vpc-1, HealthCheckPath: /api/health}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]
  Distribution:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        Enabled: true
        Origins:
          - {Id: api, DomainName: !GetAtt Balancer.DNSName, CustomOriginConfig: {OriginProtocolPolicy: http-only}}
        DefaultCacheBehavior:
          TargetOriginId: api
          ViewerProtocolPolicy: https-only
          AllowedMethods: [GET, HEAD, OPTIONS, PUT, POST, PATCH, DELETE]
          CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad  # CachingDisabled
          OriginRequestPolicyId: 216adef6-5c7f-47e4-b989-5492eafa07d3  # AllViewer
Outputs:
  Targets: {Value: !Ref Targets}
  DistributionDomainName: {Value: !GetAtt Distribution.DomainName}
"""
HARDENED = (
    (
        "Port: 80\n      Protocol: HTTP\n      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]",
        "Port: 443\n      Protocol: HTTPS\n      Certificates: [{CertificateArn: 'arn:aws:acm:::certificate/1'}]\n"
        "      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: '403'}}]\n"
        "  FromDistribution:\n"
        "    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n"
        "    Properties:\n"
        "      ListenerArn: !Ref Listener\n"
        "      Priority: 1\n"
        "      Conditions: [{Field: http-header, HttpHeaderConfig: {HttpHeaderName: x-origin, Values: [known]}}]\n"
        "      Actions: [{Type: forward, TargetGroupArn: !Ref Targets}]",
    ),
    (
        "CustomOriginConfig: {OriginProtocolPolicy: http-only}",
        "CustomOriginConfig: {OriginProtocolPolicy: https-only}, "
        "OriginCustomHeaders: [{HeaderName: x-origin, HeaderValue: known}]",
    ),
    ("Enabled: true", f"Enabled: true\n        Aliases: [{SITE}]"),
    ("!GetAtt Distribution.DomainName", SITE),
)
"""What prod's way has otherwise than dev's."""
READER = """\
Resources:
  Reader: {Type: 'AWS::SSM::Parameter', Properties: {Name: /proof/reader, Type: String, Value: HOW}}
"""


class Api(ThreadingHTTPServer):
    """The API's contract, over the emulator's S3; how it reads is what the parameter says."""

    def __init__(self, emulator: Emulator) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.s3, self.ssm = emulator.client("s3"), emulator.client("ssm")
        self.made = 0

    @property
    def reads(self) -> bool:
        return bool(self.ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"] == READS)

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        match method, path.removeprefix("/api/").split("/"):
            case "GET", ["health"]:
                return 200, {"status": "healthy", "service": "backend"}
            case "POST", ["videos"]:
                self.made += 1
                place = {"Bucket": VIDEOS, "Key": f"v{self.made}", "ContentType": "video/mp4"}
                url = self.s3.generate_presigned_url("put_object", place, ExpiresIn=60)
                upload = {"kind": "single", "url": url, "headers": {"Content-Type": "video/mp4"}}
                return 201, {"id": f"v{self.made}", "upload": upload}
            case "POST", ["videos", video, "complete"]:
                size = self.s3.head_object(Bucket=VIDEOS, Key=video)["ContentLength"]
                whole = size == (ROOT / SAMPLE).stat().st_size
                return (200, {}) if whole else (409, {"code": "upload_incomplete", "detail": f"{size} bytes"})
            case "GET", ["videos", _]:
                error = {"code": "internal", "message": "The model server has no ecg_rhythm."}
                return 200, {"state": "done"} if self.reads else {"state": "failed", "error": error}
            case "GET", ["videos", _, "result"]:
                return 200, result(TIMES)
            case "DELETE", ["videos", video]:
                self.s3.delete_object(Bucket=VIDEOS, Key=video)
                return 204, None
        return 404, {"code": "not_found", "detail": path}

    @property
    def kept(self) -> list[str]:
        """Videos that were uploaded and not deleted."""
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=VIDEOS).get("Contents", ())]


class Handler(BaseHTTPRequestHandler):
    server: Api

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, document = self.server.answer(self.command, self.path)
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Site:
    """An environment of two stacks: the way to the API, and how it reads."""

    def __init__(self, emulator: Emulator, api: Api, name: str) -> None:
        self.emulator, self.api, self.name = emulator, api, name
        self.clients = Clients(REGION, emulator.connection.environment())
        store = S3Ledger(self.clients.make("s3"), STATE)
        stacks = CloudFormation(self.clients.make("cloudformation"))
        self.target = Target(stacks, NoArtifacts(), SystemClock(), ledger=store)
        self.ledger = Ledger(store, name)
        self.facts: list[Fact] = []

    def deploy(self, how: str, clients: Clients | None = None) -> None:
        edge = EDGE.replace("PORT", str(self.api.server_port))
        for old, new in HARDENED if self.name == "prod" else ():
            assert old in edge
            edge = edge.replace(old, new)
        files = {
            "stacks/edge.yaml": edge,
            "stacks/reader.yaml": READER.replace("HOW", how),
            "serve.yaml": "applications: []\n",
        }
        manifest = self._manifest(files)
        files["manifest.yaml"] = dump(manifest.to_data())
        proof = proof_through_cdn(ROOT, self.name, clients or self.clients, self.facts.append)
        proof = replace(proof, deadlines=Deadlines(health=30, analysis=30, poll=0.5))

        def started_and_proved(outputs: Outputs) -> None:
            """A service would have registered its task by now."""
            task = {"Id": "127.0.0.1", "Port": self.api.server_port}
            balancers = self.emulator.client("elbv2")
            balancers.register_targets(TargetGroupArn=outputs["edge"]["Targets"], Targets=[task])
            proof(outputs)

        options = Options(commit=how, after_box=started_and_proved)
        apply_or_go_back(manifest, files, self.target, self.facts.append, options)

    def _manifest(self, files: dict[str, str]) -> Manifest:
        digests = {path: sha256(text.encode()).hexdigest() for path, text in files.items()}
        stacks = (
            StackManifest(name, 0, path, digests[path], MappingProxyType({}))
            for name, path in (("edge", "stacks/edge.yaml"), ("reader", "stacks/reader.yaml"))
        )
        agent = Artifact("agent", ArtifactKind.PACKAGE, "services", "agent.zip", Wire("edge", "DistributionDomainName"))
        serve = ServeManifest("serve.yaml", digests["serve.yaml"])
        return Manifest(self.name, "proof", REGION, "unresolved", tuple(stacks), (agent,), serve)


@pytest.fixture(scope="module")
def buckets(emulator: Emulator) -> None:
    for bucket in (STATE, VIDEOS):
        emulator.client("s3").create_bucket(Bucket=bucket)


@pytest.fixture(scope="module", params=["dev", LONG_FORM_OF_PROD])
def site(emulator: Emulator, buckets: None, request: pytest.FixtureRequest) -> Iterator[Site]:
    api = Api(emulator)
    threading.Thread(target=api.serve_forever, daemon=True).start()
    made = Site(emulator, api, request.param)
    made.deploy(READS)
    yield made
    api.shutdown()
    api.server_close()
    for name in ("reader", "edge"):
        emulator.client("cloudformation").delete_stack(StackName=f"proof-{made.name}-{name}")


def test_a_deployment_is_proved_through_cdn_load_balancer_and_s3_and_leaves_no_video(site: Site) -> None:
    proved = site.facts[-1]
    assert isinstance(proved, SampleRead)
    assert proved.beats == 39
    asked = {"dev": ".cloudfront.net", "prod": f"https://{SITE}"}[site.name]
    assert [fact.url.endswith(asked) for fact in site.facts if isinstance(fact, HealthAnswered)] == [True]
    assert (site.api.made, site.api.kept) == (1, [])


def test_an_aws_that_the_surroundings_name_is_proved_like_a_given_one(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a workflow: AWS_ENDPOINT_URL and AWS_CA_BUNDLE in the environment, and no --local."""
    for name, value in site.emulator.environment().items():
        monkeypatch.setenv(name, value)
    site.facts.clear()
    site.deploy(READS, Clients(REGION))
    assert isinstance(site.facts[-1], SampleRead)


def test_a_deployment_whose_api_answers_and_whose_analysis_fails_goes_back(site: Site) -> None:
    site.facts.clear()
    with pytest.raises(RolledBack) as caught:
        site.deploy(FAILS)
    assert any(isinstance(fact, HealthAnswered) for fact in site.facts)
    assert [fact.to for fact in site.facts if isinstance(fact, GoingBack)] == [READS]
    assert site.api.reads
    assert isinstance(caught.value.cause, ProofFailed)
    assert "internal: The model server has no ecg_rhythm." in str(caught.value)
    assert len(str(caught.value).splitlines()) < 10
    told = [(one.commit, one.result) for one in site.ledger.history(2)]
    assert told == [(READS, Result.SUCCEEDED), (FAILS, Result.FAILED)]
    assert site.api.kept == []
