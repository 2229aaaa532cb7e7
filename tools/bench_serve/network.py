"""The networks that are served: the one that ships, and a larger one as other apps may bring."""

from enum import StrEnum
from typing import assert_never

import torch

from apps.ecg_rhythm.model import BeatClassifier, BeatNet

_WIDTH = 160  # 0.93 million parameters, about the size of the network in the trial that the targets were set from


class Network(StrEnum):
    """`SHIPPED` has 12,361 parameters and takes microseconds a window; `MILLION` is the same, thirteen times wider."""

    SHIPPED = "shipped"
    MILLION = "million"


def load(network: Network, device: str) -> BeatClassifier:
    """The classifier, ready. `MILLION` is untrained: its answers mean nothing, but are the same everywhere."""
    match network:
        case Network.SHIPPED:
            return BeatClassifier.load(device=device)
        case Network.MILLION:
            torch.manual_seed(208)
            return BeatClassifier(BeatNet(_WIDTH), device=device, sha256="untrained")
        case _:
            assert_never(network)
