"""The app `signal_quality`: an ECG video in; how well each second of its trace can be seen out. No beats, no GPU.

    measures   a frame -> how wide, clear, sharp and quiet the curve in it is; two frames -> how they moved
    model      a second's measures -> score, grade and reasons: ramps, and the weakest link
    grading    file -> every second's grade and the result document

Frames come from `kit.video`; nothing here knows Ray or AWS but `app`, and nothing knows the reader of `ecg_rhythm`: the
picture is judged, not what somebody reads in it. MODEL_CARD.md tells how far that can be trusted.
"""
