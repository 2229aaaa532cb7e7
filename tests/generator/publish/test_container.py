"""The API's image is built by whichever engine is there, from exactly the files that were hashed."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from generator.publish.container import ImageBuildFailed, engine_builder
from generator.publish.publisher import ImageNotPublished

FILES = {"Dockerfile": b"FROM scratch\n", "ecg_api/main.py": b"app = 1\n"}
REGISTRY = "registry.example.com"
ENGINE = """#!/bin/sh
echo "$(basename "$0") $*" >>"$CALLS"
case "$1" in
  login) cat >"$CALLS.password" ;;
  "$FAILS") echo "no space left" >&2; exit 1 ;;
esac
for last; do :; done
[ -d "$last" ] && (cd "$last" && find . -type f | sort) >"$CALLS.files"
exit 0
"""


class FakeEcr:
    def get_authorization_token(self) -> dict[str, Any]:
        token = base64.b64encode(b"AWS:a-password").decode()
        return {"authorizationData": [{"authorizationToken": token, "proxyEndpoint": f"https://{REGISTRY}"}]}


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Puts engines of these names on PATH, and nothing else of that kind; the file that their calls are written to."""

    def put(*names: str, fails: str = "nothing") -> Path:
        for name in names:
            (tmp_path / name).write_text(ENGINE, encoding="utf-8")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
        monkeypatch.setenv("FAILS", fails)
        return tmp_path / "calls"

    return put


def build(*engines: str) -> None:
    engine_builder(FakeEcr(), lambda name: name if name in engines else None)("api", "src-1", FILES)


def test_docker_builds_for_fargates_platform_and_pushes(engines: Callable[..., Path]) -> None:
    calls = engines("docker")
    build("docker")
    sign_in, made, sign_out = calls.read_text(encoding="utf-8").splitlines()
    assert sign_in == f"docker login --username AWS --password-stdin {REGISTRY}"
    assert made.startswith(
        f"docker buildx build --platform linux/amd64 --provenance=false --push --tag {REGISTRY}/api:src-1 "
    )
    assert sign_out == f"docker logout {REGISTRY}"


def test_podman_builds_docker_images_because_only_those_have_a_health_check(engines: Callable[..., Path]) -> None:
    calls = engines("podman")
    build("podman")
    _, made, pushed, _ = calls.read_text(encoding="utf-8").splitlines()
    assert made.startswith(f"podman build --platform linux/amd64 --format docker --tag {REGISTRY}/api:src-1 ")
    assert pushed == f"podman push {REGISTRY}/api:src-1"


def test_the_engine_sees_the_hashed_files_and_no_others(engines: Callable[..., Path]) -> None:
    calls = engines("docker")
    build("docker")
    assert calls.with_name("calls.files").read_text(encoding="utf-8").split() == ["./Dockerfile", "./ecg_api/main.py"]


def test_the_password_is_no_argument(engines: Callable[..., Path]) -> None:
    calls = engines("docker")
    build("docker")
    assert "a-password" not in calls.read_text(encoding="utf-8")
    assert calls.with_name("calls.password").read_text(encoding="utf-8") == "a-password"


def test_a_failed_build_shows_its_end_and_signs_out(engines: Callable[..., Path]) -> None:
    calls = engines("docker", fails="buildx")
    with pytest.raises(ImageBuildFailed, match="no space left"):
        build("docker")
    assert calls.read_text(encoding="utf-8").splitlines()[-1] == f"docker logout {REGISTRY}"


def test_without_an_engine_the_command_that_would_build_it_is_named() -> None:
    with pytest.raises(ImageNotPublished, match="docker buildx build"):
        build()
