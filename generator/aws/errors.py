"""AWS's errors as ours; the only place that reads AWS's error texts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from generator.sync.errors import CallRefused, Overtaken

_NEXT = {
    "ExpiredToken": "sign in again, then apply again: it goes on where it stopped",
    "ExpiredTokenException": "sign in again, then apply again: it goes on where it stopped",
    "InvalidClientTokenId": "check the credentials (aws sts get-caller-identity)",
    "UnrecognizedClientException": "check the credentials (aws sts get-caller-identity)",
    "NoCredentialsError": "sign in (aws sso login), or set the credentials' environment variables",
    "TokenRefreshRequired": "sign in again, then apply again: it goes on where it stopped",
    "RequestExpired": "sign in again, and check this machine's clock; apply again: it goes on where it stopped",
    "AccessDenied": "give the deploying role this action, or use the role that `ecgctl` is meant to run as",
    "AccessDeniedException": "give the deploying role this action, or use the role that `ecgctl` is meant to run as",
    "Throttling": "try again in a minute; the client has already retried",
}


_GONE = frozenset(
    {
        "ChangeSetNotFound",
        "ChangeSetNotFoundException",
        "InvalidChangeSetStatus",
        "InvalidChangeSetStatusException",
        "TokenAlreadyExistsException",
        "TokenAlreadyExists",
    }
)


class AwsRefused(CallRefused):
    """An AWS call failed for a reason that the client's own retries could not mend."""

    def __init__(self, doing: str, code: str, message: str, *, uncertain: bool = False) -> None:
        self.doing, self.code, self.message = doing, code, message
        super().__init__(said(doing, code, message), uncertain=uncertain)


def said(doing: str, code: str, message: str) -> str:
    """An error of AWS as text, with what to do next."""
    return f"{doing}: {code}: {message}\n  next: {_NEXT.get(code, 'see the message; nothing was undone')}"


@contextmanager
def aws(doing: str) -> Iterator[None]:
    """Turn errors of AWS calls into AwsRefused, saying what was being done; into Overtaken where its object is gone."""
    try:
        yield
    except ClientError as error:
        code, message = error_code(error), error.response.get("Error", {}).get("Message", "")
        if code in _GONE:
            raise Overtaken(said(doing, code, message)) from error
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        raise AwsRefused(doing, code, message, uncertain=status >= 500) from error
    except BotoCoreError as error:
        uncertain = isinstance(error, HTTPClientError)  # the request may have arrived: no answer did
        raise AwsRefused(doing, type(error).__name__, str(error), uncertain=uncertain) from error


def error_code(error: ClientError) -> str:
    """AWS's code of an error, such as `ValidationError`."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def no_such_stack(error: ClientError) -> bool:
    """DescribeStacks has no code of its own for an absent stack."""
    return error_code(error) == "ValidationError" and "does not exist" in str(error)


def drift_detection_runs(error: ClientError) -> bool:
    """DetectStackDrift has no code of its own for a detection that somebody has begun."""
    return error_code(error) == "ValidationError" and "already in progress" in str(error)


def nothing_to_change(reason: str) -> bool:
    """A change set FAILED because there is nothing in it: CloudFormation has no status for that."""
    return "didn't contain changes" in reason or "No updates are to be performed" in reason


def cannot_be_scanned(status: Mapping[str, str]) -> bool:
    """ECR's basic scan says of an image whose operating system it does not know that it FAILED, and why in words."""
    return status.get("status") == "FAILED" and status.get("description", "").startswith("UnsupportedImageError")
