"""The two servers of `tools/bench_api.py`, each a factory that uvicorn runs in a process of its own."""

import functools
import json
import os
import time
from dataclasses import replace
from typing import Any

import anyio
import boto3
import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from jwt.algorithms import RSAAlgorithm
from starlette.types import Receive, Scope, Send

from ecg_api.access import BearerTokens
from ecg_api.app import build_app
from ecg_api.provider import Provider
from ecg_api.services import Services, make_services
from ecg_api.settings import Settings
from ecg_api.tokens import TokenRules

VIDEO = "019ab0c5-54a0-7d41-8cbb-1c0b6f0e7a11"
ISSUER, CLIENT, OWNER = "https://provider.example", "bench", "ada"
_KEY_FILE = "/tmp/ecg-bench-api.key"  # noqa: S108 - a key of this benchmark, worth nothing


@functools.cache
def key() -> rsa.RSAPrivateKey:
    """The provider's key: the same in all processes, derived from a fixed file that is made on first use."""
    from pathlib import Path

    from cryptography.hazmat.primitives import serialization

    file = Path(_KEY_FILE)
    if not file.exists():
        made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        file.write_bytes(made.private_bytes(*kinds))
    found = load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(found, rsa.RSAPrivateKey)  # noqa: S101
    return found


def bench_token() -> str:
    """A good access token of OWNER."""
    now = int(time.time())
    claims = {"sub": OWNER, "iss": ISSUER, "client_id": CLIENT, "token_use": "access", "iat": now, "exp": now + 3600}
    return jwt.encode(claims, key(), algorithm="RS256", headers={"kid": "bench"})


def store() -> Any:
    """DynamoDB's stand-in: the same item for every read, an empty answer for every write."""
    moment = {"S": "2026-11-26T12:00:00.000000Z"}
    item = {
        "owner": {"S": OWNER},
        "id": {"S": VIDEO},
        "state": {"S": "done"},
        "name": {"S": "monitor.mp4"},
        "size": {"N": "1482113"},
        "content_type": {"S": "video/mp4"},
        "key": {"S": f"videos/{OWNER}/{VIDEO}/source.mp4"},
        "created_at": moment,
        "updated_at": moment,
        "attempts": {"N": "1"},
        "result_key": {"S": f"videos/{OWNER}/{VIDEO}/result.json"},
    }
    answers = {b"GetItem": json.dumps({"Item": item}).encode()}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        while (await receive()).get("more_body"):
            pass
        target = dict(scope["headers"]).get(b"x-amz-target", b"").rpartition(b".")[2]
        body = answers.get(target, b"{}")
        headers = [(b"content-type", b"application/x-amz-json-1.0"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


def api() -> FastAPI:
    """The API over the stand-in, and beside it bare routes that make the same call of DynamoDB."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": os.environ["STORE"],
    }
    settings = Settings(
        region="us-east-1",
        environment="bench",
        video_bucket="videos",
        artifacts_bucket="artifacts",
        jobs_table="jobs",
        jobs_queue_url=f"{os.environ['STORE']}/jobs",
        dead_letter_queue_url=f"{os.environ['STORE']}/dead",
        model_server_url="http://127.0.0.1:9",
        distribution_id="E1",
        distribution_domain="d1.cloudfront.net",
        video_key_id="K1",
        video_key_secret="none",  # noqa: S106 - the name of one
        path_style=True,
        rate_per_s=1e6,
        rate_burst=1e6,
    )
    app = build_app(lambda: _services(settings))
    client = boto3.client("dynamodb", "us-east-1")

    @app.get("/bare/{video}")
    async def read(video: str) -> JSONResponse:
        place = {"owner": {"S": OWNER}, "id": {"S": video}}
        call = functools.partial(client.get_item, TableName="jobs", Key=place, ConsistentRead=True)
        return JSONResponse((await anyio.to_thread.run_sync(call))["Item"])

    @app.post("/bare")
    async def write(request: Request) -> JSONResponse:
        body = await request.json()
        item = {"owner": {"S": OWNER}, "id": {"S": VIDEO}, "name": {"S": body["name"]}}
        await anyio.to_thread.run_sync(functools.partial(client.put_item, TableName="jobs", Item=item))
        return JSONResponse({"id": VIDEO}, status_code=201)

    return app


def _services(settings: Settings) -> Services:
    public = {**json.loads(RSAAlgorithm.to_jwk(key().public_key())), "kid": "bench", "use": "sig", "alg": "RS256"}
    endpoints = ("jwks_uri", "authorization_endpoint", "token_endpoint")
    documents = {
        "/metadata": {"issuer": ISSUER, **{name: f"{ISSUER}/{name}" for name in endpoints}},
        "/jwks_uri": {"keys": [public]},
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=documents[request.url.path]))
    http = httpx.AsyncClient(transport=transport)
    provider = Provider(http, ISSUER, f"{ISSUER}/metadata", time.monotonic)
    access = BearerTokens(provider, TokenRules(ISSUER, frozenset({CLIENT})), CLIENT, ("openid",))
    services = replace(make_services(settings), access=access, provider_client=http)
    services.circuit.open(300)  # the worker sleeps: it is not what is measured
    return services
