"""Every name that is not CloudFormation's to invent, composed here and nowhere else.

`generator.parts.unique` adds `{random}` where a name must be unique in the world.
"""

from collections.abc import Iterator
from typing import Final

from generator.model.environment import Environment

SPECIFIED: Final = "dev"
"""The environment whose account-wide names are those of the specification, without a prefix."""

FRONTEND_BUCKET: Final = "frontend"
VIDEO_BUCKET: Final = "video-storage"
CLOUDFRONT_LOGS_BUCKET: Final = "cloudfront-logs"
ARTIFACTS_BUCKET: Final = "artifacts"
ALB_LOGS_BUCKET: Final = "alb-logs"
BUCKETS: Final = (FRONTEND_BUCKET, VIDEO_BUCKET, CLOUDFRONT_LOGS_BUCKET, ARTIFACTS_BUCKET, ALB_LOGS_BUCKET)
ACCESS_LOGS_BUCKET: Final = "access-logs"
"""Beside them where an environment writes down who asked its buckets for what."""

LARGE_TEMPLATES: Final = "templates/"
"""Where in the state bucket templates lie that are too large for a call."""

RANDOM_LENGTH: Final = 8
"""Characters of `{random}`."""


def account_wide(environment: Environment, name: str) -> str:
    """A name that one account can hold once: as specified in dev, prefixed elsewhere."""
    return name if environment.name == SPECIFIED else f"{environment.prefix}-{name}"


def repository(prefix: str) -> str:
    """The API's image repository (ECS-1)."""
    return f"{prefix}-api"


def cluster(prefix: str) -> str:
    """The ECS cluster (ECS-2)."""
    return f"{prefix}-cluster"


def load_balancer(prefix: str) -> str:
    """The load balancer (ALB-1); the distribution's origin is named after it (CDN-4)."""
    return f"{prefix}-alb"


def target_group(prefix: str) -> str:
    """The API's target group (ALB-3)."""
    return f"{prefix}-api-tg"


def model_balancer(prefix: str) -> str:
    """The internal load balancer before a fleet of GPU boxes."""
    return f"{prefix}-gpu"


def model_target_group(prefix: str) -> str:
    """The boxes behind it."""
    return f"{prefix}-gpu-tg"


def model_group(prefix: str) -> str:
    """The Auto Scaling group of the GPU boxes, which its boxes have to know beforehand."""
    return f"{prefix}-model-server"


def log_group(prefix: str, service: str, name: str) -> str:
    """A log group, such as `/ecs/ecg-project-pipeline-dev-api`."""
    return f"/{service}/{prefix}-{name}"


def metrics(prefix: str) -> str:
    """The namespace of CloudWatch in which all metrics of our own are."""
    return prefix


DRIFTED_RESOURCES: Final = "DriftedResources"
"""How many resources differ from their templates, whenever somebody has looked (`ecgctl drift`)."""

GPU_UTILIZATION: Final = "GpuUtilization"
"""Percent of the time in which a box's GPUs computed; services/ray_serve/reconciler/gpus.py tells it."""


def visitor(prefix: str) -> str:
    """Who visits the site from outside, for CloudWatch Synthetics."""
    return f"{prefix}-visitor"


VISITS: Final = "visits"
"""Where in the artifacts bucket his reports lie."""


def video_key_secret(prefix: str, generation: int = 1) -> str:
    """The secret with the private half of the key that signs for `/videos/*`; made by hand beforehand."""
    return f"{prefix}/video-signing-key{_generation(generation)}"


def video_key(prefix: str, generation: int = 1) -> str:
    """CloudFront's name of the public half, and what keeps one key from being made twice."""
    return f"{prefix}-videos{_generation(generation)}"


def _generation(generation: int) -> str:
    return "" if generation == 1 else f"-{generation}"


def origin_secret(prefix: str, generation: int) -> str:
    """A secret with the header that CloudFront sends to the load balancer, made by the stack `keys`."""
    return f"{prefix}/origin-{generation}"


def limited(prefix: str) -> Iterator[tuple[str, str, int]]:
    """The names whose length AWS limits: of what kind, the name, the characters allowed."""
    yield "load balancer", load_balancer(prefix), 32
    yield "target group", target_group(prefix), 32
    for bucket in (*BUCKETS, ACCESS_LOGS_BUCKET):
        yield "bucket", f"{prefix}-{bucket}-{'x' * RANDOM_LENGTH}", 63
