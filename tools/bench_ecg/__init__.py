"""How well the reader reads, blind, under each condition: `make bench-ecg`, the tables of docs/accuracy.md.

    patients    real records -> excerpts; those that are reported on are never used otherwise
    conditions  the conditions and what must be reached: name -> screen, camera, file, by a seed
    clips       excerpt + condition -> a rendered video and its truth, kept under .local/
    trials      a clip, read and scored -> `Trial`, kept until the reader's code changes
    figures     trials -> medians, intervals, risk-coverage
    speed       what reading takes, stage by stage; for itself
    report      figures -> text for the terminal, docs/accuracy.md and a picture
    another_hand  screens of `tools.ecg_screens` -> read, scored, printed; for itself

Only `patients`, `clips`, `trials`, `speed` and `another_hand` touch files.
"""
