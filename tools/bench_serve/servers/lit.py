"""LitServe with batches and its faster queue. It is not in .venv-serve: `make bench-serve` installs it beside."""

from collections.abc import Sequence
from typing import Annotated

import litserve  # type: ignore[import-not-found]  # beside .venv-serve, where it is measured
import numpy as np
from fastapi import Body
from fastapi.responses import Response

from apps.ecg_rhythm.beats import BeatWindows
from tools.bench_serve.network import load
from tools.bench_serve.servers.plain import BYTES
from tools.bench_serve.servers.settings import Settings
from tools.bench_serve.windows import Rows, answer_to_bytes, from_bytes


class Classifier(litserve.LitAPI):  # type: ignore[misc]
    """One process of these a worker; LitServe puts the batches together and takes them apart."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self._model = load(Settings.from_environment().network, device)

    def decode_request(self, request: Annotated[bytes, Body(media_type=BYTES)]) -> BeatWindows:
        """Bytes in."""
        return from_bytes(request)

    def batch(self, inputs: Sequence[BeatWindows]) -> Sequence[BeatWindows]:
        """Requests have different lengths, so `predict` puts them together itself."""
        return inputs

    def predict(self, batch: Sequence[BeatWindows]) -> list[Rows]:
        """All windows at once."""
        samples = np.concatenate([windows.samples for windows in batch])
        features = np.concatenate([windows.features for windows in batch])
        rows = self._model.probabilities(samples, features)
        return np.split(rows, np.cumsum([len(windows.samples) for windows in batch])[:-1])

    def unbatch(self, output: list[Rows]) -> list[Rows]:
        """Already apart."""
        return output

    def encode_response(self, output: Rows) -> Response:
        """Bytes out."""
        return Response(answer_to_bytes(output), media_type=BYTES)


if __name__ == "__main__":
    told = Settings.from_environment()
    # LitServe counts requests, not windows: a batch holds every request that can be under way.
    api = Classifier(max_batch_size=64, batch_timeout=told.wait_ms / 1000, api_path="/")
    server = litserve.LitServer(
        api, accelerator=told.device.partition(":")[0], devices=1, workers_per_device=told.workers, fast_queue=True
    )
    server.run(host="127.0.0.1", port=told.port, log_level="warning", generate_client_file=False, access_log=False)
