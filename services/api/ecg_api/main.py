"""The process: `uvicorn ecg_api.main:create_app --factory --host 0.0.0.0 --port 8000`."""

from __future__ import annotations

import os

from fastapi import FastAPI

from ecg_api import logs
from ecg_api.app import build_app
from ecg_api.services import make_services
from ecg_api.settings import Settings
from ecg_api.tracing import NO_TRACES, exported


def create_app() -> FastAPI:
    """Return the application that the environment describes.

    Raises:
        SettingsError: the environment lacks variables or they are wrong; names all of them.
    """
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level, settings.metrics_namespace)
    traces = exported(settings.environment) if settings.traces else NO_TRACES
    return build_app(lambda: make_services(settings), traces)
