"""Screens as another hand draws them: a second renderer of ECG videos, to hold the reader against.

    looks      what a product looks like: colours, grid, pen, lanes; thirteen products, each varied by a seed
    movement   which seconds of signal stand where at a moment: sweep, scroll either way, pages, paper
    ink        a curve as a distance field -> how much ink lies on each pixel
    furniture  what else is on the glass: bars, boxes, numbers, clock, heart, alarms
    display    look + movement + signal -> the glass at a moment
    lens       a pinhole camera in a hand, before the glass
    files      frames -> a video file of many kinds
    films      all of it together, its truth beside; `draws` makes films by seed, one thing special in each

It shares nothing with tools.ecg_video but the records: neither code, nor drawing means, nor choices. Only `files` and
`films` write.
"""
