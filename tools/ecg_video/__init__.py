"""Videos of ECG monitors with the truth beside them: to test the reader, to train it, and for the samples.

    sources   a recorded or a synthetic signal -> `Recording` (mV, beat times)
    settings  what the screen, the camera and the encoder do: every fault is a number
    screen    recording + `Screen` -> frames
    paper     recording + `Sheet` + `Pan` -> frames of a printed strip over which a hand moves the phone
    camera    frame + `Camera` -> the frame as a phone would see it
    video     frames + `Encoding` -> a file, and its truth as JSON
    scoring   a reader's result against truth: SNR in dB, F1 of the R peaks

Only `video` and `sources` touch files. The reader in services/ never imports this package.
"""
