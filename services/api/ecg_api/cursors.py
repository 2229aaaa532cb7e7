"""Cursors of lists: opaque to clients, so that they may change."""

from __future__ import annotations

import uuid

from ecg_api import ids
from ecg_api.errors import Code, Refused


def encode_cursor(job_id: str) -> str:
    """Return the cursor that continues a list after `job_id`; opaque, so that it may change."""
    return uuid.UUID(job_id).hex


def decode_cursor(cursor: str) -> str:
    """Return the id in a cursor.

    Raises:
        Refused: `invalid_request`.
    """
    try:
        job_id = str(uuid.UUID(hex=cursor))
    except ValueError:
        job_id = ""
    if not ids.is_id(job_id):
        raise Refused(Code.INVALID_REQUEST, "The cursor is not one that this service gave out.")
    return job_id
