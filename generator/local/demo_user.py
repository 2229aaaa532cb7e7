"""The account that stands for a person on this machine, and its token by the page's own way: code flow and PKCE."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
from botocore.exceptions import ClientError

from generator.local.connection import Connection
from generator.local.errors import LocalError

DEMO_USER = "demo@ecg.example"  # plugin/sign_in.py signs this one in without asking
OPERATORS = "operator"


def ensure_demo_user(connection: Connection, pool: str) -> None:
    """Make the account in a user pool, an operator, unless it is there."""
    cognito = connection.client("cognito-idp")
    # Nobody needs it, but without one the account is not confirmed; MiniStack's own may be too short for the pool.
    password = f"Aa1-{secrets.token_urlsafe(24)}"
    try:
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=DEMO_USER,
            MessageAction="SUPPRESS",
            TemporaryPassword=password,
            UserAttributes=[
                {"Name": "email", "Value": DEMO_USER},
                {"Name": "email_verified", "Value": "true"},
                {"Name": "name", "Value": "Demo User"},
            ],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "UsernameExistsException":
            raise
        return
    cognito.admin_set_user_password(UserPoolId=pool, Username=DEMO_USER, Password=password, Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=DEMO_USER, GroupName=OPERATORS)


def demo_token(connection: Connection, sign_in: Mapping[str, Any], page: str) -> str:
    """An access token of the demo user, got as the page at the address `page` gets it.

    `sign_in` is that part of `GET /api/config`. Raises LocalError where the emulated Cognito does not play along.
    """
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    redirect = f"{page.rstrip('/')}/"
    asked = {
        "response_type": "code",
        "client_id": sign_in["client_id"],
        "redirect_uri": redirect,
        "scope": " ".join(sign_in["scopes"]),
        "state": secrets.token_urlsafe(16),
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    with httpx.Client(verify=ssl.create_default_context(cafile=str(connection.ca_bundle)), timeout=30) as http:
        answer = http.get(sign_in["authorization_endpoint"], params=asked)
        back = httpx.URL(answer.headers.get("Location", ""))
        if "code" not in back.params or back.params.get("state") != asked["state"]:
            raise _refused("authorize", answer)
        form = {
            "grant_type": "authorization_code",
            "client_id": sign_in["client_id"],
            "code": back.params["code"],
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        answer = http.post(sign_in["token_endpoint"], data=form)
    if not answer.is_success:
        raise _refused("token", answer)
    return str(answer.json()["access_token"])


def _refused(step: str, answer: httpx.Response) -> LocalError:
    return LocalError(
        what=f"the emulated Cognito refused {step}: {answer.status_code} {answer.text[:200]}",
        where=str(answer.url.copy_with(query=None)),
        action="stop what runs, remove .local and start again; if that does not help, it is a bug",
    )
