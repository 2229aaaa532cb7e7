"""Viewer traffic through the emulated CloudFront and load balancer: routing, streaming, and who is let in."""

from __future__ import annotations

import base64
import datetime as dt
import json
import subprocess
import threading
import time
import urllib.error
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.signers import CloudFrontSigner

from generator.local.authority import KeyPair, key_pair
from generator.local.emulator import Emulator
from generator.local.viewer import open_url, viewer_url
from tests.functional.conftest import Client, Stacks

CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"


class _Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        if self.path.startswith("/api/events"):
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for number in range(3):
                self.wfile.write(f"data: {number}\n\n".encode())
                self.wfile.flush()
                time.sleep(0.5)
        else:
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def api_port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyPair, Path]:
    directory = tmp_path_factory.mktemp("keys")
    return key_pair(directory, "signer"), directory / "signer.key"


def _behavior(origin: str, cache: str, **more: Any) -> dict[str, Any]:
    return {"TargetOriginId": origin, "ViewerProtocolPolicy": "https-only", "CachePolicyId": cache, **more}


def _resources(public: str, port: int) -> dict[str, Any]:
    private = {"Fn::GetAtt": ["Bucket", "RegionalDomainName"]}
    grant = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": "s3:GetObject",
        "Resource": {"Fn::Sub": "${Bucket.Arn}/*"},
    }
    return {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "Policy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Bucket"},
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [grant]},
            },
        },
        "Access": {
            "Type": "AWS::CloudFront::OriginAccessControl",
            "Properties": {
                "OriginAccessControlConfig": {
                    "Name": "viewers-oac",
                    "OriginAccessControlOriginType": "s3",
                    "SigningBehavior": "always",
                    "SigningProtocol": "sigv4",
                }
            },
        },
        "Key": {
            "Type": "AWS::CloudFront::PublicKey",
            "Properties": {"PublicKeyConfig": {"Name": "v", "CallerReference": "v", "EncodedKey": public}},
        },
        "Keys": {
            "Type": "AWS::CloudFront::KeyGroup",
            "Properties": {"KeyGroupConfig": {"Name": "v", "Items": [{"Ref": "Key"}]}},
        },
        "Balancer": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Name": "viewers"}},
        "Targets": {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {"TargetType": "ip", "Port": port, "Protocol": "HTTP", "VpcId": "vpc-1"},
        },
        "Listener": {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": {"Ref": "Balancer"},
                "Port": 80,
                "Protocol": "HTTP",
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Targets"}}],
            },
        },
        "Distribution": {
            "Type": "AWS::CloudFront::Distribution",
            "Properties": {
                "DistributionConfig": {
                    "Enabled": True,
                    "DefaultRootObject": "index.html",
                    "Origins": [
                        {
                            "Id": "s3",
                            "DomainName": private,
                            "OriginAccessControlId": {"Fn::GetAtt": ["Access", "Id"]},
                            "S3OriginConfig": {"OriginAccessIdentity": ""},
                        },
                        {
                            "Id": "api",
                            "DomainName": {"Fn::GetAtt": ["Balancer", "DNSName"]},
                            "CustomOriginConfig": {"OriginProtocolPolicy": "http-only", "HTTPPort": 80},
                        },
                    ],
                    "DefaultCacheBehavior": _behavior("s3", CACHING_OPTIMIZED),
                    "CacheBehaviors": [
                        _behavior("api", CACHING_DISABLED, PathPattern="/api/*", OriginRequestPolicyId=ALL_VIEWER),
                        _behavior("s3", CACHING_OPTIMIZED, PathPattern="/videos/*", TrustedKeyGroups=[{"Ref": "Keys"}]),
                    ],
                }
            },
        },
    }


class Viewer:
    """A browser, as far as these tests need one."""

    def __init__(self, emulator: Emulator, domain: str) -> None:
        self.domain = domain
        self.base = viewer_url(domain, emulator.connection.port)
        self._ca = emulator.ca_bundle

    def open(self, path: str, **headers: str) -> Any:
        return open_url(self.base + path, self._ca, headers=headers)

    def status(self, path: str, **headers: str) -> int:
        try:
            with self.open(path, **headers) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture(scope="module")
def viewer(emulator: Emulator, keys: tuple[KeyPair, Path], api_port: int) -> Iterator[tuple[Viewer, CloudFrontSigner]]:
    stacks = Stacks(emulator)
    outputs = {
        "Domain": {"Fn::GetAtt": ["Distribution", "DomainName"]},
        "Bucket": {"Ref": "Bucket"},
        "Targets": {"Ref": "Targets"},
        "Key": {"Ref": "Key"},
    }
    made = stacks.put("viewers", _resources(keys[0].public, api_port), outputs)
    emulator.client("elbv2").register_targets(
        TargetGroupArn=made["Targets"], Targets=[{"Id": "127.0.0.1", "Port": api_port}]
    )
    s3 = emulator.client("s3")
    s3.put_object(Bucket=made["Bucket"], Key="index.html", Body=b"home")
    s3.put_object(Bucket=made["Bucket"], Key="videos/me/v.mp4", Body=bytes(100))

    def sign(message: bytes) -> bytes:
        command = ["openssl", "dgst", "-sha1", "-sign", str(keys[1])]
        return subprocess.run(command, input=message, capture_output=True, check=True).stdout

    yield Viewer(emulator, made["Domain"]), CloudFrontSigner(made["Key"], sign)
    for key in ("index.html", "videos/me/v.mp4"):
        s3.delete_object(Bucket=made["Bucket"], Key=key)
    stacks.delete_all()


def test_paths_reach_their_origins(viewer: tuple[Viewer, CloudFrontSigner]) -> None:
    browser, _ = viewer
    with browser.open("/") as home, browser.open("/api/health") as health:
        assert (home.read(), health.read()) == (b"home", b"ok")


def test_server_sent_events_arrive_as_they_are_sent(viewer: tuple[Viewer, CloudFrontSigner]) -> None:
    browser, _ = viewer
    begun = time.monotonic()
    with browser.open("/api/events") as answer:
        assert answer.readline() == b"data: 0\n"
        first = time.monotonic() - begun
        rest = answer.read()
    assert b"data: 2" in rest
    assert time.monotonic() - begun - first > 0.8, "the first event came before the last was sent"


def _in_minutes(minutes: int) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + dt.timedelta(minutes=minutes)


def test_a_restricted_path_needs_a_signature_that_is_right_and_in_time(
    viewer: tuple[Viewer, CloudFrontSigner],
) -> None:
    browser, signer = viewer
    path = "/videos/me/v.mp4"

    def signed(minutes: int, to: str = path) -> str:
        return signer.generate_presigned_url(browser.base + to, date_less_than=_in_minutes(minutes))[
            len(browser.base) :
        ]

    assert browser.status(signed(5)) == 200, "the positive control"
    assert browser.status(path) == 403
    assert browser.status(signed(-1)) == 403
    assert browser.status(signed(5, "/videos/other/v.mp4").replace("other", "me")) == 403
    assert browser.status(signed(5).replace("Key-Pair-Id=K", "Key-Pair-Id=X")) == 403
    with browser.open(signed(5), Range="bytes=10-19") as part:
        assert (part.status, len(part.read())) == (206, 10)


def test_signed_cookies_open_one_folder_only(viewer: tuple[Viewer, CloudFrontSigner]) -> None:
    browser, signer = viewer

    def cookies(resource: str) -> str:
        policy = signer.build_policy(f"https://{browser.domain}{resource}", _in_minutes(5))
        signature = signer.rsa_signer(policy.encode())

        def encoded(raw: bytes) -> str:
            return base64.b64encode(raw).decode().replace("+", "-").replace("=", "_").replace("/", "~")

        parts = {"Policy": encoded(policy.encode()), "Signature": encoded(signature), "Key-Pair-Id": signer.key_id}
        assert json.loads(policy)
        return "; ".join(f"CloudFront-{name}={value}" for name, value in parts.items())

    assert browser.status("/videos/me/v.mp4", Cookie=cookies("/videos/me/*")) == 200
    assert browser.status("/videos/me/v.mp4", Cookie=cookies("/videos/you/*")) == 403


def test_the_bucket_behind_is_closed_to_the_world(
    viewer: tuple[Viewer, CloudFrontSigner], emulator: Emulator, client: Client
) -> None:
    name = next(each["Name"] for each in client("s3").list_buckets()["Buckets"] if "viewers" in each["Name"])
    with pytest.raises(urllib.error.HTTPError, match="403"):
        open_url(f"{emulator.endpoint_url}/{name}/index.html", emulator.ca_bundle)
