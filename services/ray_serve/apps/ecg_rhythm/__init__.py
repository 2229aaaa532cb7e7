"""The app `ecg_rhythm`: an ECG video in; waveform, beats and their classes out.

    screen     a few frames -> the lane of the trace, its colour, how it moves, the grid
    sweep      frames -> pieces of trace, each drawn behind the erase bar
    scroll     frames -> one long strip, registered
    trace      a column of pixels -> where the pen was, to a fraction of a pixel
    calibration  pixels -> seconds and millivolts, or an honest "not calibrated"
    reader     the others above in order: file -> `reading.Reading`
    beats      waveform -> R peaks, and the classifier's inputs (`morphology`)
    delineation  waveform and R peaks -> P, QRS, T (`waves`) by the network of `delineator` (torch)
    model      inputs -> class probabilities (torch)
    rhythm     all of it (`strip`) -> the rhythm by `rhythm_model` (torch), or not sure (`abstention`)
    intervals  R peaks and waves -> RR, heart rate, variability, PR, QRS, QT, QTc
    quality    what can be trusted, what must be said
    overlay    reading and result -> PNG
    analysis   all of it: `read`, `analyse`, `result`

Frames come from `kit.video`, the only module that reads files; only `model`, `delineator`, `rhythm_model` and `stored`
know torch; nothing here knows Ray or AWS but `app`. The reader is told nothing about the screen, and never imports the
renderer that tests it.
"""
