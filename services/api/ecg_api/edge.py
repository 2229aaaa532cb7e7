"""The CDN from the API's side: the key that signs for it, out of Secrets Manager, and what it must forget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ecg_api.aws_calls import call
from ecg_api.errors import StoreUnavailable


class SecretKey:
    """The private key in the secret `name`; `client` is a boto3 Secrets Manager client.

    It is kept in memory for `fresh_s` of the monotonic `clock`, so that a key that was exchanged needs no restart.
    """

    def __init__(self, client: Any, name: str, clock: Callable[[], float], fresh_s: float = 900.0) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._fresh_s = fresh_s
        self._kept: tuple[float, rsa.RSAPrivateKey] | None = None

    async def get(self) -> rsa.RSAPrivateKey:
        """Return the key. Raises StoreUnavailable, also where the secret holds no RSA key."""
        if self._kept is not None and self._clock() - self._kept[0] < self._fresh_s:
            return self._kept[1]
        answer = await call("secretsmanager", self._client.get_secret_value, SecretId=self._name)
        try:
            key = load_pem_private_key(answer["SecretString"].encode(), password=None)
        except (ValueError, TypeError, KeyError) as error:
            raise StoreUnavailable("secretsmanager", "get_secret_value", "not a private key in PEM") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise StoreUnavailable("secretsmanager", "get_secret_value", "not an RSA key")
        self._kept = (self._clock(), key)
        return key


class Distribution:
    """The distribution `identity`; `client` is a boto3 CloudFront client."""

    def __init__(self, client: Any, identity: str) -> None:
        self._client = client
        self._identity = identity

    async def forget(self, prefix: str, reference: str) -> None:
        """Have every edge drop what it holds below the key prefix `prefix`; `reference` makes repeating harmless.

        Raises StoreUnavailable.
        """
        batch = {"Paths": {"Quantity": 1, "Items": [f"/{prefix}*"]}, "CallerReference": reference}
        await call(
            "cloudfront", self._client.create_invalidation, DistributionId=self._identity, InvalidationBatch=batch
        )
