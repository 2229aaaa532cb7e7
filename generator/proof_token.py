"""The proof's way into the API: an access token of the client that the `identity` stack has for it.

It is an owner of its own and reads nobody's videos. Its secret is asked of Cognito each time and kept nowhere.
"""

from collections.abc import Callable, Mapping
from ssl import create_default_context

import httpx

from generator.aws.errors import aws
from generator.aws.session import Clients
from generator.sync.proof import AnalysisFailed

CLIENT = "ProofClientId"
_POOL, _DOMAIN = "UserPoolId", "UserPoolDomainName"


def proof_token(
    clients: Clients, outputs: Mapping[str, str], transport: httpx.BaseTransport | None = None
) -> Callable[[], str]:
    """What gives the token when it is needed. `outputs`: those of the `identity` stack, among others.

    It is asked of Cognito itself, not of where the API under proof says; what it gives raises AnalysisFailed,
    AwsRefused.
    """
    client, region = outputs[CLIENT], clients.region
    endpoint = clients.endpoint or f"https://{outputs[_DOMAIN]}.auth.{region}.amazoncognito.com"

    def token() -> str:
        with aws("reading the secret of the proof's client"):
            known = clients.make("cognito-idp").describe_user_pool_client(UserPoolId=outputs[_POOL], ClientId=client)
        secret = str(known["UserPoolClient"]["ClientSecret"])
        trust = create_default_context(cafile=str(clients.ca_bundle)) if clients.ca_bundle else True
        try:
            with httpx.Client(verify=trust, timeout=30, transport=transport) as http:
                answer = http.post(
                    f"{endpoint}/oauth2/token", data={"grant_type": "client_credentials"}, auth=(client, secret)
                )
            answer.raise_for_status()
            return str(answer.json()["access_token"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise AnalysisFailed("signing in as the proof", "no_token", str(error)) from error

    return token
