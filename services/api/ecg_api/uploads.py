"""Where a file is sent: in one PUT, or in parts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecg_api.objects import SignedPart, SignedPut
from ecg_api.settings import MIB

MOST_PARTS = 10_000
"""S3's limit for one multipart upload (Amazon S3 User Guide, "Multipart upload limits")."""


@dataclass(frozen=True, slots=True)
class SingleUpload:
    """An upload in one PUT, valid until `expires_at`."""

    target: SignedPut
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class MultipartUpload:
    """An upload in parts of `part_size` bytes, the last one shorter, valid until `expires_at`."""

    upload_id: str
    part_size: int
    parts: tuple[SignedPart, ...]
    expires_at: datetime


def part_sizes(size: int, part_bytes: int) -> tuple[int, ...]:
    """Return the sizes of the parts of `size` bytes: `part_bytes` each, or more where S3's limit wants it."""
    least = -(-size // MOST_PARTS)
    part = max(part_bytes, -(-least // MIB) * MIB)
    whole, rest = divmod(size, part)
    return (part,) * whole + ((rest,) if rest else ())
