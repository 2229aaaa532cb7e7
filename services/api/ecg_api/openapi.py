"""Writes the OpenAPI document: `python -m ecg_api.openapi > openapi.json` (in services/api)."""

from __future__ import annotations

import json
import sys

from ecg_api.app import build_app
from ecg_api.services import Services


def document() -> str:
    """Return the OpenAPI document of the API as JSON text, the same for the same code."""

    def no_services() -> Services:
        raise AssertionError("the document needs no services")

    return json.dumps(build_app(no_services).openapi(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
