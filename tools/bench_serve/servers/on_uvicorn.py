"""FastAPI's servers, in as many processes as there are models."""

import uvicorn

from tools.bench_serve.servers.settings import Settings


def listen(factory: str) -> None:
    """Serve the application that `factory` (`module:function`) makes, until told to stop."""
    told = Settings.from_environment()
    uvicorn.run(
        factory,
        factory=True,
        host="127.0.0.1",
        port=told.port,
        workers=told.workers,
        timeout_worker_healthcheck=60,  # a busy worker is not a dead one
        access_log=False,
        log_level="warning",
    )
