"""Prints the environment of the role ROLE, taken from the AWS at AWS_ENDPOINT_URL with a token of TOKEN_CLAIMS.

The token has the claims that GitHub would sign and no signature that counts: the embedded AWS judges claims against
the role's trust policy, and not who signed them.
"""

import base64
import json
import os
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


claims = json.loads(os.environ["TOKEN_CLAIMS"]) | {
    "iss": "https://token.actions.githubusercontent.com",
    "aud": "sts.amazonaws.com",
}
token = f"{_part({'alg': 'none'})}.{_part(claims)}.none"
keys = boto3.client("sts", config=Config(signature_version=UNSIGNED)).assume_role_with_web_identity(
    RoleArn=os.environ["ROLE"], RoleSessionName="GitHubActions", WebIdentityToken=token
)["Credentials"]
sys.stdout.write(
    f"AWS_ACCESS_KEY_ID={keys['AccessKeyId']}\n"
    f"AWS_SECRET_ACCESS_KEY={keys['SecretAccessKey']}\n"
    f"AWS_SESSION_TOKEN={keys['SessionToken']}\n"
)
