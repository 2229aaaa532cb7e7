"""The app `ecg_rhythm`: an ECG video in; waveform, beats and their classes out.

    footage    a file, turned so that the screen stands upright, its decoding timed
    plane      a few frames -> how a filmed screen is tilted and shakes; frames laid flat
    screen     a few flat frames -> the lane of the trace, its ink, how it moves, the grid
    sweep      frames -> a strip of the trace: its columns, each the mean of all frames since the pen drew it
    scroll     frames -> a strip of the trace, each frame laid where it fits
    paper      a camera panned over paper instead: told from screens, pictures joined by `mosaic`, where each says its
               `lattice` (the grid) lies; a strip of the curve, and its calibration `pulse`
    tape       a strip -> the curve on it, evenly sampled, gaps as gaps: the network of `ridge` (torch) sees a `view`
    trace      a column of pixels -> its ink's edges, and from them the pen, to a fraction of a pixel
    calibration  pixels -> seconds and millivolts, or an honest "not calibrated"
    walk       one walk through a video along one curve, or over a paper: the others above in order
    reader     which side is up, which curve is the ECG, which way it moves: file -> `reading.Reading`
    beats      waveform -> R peaks, and the classifier's inputs (`morphology`)
    delineation  waveform and R peaks -> P, QRS, T (`waves`) by the network of `delineator` (torch)
    model      inputs -> class probabilities (torch)
    rhythm     all of it (`strip`) -> the rhythm by `rhythm_model` (torch), or not sure (`abstention`)
    intervals  R peaks and waves -> RR, heart rate, variability, PR, QRS, QT, QTc
    quality    what can be trusted, what must be said
    overlay    reading and result -> PNG
    analysis   all of it: `read`, `analyse`, `result`

Frames come from `kit.video`, the only module that reads files; only `model`, `delineator`, `rhythm_model`, `ridge` and
`stored` know torch; nothing here knows Ray or AWS but `app`. The reader is told nothing about the screen, and never
imports the renderer that tests it.
"""
