"""Who is let in. Each attack has a positive control: the same request, not forged, succeeds."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest

from ecg_api.app import build_app
from ecg_api.jobs import Owner
from ecg_api.principals import owner_of
from tests.services.api.fakes import MP4, House, private_key
from tests.services.api.tokens_made import (
    CLIENT,
    ISSUER,
    JWKS_URL,
    METADATA_URL,
    FakeProvider,
    bearer,
    jwk,
    token,
)

pytestmark = pytest.mark.anyio
NEW = {"name": "monitor.mp4", "size": len(MP4), "content_type": "video/mp4"}


@pytest.fixture
def provider() -> FakeProvider:
    return FakeProvider()


@pytest.fixture
async def guarded(house: House, provider: FakeProvider) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP to an application that asks for tokens of `provider`."""
    house.access = provider.access()
    app = build_app(house.services)
    app.state.services = house.services()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        yield client


async def _status(client: httpx.AsyncClient, made: str) -> int:
    return (await client.get("/api/videos", headers=bearer(made))).status_code


def _unsigned(claims_of: str, **header: Any) -> str:
    """The claims of a token under a header of one's own, without a signature."""
    claims = claims_of.split(".")[1]
    made = base64.urlsafe_b64encode(json.dumps({"kid": "k1", **header}).encode()).rstrip(b"=").decode()
    return f"{made}.{claims}."


async def test_a_good_token_is_let_in(guarded: httpx.AsyncClient) -> None:
    assert await _status(guarded, token()) == 200


async def test_nobody_is_let_in_without_a_token(guarded: httpx.AsyncClient) -> None:
    answer = await guarded.get("/api/videos")
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    for wrong in ("", "Bearer", "Bearer ", "Basic YTpi", f"Token {token()}"):
        assert (await guarded.get("/api/videos", headers={"Authorization": wrong})).status_code == 401


def _hmac_with_the_public_key() -> str:
    """RS256 to HS256 confusion: the public key, which everybody knows, as the secret. PyJWT refuses to make it."""
    import hashlib
    import hmac

    from cryptography.hazmat.primitives import serialization

    kinds = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    pem = private_key("k1").public_key().public_bytes(*kinds)
    signed = _unsigned(token(), alg="HS256").rstrip(".")
    mark = base64.urlsafe_b64encode(hmac.new(pem, signed.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
    return f"{signed}.{mark}"


def _claims() -> dict[str, Any]:
    """The claims of a good token."""
    return dict(jwt.decode(token(), options={"verify_signature": False}))


def _signed_with(**header: str) -> str:
    """A good token's claims, signed with a key of one's own that the header tells where to find."""
    return jwt.encode(_claims(), private_key("mine"), algorithm="RS256", headers=dict(header))


FORGED: dict[str, Any] = {
    "algorithm none": lambda: _unsigned(token(), alg="none"),
    "algorithm None in other letters": lambda: _unsigned(token(), alg="NoNe"),
    "algorithm confusion": _hmac_with_the_public_key,
    "another algorithm of the right key": lambda: token(alg="RS512"),
    "a key of one's own under the provider's id": lambda: token(key=private_key("mine")),
    "a key that the provider does not have": lambda: token(kid="k2", key=private_key("mine")),
    "no key id": lambda: jwt.encode({"sub": "ada"}, private_key("k1"), algorithm="RS256"),
    "a key of one's own in the header": lambda: jwt.encode(
        {"sub": "ada"}, private_key("mine"), algorithm="RS256", headers={"jwk": jwk("mine")}
    ),
    "claims exchanged": lambda: ".".join(
        (token("ada").split(".")[0], token("eve").split(".")[1], token("ada").split(".")[2])
    ),
    "another issuer": lambda: token(iss="https://evil.example"),
    "no issuer": lambda: token(iss=None),
    "another client's": lambda: token(client_id="other"),
    "another audience": lambda: token(client_id=None, aud=["other"]),
    "an audience beside the right client": lambda: token(aud="other"),
    "for nobody": lambda: token(client_id=None),
    "an identity token": lambda: token(token_use="id", aud=CLIENT),
    "expired": lambda: token(exp=int(time.time()) - 61),
    "without an end": lambda: token(exp=None),
    "an end that is no number": lambda: token(exp="never"),
    "from the future": lambda: token(iat=int(time.time()) + 120),
    "not valid yet": lambda: token(nbf=int(time.time()) + 120),
    "no subject": lambda: token(sub=""),
    "a subject that is no text": lambda: token(sub=17),  # type: ignore[arg-type]
    "a subject that is too long": lambda: token(sub="a" * 256),
    "no JWT": lambda: "a.b.c",
    "a huge one": lambda: token(padding="x" * 9000),
    "four parts": lambda: token() + ".x",
    "a key id that is a path": lambda: token(kid="../../../dev/null", key=private_key("mine")),
    "a key id that is a query": lambda: token(kid="k1' OR '1'='1", key=private_key("mine")),
    "an address of keys of one's own": lambda: _signed_with(jku="https://evil.example/jwks.json", kid="k2"),
    "a certificate of one's own": lambda: _signed_with(x5u="https://evil.example/x.pem", kid="k1"),
    "an extension that must be understood": lambda: jwt.encode(
        _claims(), private_key("k1"), algorithm="RS256", headers={"kid": "k1", "crit": ["exp2"], "exp2": 1}
    ),
    "an encrypted one": lambda: ".".join(
        (_unsigned(token(), alg="RSA-OAEP", enc="A128GCM").rstrip("."), "a", "b", "c")
    ),
    "a signature that is cut off": lambda: token()[:-20],
    "a signature of nothing": lambda: token().rsplit(".", 1)[0] + ".",
    "an issuer that begins like ours": lambda: token(iss=f"{ISSUER}.evil.example"),
    "an audience that is an object": lambda: token(aud={CLIENT: True}),
    "a subject that is a list": lambda: token(sub=["ada"]),  # type: ignore[arg-type]
    "an end that never comes": lambda: token(exp=1e400),
}


@pytest.mark.parametrize("attack", FORGED)
async def test_a_forged_token_is_refused(guarded: httpx.AsyncClient, attack: str) -> None:
    answer = await guarded.get("/api/videos", headers=bearer(FORGED[attack]()))
    assert (answer.status_code, answer.json()["code"]) == (401, "sign_in_required")
    assert "Traceback" not in answer.text
    assert await _status(guarded, token()) == 200, "the positive control"


@pytest.mark.parametrize(
    "made",
    [
        lambda: token(client_id=None, aud=CLIENT),
        lambda: token(client_id=None, aud=["other", CLIENT]),
        lambda: token(token_use=None),
        lambda: token(exp=int(time.time()) - 30),
        lambda: token(iat=int(time.time()) + 30),
    ],
    ids=["by audience", "by one of several audiences", "not Cognito's", "just expired", "a clock ahead"],
)
async def test_tokens_of_other_providers_and_clocks_a_little_off_are_let_in(
    guarded: httpx.AsyncClient, made: Any
) -> None:
    assert await _status(guarded, made()) == 200


async def test_another_owners_video_is_not_there(house: House, guarded: httpx.AsyncClient) -> None:
    video = (await guarded.post("/api/videos", json=NEW, headers=bearer(token("ada")))).json()
    assert (Owner("ada"), video["id"]) in house.table.jobs
    for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("POST", "/complete"), ("DELETE", "")):
        eve = await guarded.request(method, f"/api/videos/{video['id']}{path}", headers=bearer(token("eve")))
        assert (eve.status_code, eve.json()["code"]) == (404, "video_not_found")
    assert (await guarded.get("/api/videos", headers=bearer(token("eve")))).json()["videos"] == []
    assert (await guarded.get(f"/api/videos/{video['id']}", headers=bearer(token("ada")))).status_code == 200


async def test_only_the_open_routes_answer_without_a_token(guarded: httpx.AsyncClient) -> None:
    document = (await guarded.get("/api/openapi.json")).json()
    open_to_all = {"/health", "/ready", "/api/health", "/api/config", "/api/problems", "/api/problems/{code}"}
    for path, methods in document["paths"].items():
        for method in methods:
            answer = await guarded.request(method.upper(), path.replace("{video_id}", "x"), json={})
            is_open = path in open_to_all or (method, path) == ("delete", "/api/cookies")
            assert (answer.status_code == 401) == (not is_open), f"{method} {path}"


@pytest.mark.parametrize("sub", ["../../etc", "a/b", "auth0|17", "ü", "*", "?", "local\n", ".", "-", "a" * 200])
def test_a_subject_never_steers_a_key_or_a_policy(sub: str) -> None:
    owner = owner_of(sub)
    assert owner != sub
    assert owner.replace(".", "").isalnum()
    assert owner_of(owner) != owner, "nobody's plain subject can be another's owner"


def test_a_plain_subject_is_the_owner() -> None:
    sub = "84d8e4f8-1031-7051-3c1f-d0a8f0c1e9aa"
    assert owner_of(sub) == sub


async def test_a_new_key_is_found_without_a_restart(guarded: httpx.AsyncClient, provider: FakeProvider) -> None:
    assert await _status(guarded, token()) == 200
    provider.keys = [jwk("k1"), jwk("k2")]
    provider.clock.advance(11)
    assert await _status(guarded, token(kid="k2", key=private_key("k2"))) == 200


async def test_a_withdrawn_key_is_forgotten_within_the_hour(guarded: httpx.AsyncClient, provider: FakeProvider) -> None:
    assert await _status(guarded, token()) == 200
    provider.keys = [jwk("k2")]
    provider.clock.advance(3601)
    assert await _status(guarded, token()) == 401
    assert await _status(guarded, token(kid="k2", key=private_key("k2"))) == 200


async def test_invented_key_ids_do_not_make_us_ask_the_provider(
    guarded: httpx.AsyncClient, provider: FakeProvider
) -> None:
    for number in range(50):
        assert await _status(guarded, token(kid=f"invented-{number}", key=private_key("mine"))) == 401
    assert provider.asked.count(JWKS_URL) == 1
    assert provider.asked.count(METADATA_URL) == 1


async def test_known_keys_serve_while_the_provider_is_away(guarded: httpx.AsyncClient, provider: FakeProvider) -> None:
    assert await _status(guarded, token()) == 200
    provider.up = False
    provider.clock.advance(7200)
    assert await _status(guarded, token()) == 200


async def test_a_provider_that_was_never_reached_is_not_taken_for_a_bad_token(
    guarded: httpx.AsyncClient, provider: FakeProvider
) -> None:
    provider.up = False
    answer = await guarded.get("/api/videos", headers=bearer(token()))
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")
    provider.up = True
    provider.clock.advance(11)
    assert await _status(guarded, token()) == 200


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"jwks_uri": "http://keys.example/jwks.json"},
        {"token_endpoint": None},
        {"authorization_endpoint": ["https://a"]},
    ],
)
async def test_metadata_that_are_not_the_issuers_or_not_over_tls_are_not_believed(
    guarded: httpx.AsyncClient, provider: FakeProvider, change: dict[str, Any]
) -> None:
    provider.metadata |= change
    assert await _status(guarded, token()) == 503


@pytest.mark.parametrize(
    "published",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"n": "not a number"},
        {"kid": 7},
    ],
)
async def test_keys_that_are_not_for_rs256_signatures_are_passed_over(
    guarded: httpx.AsyncClient, provider: FakeProvider, published: dict[str, Any]
) -> None:
    provider.keys = [jwk("k1", **published), jwk("k2")]
    assert await _status(guarded, token(kid="k2", key=private_key("k2"))) == 200
    assert await _status(guarded, token()) == 401


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
async def test_a_key_that_is_too_short_is_passed_over(guarded: httpx.AsyncClient, provider: FakeProvider) -> None:
    provider.keys = [jwk("short", 1024), jwk("k1")]
    assert await _status(guarded, token(kid="short", key=private_key("short", 1024))) == 401
    assert await _status(guarded, token()) == 200


async def test_the_page_learns_how_to_sign_in(guarded: httpx.AsyncClient) -> None:
    assert (await guarded.get("/api/config")).json() == {
        "environment": "dev",
        "sign_in": {
            "kind": "oidc",
            "issuer": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc",
            "client_id": "page",
            "authorization_endpoint": "https://sign-in.example/oauth2/authorize",
            "token_endpoint": "https://sign-in.example/oauth2/token",
            "end_session_endpoint": "https://sign-in.example/logout",
            "scopes": ["openid", "profile"],
        },
    }


async def test_without_access_control_the_page_learns_that_nobody_signs_in(client: httpx.AsyncClient) -> None:
    sign_in = (await client.get("/api/config")).json()["sign_in"]
    assert sign_in.pop("kind") == "none"
    assert set(sign_in.values()) == {None}
    me = (await client.get("/api/me")).json()
    assert me == {"sub": "local", "name": "Local trial", "roles": ["operator", "user"]}


async def test_somebody_learns_who_they_are(guarded: httpx.AsyncClient, provider: FakeProvider) -> None:
    assert (await guarded.get("/api/me", headers=bearer(token()))).json() == {
        "sub": "ada",
        "name": "Ada Lovelace",
        "roles": ["user"],
    }
    named = token(name="Countess", **{"cognito:groups": ["readers", "operator"]})
    assert (await guarded.get("/api/me", headers=bearer(named))).json() == {
        "sub": "ada",
        "name": "Countess",
        "roles": ["operator", "user"],
    }
    provider.person = {"sub": "ada"}
    assert (await guarded.get("/api/me", headers=bearer(token()))).json()["name"] == "ada"


@pytest.mark.parametrize(
    ("groups", "status"),
    [(["operator"], 200), ("readers operator", 200), (["Operator"], 403), (["operators"], 403), ([], 403), (None, 403)],
)
async def test_only_operators_see_how_the_environment_does(
    guarded: httpx.AsyncClient, groups: Any, status: int
) -> None:
    answer = await guarded.get("/api/ops/status", headers=bearer(token(**{"cognito:groups": groups})))
    assert answer.status_code == status
    assert status == 200 or answer.json()["code"] == "not_permitted"
