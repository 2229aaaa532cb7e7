"""The weights that the repository carries."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from apps.ecg_rhythm import analysis
from apps.ecg_rhythm.model import CLASSES, FEATURES, WEIGHTS, WINDOW, BeatClassifier


def test_the_weights_load_and_are_named_by_their_hash() -> None:
    classifier = BeatClassifier.load(WEIGHTS, "cpu")
    assert classifier.sha256 == hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    assert WEIGHTS.stat().st_size < 1_000_000


def test_the_model_card_is_of_these_weights_and_says_what_they_are_not() -> None:
    card = (WEIGHTS.parent / "MODEL_CARD.md").read_text()
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() in card
    assert analysis.NOTICE in card


def test_probabilities_sum_to_one_and_do_not_depend_on_the_batch() -> None:
    classifier = BeatClassifier.load()
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(9, WINDOW)).astype(np.float32)
    features = rng.normal(size=(9, FEATURES)).astype(np.float32)
    whole = classifier.probabilities(samples, features)
    assert whole.shape == (9, len(CLASSES))
    np.testing.assert_allclose(whole.sum(axis=1), 1.0, atol=1e-5)
    alone = np.concatenate([classifier.probabilities(samples[i : i + 1], features[i : i + 1]) for i in range(9)])
    np.testing.assert_allclose(whole, alone, atol=1e-5)
    assert classifier.probabilities(samples[:0], features[:0]).shape == (0, len(CLASSES))


def test_weights_of_another_network_are_refused_with_the_command_that_makes_new_ones(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, str(tmp_path / "w.safetensors"), metadata={"classes": '["N"]'})
    with pytest.raises(ValueError, match=r"python -m tools\.ecg_train"):
        BeatClassifier.load(tmp_path / "w.safetensors")
