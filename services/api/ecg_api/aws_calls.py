"""One call of boto3: in a thread, with its errors made ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from anyio import to_thread
from botocore.exceptions import BotoCoreError, ClientError

from ecg_api.errors import StoreUnavailable
from ecg_api.tracing import part


async def call(
    service: str, operation: Callable[..., Any], *, expected: frozenset[str] = frozenset(), **arguments: Any
) -> Any:
    """Run `operation(**arguments)` of a boto3 client in a thread and return its answer.

    Raises:
        ClientError: the service answered with an error code in `expected`; the caller knows what it means.
        StoreUnavailable: any other error of the service or on the way to it.
    """
    with part(f"{service}.{operation.__name__}"):
        try:
            # A cancelled caller does not wait: what it asked for may still happen, as with any lost answer.
            return await to_thread.run_sync(partial(operation, **arguments), abandon_on_cancel=True)
        except ClientError as error:
            code = error_code(error)
            if code in expected:
                raise
            raise StoreUnavailable(service, operation.__name__, code) from error
        except BotoCoreError as error:
            raise StoreUnavailable(service, operation.__name__, type(error).__name__) from error


def error_code(error: ClientError) -> str:
    """Return the service's code of an error, as `NoSuchKey`; HEAD answers have a number instead, as `404`."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))
