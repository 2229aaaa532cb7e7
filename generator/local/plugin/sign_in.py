"""Cognito's sign-in page: who comes from this machine's page is signed in at once, as the demo user.

MiniStack's user pools are Cognito's as far as clients go: metadata, keys, code flow with PKCE, tokens. What is
different here: the page lives at a local address, which no deployed client lists, so it stands for the deployed one
(sites.py); and nobody types a password where there is a demo user.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from ministack.services import cognito

from .sites import deployed

# generator/local/demo_user.py makes the account; nothing of the rest of `generator` can be imported here.
DEMO_USER = "demo@ecg.example"

Answer = tuple[int, dict[str, str], bytes]


def _one(query: dict[str, Any], name: str) -> str:
    return str(cognito._qp(query, name))


def _authorize(method: str, path: str, headers: dict[str, str], query: dict[str, Any]) -> Answer:
    local = _one(query, "redirect_uri")
    answer: Answer = _original_authorize(method, path, headers, {**query, "redirect_uri": [deployed(local)]})
    client_id = _one(query, "client_id")
    pool_id, pool, _ = cognito._find_pool_by_client_id(client_id)
    user = next((each for each in pool["_users"].values() if _is_demo(each)), None) if pool else None
    if answer[0] == 200 and user is not None:  # else a mistake in the request, or people who sign in by hand
        answer = cognito._issue_auth_code_redirect(
            client_id,
            pool_id,
            deployed(local),
            _one(query, "scope"),
            user["Username"],
            _one(query, "nonce"),
            _one(query, "code_challenge"),
            _one(query, "code_challenge_method"),
            _one(query, "state"),
        )
    status, heads, body = answer
    if status != 302:
        return answer
    return status, {**heads, "Location": heads["Location"].replace(deployed(local), local, 1)}, body


def _is_demo(user: dict[str, Any]) -> bool:
    return bool(cognito._attr_list_to_dict(user.get("Attributes", [])).get("email") == DEMO_USER)


async def _token(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
    """The code was given for the deployed address, so it is taken back for that one, too."""
    form = parse_qsl(body.decode(), keep_blank_values=True)
    body = urlencode([(name, deployed(value) if name == "redirect_uri" else value) for name, value in form]).encode()
    answer: Answer = await _original_token(method, path, headers, body, query)
    return answer


def _logout(method: str, path: str, headers: dict[str, str], query: dict[str, Any]) -> Answer:
    local = _one(query, "logout_uri")
    answer: Answer = _original_logout(method, path, headers, {**query, "logout_uri": [deployed(local)]})
    status, heads, body = answer
    return (status, {**heads, "Location": local}, body) if status == 302 else answer


def _metadata(pool_id: str, region: str | None = None, host: str | None = None, _: str = "http") -> Answer:
    """MiniStack takes itself to be behind something that ends TLS; here it does so itself."""
    answer: Answer = _original_metadata(pool_id, region, host, "https")
    return answer


_original_authorize = cognito.handle_oauth2_authorize
_original_token = cognito.handle_oauth2_token
_original_logout = cognito.handle_logout
_original_metadata = cognito.well_known_openid_configuration


def install() -> None:
    """Put all of it in place."""
    cognito.handle_oauth2_authorize = _authorize
    cognito.handle_oauth2_token = _token
    cognito.handle_logout = _logout
    cognito.well_known_openid_configuration = _metadata
