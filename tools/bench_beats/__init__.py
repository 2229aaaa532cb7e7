"""What the shipped networks of ecg_rhythm are worth on patients whom they never saw: `make bench-beats`.

    waves      LUDB, the patients kept back: P, QRS, T found, errors of onset and offset, intervals
    classes    MIT-BIH, twelve records of DS2: AAMI classes by record, calibration, R peaks
    films      the same records: excerpts as rendered videos of a screen
    readings   those read blind by the app's reader
    videos     beats and classes of the readings, beside those of the same seconds of the signal
    side_by_side   their tables
    rhythms    CinC 2017, cross-validated: rhythm, calibration, risk by coverage
    tables     figures -> Markdown; confidence intervals by drawing patients again

Needs ECG_DATA_DIR; nothing here is chosen or trained.
"""
