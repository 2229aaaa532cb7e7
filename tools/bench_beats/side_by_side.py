"""The figures of `videos` as tables: read off videos, and from the same seconds of the signal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

from apps.ecg_rhythm.model import CLASSES
from tools.bench_beats import videos
from tools.bench_beats.films import KINDS, SECONDS, SHOWN
from tools.bench_beats.tables import interval, table
from tools.bench_beats.videos import SIGNAL, VIDEO, Row, Score, Side, together

LABELS = ("N", "S", "V", "F")
TARGETS = {"N": "0.96", "S": "0.30 / 0.50", "V": "0.86 / 0.92", "F": "-"}


def document(rows: Sequence[Row]) -> str:
    """What goes into docs/accuracy-of-classes.md."""
    people = sorted({row.patient for row in rows})
    refused = sum(row.refused for row in rows)
    said = (
        f"{len(rows)} videos of {SECONDS:g} s: {len(rows) // len(people)} of each of {len(people)} records, half "
        f"of them recorded off the screen and half filmed, half sweeps, half scrolls; refused: {refused}."
    )
    return "\n\n".join([said, _classes(rows), _whole(rows), _records(rows), _screens(rows)])


def _classes(rows: Sequence[Row]) -> str:
    lines = []
    for label in LABELS:
        index = CLASSES.index(label)
        count = int((together(rows, VIDEO).true == index).sum())
        cells = [f"{label}", f"{count}"]
        for side in (SIGNAL, VIDEO):
            whole = together(rows, side)
            cells += [
                _said(videos.sensitivity(whole, index)),
                _said(videos.precision(whole, index)),
                _with_interval(rows, side, partial(videos.f1, label=index)),
            ]
        lines.append([*cells, TARGETS[label]])
    sides = [f"{side}: {figure}" for side in ("signal", "video") for figure in ("sensitivity", "precision", "F1")]
    return table(["class", "beats", *sides, "must / aim"], lines)


def _whole(rows: Sequence[Row]) -> str:
    measured: Sequence[tuple[str, Callable[[Score], float]]] = (
        ("F1 of R peaks", videos.r_peaks),
        ("calibration error", videos.calibration),
        ("share not sure", videos.unsure),
        ("of the answered, share wrong", videos.wrong),
    )
    lines = [[name, *(_with_interval(rows, side, figure) for side in (SIGNAL, VIDEO))] for name, figure in measured]
    text = table(["all beats", "signal", "video"], lines)
    readable = [row for row in rows if not row.refused]
    if 0 < len(readable) < len(rows):
        signal, video = (together(readable, side) for side in (SIGNAL, VIDEO))
        n, v = (_both(partial(videos.f1, label=CLASSES.index(label)), signal, video, 3) for label in ("N", "V"))
        peaks = _both(videos.r_peaks, signal, video, 3)
        text += (
            "\n\nWithout what was refused, from the signal and off the video: "
            f"F1 of R peaks {peaks}, of N {n}, of V {v}."
        )
    return text


def _records(rows: Sequence[Row]) -> str:
    lines = []
    for name in sorted({row.patient for row in rows}):
        own = [row for row in rows if row.patient == name]
        signal, video = (together(own, side) for side in (SIGNAL, VIDEO))
        counts = [int((video.true == CLASSES.index(label)).sum()) for label in LABELS]
        cells = [name, " / ".join(str(count) for count in counts)]
        for label, count in zip(LABELS, counts, strict=True):
            index = CLASSES.index(label)
            cells.append(_both(partial(videos.f1, label=index), signal, video) if count else "-")
        peaks = _both(videos.r_peaks, signal, video, 3)
        lines.append([*cells, peaks, f"{100 * videos.unsure(video):.0f} %", _said(videos.calibration(video), 3)])
    head = ["record", "beats N / S / V / F", *LABELS, "R peaks", "not sure", "calibration error"]
    return (
        f"F1 by record, from the signal and off the video; the last two columns off the video:\n\n{table(head, lines)}"
    )


def _screens(rows: Sequence[Row]) -> str:
    lines = []
    for condition in SHOWN:
        for kind in KINDS:
            own = [row for row in rows if row.condition == condition.name and row.kind == kind]
            if own:
                signal, video = (together(own, side) for side in (SIGNAL, VIDEO))
                figures = [_both(partial(videos.f1, label=CLASSES.index(x)), signal, video) for x in LABELS]
                peaks = _both(videos.r_peaks, signal, video, 3)
                lines.append([f"{condition.name}, {kind}", f"{len(own)}", *figures, peaks])
    return f"F1 by screen, likewise:\n\n{table(['screen', 'videos', *LABELS, 'R peaks'], lines)}"


def _said(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _both(figure: Callable[[Score], float], signal: Score, video: Score, digits: int = 2) -> str:
    return f"{_said(figure(signal), digits)}, {_said(figure(video), digits)}"


def _with_interval(rows: Sequence[Row], side: Side, figure: Callable[[Score], float]) -> str:
    """The figure over all beats; in brackets its 95 % interval, by drawing records again."""
    value = figure(together(rows, side))
    if math.isnan(value):
        return "-"
    return f"{value:.3f} {interval(rows, lambda some: figure(together(some, side)))}"
