"""Every name that is not CloudFormation's to invent, composed here and nowhere else."""

from typing import Final

from troposphere import Join, Select, Split, StackId

from generator.model.environment import Environment

SPECIFIED: Final = "dev"
"""The environment whose account-wide names are those of the specification, without a prefix."""


def random_suffix() -> Select:
    """`{random}` of the specification: the first 8 hexadecimal characters of the stack id's GUID.

    It holds still for the life of the stack and differs in the next one, so a bucket that was retained does not
    stand in the way of a new stack. The whole GUID would not fit into a bucket name of 63 characters.
    """
    guid = Select(2, Split("/", StackId))  # arn:aws:cloudformation:<region>:<account>:stack/<name>/<guid>
    return Select(0, Split("-", guid))


def unique(environment: Environment, suffix: str) -> Join:
    """A name such as `ecg-project-pipeline-dev-frontend-1f3a9c02`."""
    return Join("-", [f"{environment.prefix}-{suffix}", random_suffix()])


def account_wide(environment: Environment, name: str) -> str:
    """A name that one account can hold once: as specified in dev, prefixed elsewhere."""
    return name if environment.name == SPECIFIED else f"{environment.prefix}-{name}"


def repository(environment: Environment) -> str:
    return f"{environment.prefix}-api"


def cluster(environment: Environment) -> str:
    return f"{environment.prefix}-cluster"


def load_balancer(environment: Environment) -> str:
    return f"{environment.prefix}-alb"


def target_group(environment: Environment) -> str:
    return f"{environment.prefix}-api-tg"


def log_group(environment: Environment, service: str, name: str) -> str:
    """Such as `/ecs/ecg-project-pipeline-dev-api`."""
    return f"/{service}/{environment.prefix}-{name}"


def buckets() -> tuple[str, ...]:
    """What follows the prefix in the name of each bucket."""
    return (FRONTEND_BUCKET, VIDEO_BUCKET, CLOUDFRONT_LOGS_BUCKET, ARTIFACTS_BUCKET, ALB_LOGS_BUCKET)


FRONTEND_BUCKET: Final = "frontend"
VIDEO_BUCKET: Final = "video-storage"
CLOUDFRONT_LOGS_BUCKET: Final = "cloudfront-logs"
ARTIFACTS_BUCKET: Final = "artifacts"
ALB_LOGS_BUCKET: Final = "alb-logs"
