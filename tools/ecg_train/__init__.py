"""Trains the beat classifier that services/ray_serve/apps/ecg_rhythm ships, and writes its model card.

    records   MIT-BIH records -> signals at 250 Hz with AAMI classes; the inter-patient split
    clips     signals -> clips as the reader would give them (resampled, low-passed, noisy) -> the network's inputs
    training  inputs -> weights: fixed seeds, epoch and temperature chosen on held-out DS1 records
    report    weights -> figures per record on the DS2 part, and MODEL_CARD.md

`python -m tools.ecg_train` does all of it. Record 208 is the sample's patient and is left out. DS2 is only reported on.
"""
