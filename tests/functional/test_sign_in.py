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
from generator.aws.session import Clients
from generator.aws.teardown import Kept, KeptData, KeptKind
from generator.local.demo_user import demo_token, ensure_demo_user
from generator.local.emulator import Emulator
from generator.local.viewer import viewer_url
from generator.proof_token import proof_token
from generator.sync.apply import Outcome

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def outputs(deployed: Outcome) -> dict[str, str]:
    return {name: value for found in deployed.outputs.values() for name, value in found.items()}


def _access(emulator: Emulator, outputs: dict[str, str], *audiences: str) -> BearerTokens:
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{outputs['UserPoolId']}"
    metadata = f"{emulator.endpoint_url}/{outputs['UserPoolId']}/.well-known/openid-configuration"
    http = httpx.AsyncClient(verify=ssl.create_default_context(cafile=str(emulator.ca_bundle)))
    rules = TokenRules(issuer, frozenset(outputs[name] for name in audiences))
    provider = Provider(http, issuer, metadata, time.monotonic)
    return BearerTokens(provider, rules, outputs["UserPoolClientId"], ("openid", "profile", "email"))


def _page(emulator: Emulator, outputs: dict[str, str]) -> str:
    return viewer_url(outputs["DistributionDomainName"], emulator.connection.port)


async def _demo(emulator: Emulator, outputs: dict[str, str], access: BearerTokens) -> str:
    ensure_demo_user(emulator.connection, outputs["UserPoolId"])
    ensure_demo_user(emulator.connection, outputs["UserPoolId"])  # once more does no harm
    found = await access.sign_in()
    assert found is not None
    sign_in = {
        name: getattr(found, name) for name in ("client_id", "authorization_endpoint", "token_endpoint", "scopes")
    }
    return demo_token(emulator.connection, sign_in, _page(emulator, outputs))


async def test_the_demo_user_signs_in_as_on_the_page_and_is_an_operator(
    emulator: Emulator, outputs: dict[str, str]
) -> None:
    access = _access(emulator, outputs, "UserPoolClientId", "ProofClientId")
    authorization = f"Bearer {await _demo(emulator, outputs, access)}"
    principal = await access.principal(authorization)
    assert principal.roles == {Role.USER, Role.OPERATOR}
    assert await access.name(principal, authorization) == "Demo User"
    again = await access.principal(f"Bearer {await _demo(emulator, outputs, access)}")
    assert again.owner == principal.owner, "the same person has the same videos next time"


async def test_the_proof_signs_in_as_an_owner_of_its_own(emulator: Emulator, outputs: dict[str, str]) -> None:
    token = proof_token(Clients("us-east-1", emulator.environment()), outputs)()
    principal: Principal = await _access(emulator, outputs, "UserPoolClientId", "ProofClientId").principal(
        f"Bearer {token}"
    )
    assert (principal.sub, principal.roles) == (outputs["ProofClientId"], {Role.USER})
    with pytest.raises(Refused, match="sign_in_required"):
        await _access(emulator, outputs, "UserPoolClientId").principal(f"Bearer {token}")


async def test_another_page_gets_no_code(emulator: Emulator, outputs: dict[str, str]) -> None:
    access = _access(emulator, outputs, "UserPoolClientId")
    await _demo(emulator, outputs, access)
    found = await access.sign_in()
    assert found is not None

    def asked(redirect: str) -> httpx.Response:
        parameters = {
            "response_type": "code",
            "client_id": outputs["UserPoolClientId"],
            "redirect_uri": redirect,
            "scope": "openid",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
        return httpx.get(found.authorization_endpoint, params=parameters, verify=trust)

    trust = ssl.create_default_context(cafile=str(emulator.ca_bundle))
    for page in (
        "https://evil.example/",
        "https://d0000000000000.cloudfront.localhost:1/",
        f"{_page(emulator, outputs)}/x",
    ):
        answer = asked(page)
        assert "code=" not in answer.headers.get("Location", "")
    assert "code=" in asked(f"{_page(emulator, outputs)}/").headers["Location"], "the positive control"


async def test_a_code_is_worth_nothing_without_its_verifier(emulator: Emulator, outputs: dict[str, str]) -> None:
    access = _access(emulator, outputs, "UserPoolClientId")
    await _demo(emulator, outputs, access)
    found = await access.sign_in()
    assert found is not None
    trust = ssl.create_default_context(cafile=str(emulator.ca_bundle))
    page = f"{_page(emulator, outputs)}/"
    # RFC 7636, appendix B
    verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

    def exchanged(with_verifier: str) -> int:
        asked = {"client_id": outputs["UserPoolClientId"], "redirect_uri": page}
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
    data = KeptData(emulator.client("s3"), emulator.client("dynamodb"), cognito)
    assert data.found("kept") == (Kept(KeptKind.USER_POOL, pool),)
    for _ in range(2):  # gone already is no mistake
        data.erase(Kept(KeptKind.USER_POOL, pool))
    assert data.found("kept") == ()
