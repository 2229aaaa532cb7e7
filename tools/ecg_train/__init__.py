"""Trains the networks that services/ray_serve/apps/ecg_rhythm ships.

    ludb       LUDB leads with the marks of P, QRS and T    -> waves     the delineation network
    records    MIT-BIH records with AAMI classes; the inter-patient split
    clips      signals -> clips as the reader would give them (resampled, low-passed, noisy) -> the network's inputs
    training   inputs -> the beat classifier
    strokes    signals -> short strips as a screen draws and a follower averages them, with the pen's true path
    pens       those -> the ridge network
    shipping   each network: data, settings, file of weights
    card       what MODEL_CARD.md takes from here

`python -m tools.ecg_train` does all of it, with fixed seeds on one thread: the same data give the same bytes. Record
208 is the sample's patient and is left out. What is kept back is only reported on (`tools.bench_beats`).
"""
