"""What the shipped networks of ecg_rhythm are worth on patients whom they never saw: `make bench-beats`.

    waves      LUDB, the patients kept back: P, QRS, T found, errors of onset and offset, intervals
    classes    MIT-BIH, twelve records of DS2: AAMI classes by record, calibration, R peaks
    rhythms    CinC 2017, cross-validated: rhythm, calibration, risk by coverage
    tables     figures -> Markdown; confidence intervals by drawing patients again

Needs ECG_DATA_DIR; nothing here is chosen or trained.
"""
