"""The API as a process of its own, on loopback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

SOURCE = Path(__file__).parents[3] / "services/api"
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "S3_BUCKET_NAME": "videos",
    "MODEL_SERVER_URL": "http://10.0.10.5:8080/",
    "JOBS_TABLE_NAME": "jobs",
    "JOBS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/jobs",
    "JOBS_DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/dead",
    "ARTIFACTS_BUCKET_NAME": "artifacts",
    "ENVIRONMENT": "dev",
    "DISTRIBUTION_ID": "E1",
    "DISTRIBUTION_DOMAIN_NAME": "d1.cloudfront.net",
    "VIDEO_KEY_ID": "K1",
    "VIDEO_KEY_SECRET_NAME": "dev/video-signing-key",
    "OIDC_ISSUER": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc",
    "OIDC_CLIENT_ID": "page",
}


@contextmanager
def process(log: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The API as a process, with nothing behind it; stopped at the end."""
    with socket.socket() as nothing, socket.socket() as free:
        nothing.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        away = f"http://127.0.0.1:{nothing.getsockname()[1]}"
        whole = {
            **ENVIRONMENT,
            "PATH": os.environ["PATH"],
            "SIGN_IN": "none",
            "AWS_ENDPOINT_URL": away,
            "MODEL_SERVER_URL": away,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_MAX_ATTEMPTS": "1",
            **environment,
        }
        command = [sys.executable, "-m", "uvicorn", "ecg_api.main:create_app", "--factory", "--port", str(port)]
        with log.open("wb") as errors:
            running = subprocess.Popen(command, cwd=SOURCE, env=whole, stderr=errors)
        url = f"http://127.0.0.1:{port}"
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    httpx.get(f"{url}/health", trust_env=False)
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield running, url
        finally:
            running.kill()
            running.wait()
