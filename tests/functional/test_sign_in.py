"""Sign-in on the embedded AWS: the deployed user pool, its two clients, and tokens that the API's own checks take."""

from __future__ import annotations

import ssl
import time

import httpx
import pytest

from ecg_api.access import BearerTokens
from ecg_api.errors import Refused
from ecg_api.principals import Principal, Role
from ecg_api.provider import Provider
from ecg_api.tokens import TokenRules
from generator.aws.teardown import Kept, KeptData, KeptKind
from generator.local.demo_user import demo_token, ensure_demo_user
from generator.local.emulator import Emulator
from generator.proof_token import proof_token
from tests.functional.conftest import Deployed

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _access(environment: Deployed, *audiences: str) -> BearerTokens:
    emulator, outputs = environment.emulator, environment.outputs
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{outputs['UserPoolId']}"
    metadata = f"{emulator.endpoint_url}/{outputs['UserPoolId']}/.well-known/openid-configuration"
    http = httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(emulator.ca_bundle)))
    rules = TokenRules(issuer, frozenset(outputs[name] for name in audiences))
    provider = Provider(http, issuer, metadata, time.monotonic)
    return BearerTokens(provider, rules, outputs["UserPoolClientId"], ("openid", "profile", "email"))


async def _demo(environment: Deployed, access: BearerTokens) -> str:
    connection = environment.emulator.connection
    for _ in range(2):  # once more does no harm
        ensure_demo_user(connection, environment.outputs["UserPoolId"])
    found = await access.sign_in()
    assert found is not None
    sign_in = {
        name: getattr(found, name) for name in ("client_id", "authorization_endpoint", "token_endpoint", "scopes")
    }
    return demo_token(connection, sign_in, environment.page)


async def test_the_demo_user_signs_in_as_on_the_page_and_is_an_operator(environment: Deployed) -> None:
    access = _access(environment, "UserPoolClientId", "ProofClientId")
    authorization = f"Bearer {await _demo(environment, access)}"
    principal = await access.principal(authorization)
    assert principal.roles == {Role.USER, Role.OPERATOR}
    assert await access.name(principal, authorization) == "Demo User"
    again = await access.principal(f"Bearer {await _demo(environment, access)}")
    assert again.owner == principal.owner, "the same person has the same videos next time"


async def test_the_proof_signs_in_as_an_owner_of_its_own(environment: Deployed) -> None:
    token = proof_token(environment.clients, environment.outputs)()
    principal: Principal = await _access(environment, "UserPoolClientId", "ProofClientId").principal(f"Bearer {token}")
    assert (principal.sub, principal.roles) == (environment.outputs["ProofClientId"], {Role.USER})
    with pytest.raises(Refused, match="sign_in_required"):
        await _access(environment, "UserPoolClientId").principal(f"Bearer {token}")


async def test_another_page_gets_no_code(environment: Deployed) -> None:
    access = _access(environment, "UserPoolClientId")
    await _demo(environment, access)
    found = await access.sign_in()
    assert found is not None

    def asked(redirect: str) -> httpx.Response:
        parameters = {
            "response_type": "code",
            "client_id": environment.outputs["UserPoolClientId"],
            "redirect_uri": redirect,
            "scope": "openid",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return httpx.get(found.authorization_endpoint, params=parameters, verify=trust)

    trust = ssl.create_default_context(cafile=str(environment.emulator.ca_bundle))
    for page in (
        "https://evil.example/",
        "https://d0000000000000.cloudfront.localhost:1/",
        f"{environment.page}/x",
    ):
        answer = asked(page)
        assert "code=" not in answer.headers.get("Location", "")
    assert "code=" in asked(f"{environment.page}/").headers["Location"], "the positive control"


async def test_a_code_is_worth_nothing_without_its_verifier(environment: Deployed) -> None:
    access = _access(environment, "UserPoolClientId")
    await _demo(environment, access)
    found = await access.sign_in()
    assert found is not None
    trust = ssl.create_default_context(cafile=str(environment.emulator.ca_bundle))
    page = f"{environment.page}/"
    # RFC 7636, appendix B
    verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    def exchanged(with_verifier: str) -> int:
        asked = {"client_id": environment.outputs["UserPoolClientId"], "redirect_uri": page}
        pkce = {"response_type": "code", "code_challenge": challenge, "code_challenge_method": "S256"}
        answer = httpx.get(found.authorization_endpoint, params={**asked, **pkce, "scope": "openid"}, verify=trust)
        code = httpx.URL(answer.headers["Location"]).params["code"]
        form = {**asked, "grant_type": "authorization_code", "code": code, "code_verifier": with_verifier}
        return httpx.post(found.token_endpoint, data=form, verify=trust).status_code

    assert exchanged("x" * 43) == 400
    assert exchanged(verifier) == 200, "the positive control"


async def test_a_user_pool_that_is_kept_is_found_and_goes_only_by_its_id(emulator: Emulator) -> None:
    cognito = emulator.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName="kept-users")["UserPool"]["Id"]
    data = KeptData(emulator.client)
    assert data.found("kept") == (Kept(KeptKind.USER_POOL, pool),)
    for _ in range(2):  # gone already is no mistake
        data.erase(Kept(KeptKind.USER_POOL, pool))
    assert data.found("kept") == ()
