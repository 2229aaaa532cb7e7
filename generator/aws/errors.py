"""AWS's errors as ours; the only place that reads AWS's error texts."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from generator.errors import EcgError

_NEXT = {
    "ExpiredToken": "sign in again, then apply again: it goes on where it stopped",
    "ExpiredTokenException": "sign in again, then apply again: it goes on where it stopped",
    "InvalidClientTokenId": "check the credentials (aws sts get-caller-identity)",
    "AccessDenied": "give the deploying role this action, or use the role that `ecgctl` is meant to run as",
    "AccessDeniedException": "give the deploying role this action, or use the role that `ecgctl` is meant to run as",
    "Throttling": "try again in a minute; the client has already retried",
}


class AwsRefused(EcgError):
    """An AWS call failed for a reason that the client's own retries could not mend."""

    def __init__(self, doing: str, code: str, message: str) -> None:
        self.doing, self.code, self.message = doing, code, message
        super().__init__(
            f"{doing}: {code}: {message}\n  next: {_NEXT.get(code, 'see the message; nothing was undone')}"
        )


@contextmanager
def aws(doing: str) -> Iterator[None]:
    """Turn errors of AWS calls into AwsRefused, saying what was being done."""
    try:
        yield
    except ClientError as error:
        raise AwsRefused(doing, error_code(error), error.response["Error"].get("Message", "")) from error
    except BotoCoreError as error:
        raise AwsRefused(doing, type(error).__name__, str(error)) from error


def error_code(error: ClientError) -> str:
    """AWS's code of an error, such as `ValidationError`."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def no_such_stack(error: ClientError) -> bool:
    """DescribeStacks has no code of its own for an absent stack."""
    return error_code(error) == "ValidationError" and "does not exist" in str(error)


def nothing_to_change(reason: str) -> bool:
    """A change set FAILED because there is nothing in it: CloudFormation has no status for that."""
    return "didn't contain changes" in reason or "No updates are to be performed" in reason
