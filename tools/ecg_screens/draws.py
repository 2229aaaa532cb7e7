"""Films by seed: one factor is drawn from all that there is, the others are ordinary; or all four at once."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from fractions import Fraction

import numpy as np

from tools.ecg_screens import looks
from tools.ecg_screens.files import File, Kind
from tools.ecg_screens.films import Film, after_s, before_s
from tools.ecg_screens.lens import Lens
from tools.ecg_screens.looks import Look, Product
from tools.ecg_screens.movement import Movement, Way

RATES = tuple(
    Fraction(n, d) for n, d in ((10, 1), (25, 2), (15, 1), (24, 1), (25, 1), (30000, 1001), (30, 1), (50, 1), (60, 1))
)


class Factor(StrEnum):
    """What is special about a film."""

    LOOK = "look"
    MOVEMENT = "movement"
    CAMERA = "camera"
    FILE = "file"
    ALL = "all"


def film(factor: Factor, seed: int, product: Product | None = None) -> Film:
    """The film of `seed` whose `factor` is special; `product` keeps to one kind of look."""
    rng = np.random.default_rng([seed, *factor.encode()])
    every = factor is Factor.ALL
    odd_look = every or factor is Factor.LOOK
    which = product or list(Product)[seed % len(Product)]
    look = looks.look(which, rng) if odd_look or product else looks.plain(rng)
    move, moved = _movement(look, rng, seed, every or factor is Factor.MOVEMENT)
    if factor is Factor.MOVEMENT:
        look, wave = _wave(look, rng, move.way)
        moved += wave
    lens, filmed = _lens(rng, seed, every) if every or factor is Factor.CAMERA else (Lens(), "")
    file, filed = (
        _file(rng, seed)
        if every or factor is Factor.FILE
        else (File(fps=Fraction((24, 25, 30)[int(rng.integers(3))])), "")
    )
    if move.way is Way.PAPER and not lens.films:
        lens = Lens(margin=0.02, tremor=1.5, noise=2.0, vignette=0.2)
    if every and look.size[0] * look.size[1] > 700_000:
        file = replace(file, fps=min(file.fps, Fraction(30)))
    said = [str(which) if odd_look or product else "", moved, filmed, filed]
    return Film(look, move, lens, file, seed, ", ".join(word for word in said if word))


def _movement(look: Look, rng: np.random.Generator, seed: int, special: bool) -> tuple[Movement, str]:
    start = float(rng.uniform(0, 1))
    if look.product is Product.PAPER:
        return _paper(rng)
    if not special:
        way = _usual(look.product, rng)
        return Movement(way, start=start, gap=float(rng.choice([0.03, 0.06]))), str(way)
    case = seed % 10
    speed = float((12.5, 25.0, 50.0)[int(rng.integers(3))]) if rng.random() < 0.6 else float(rng.uniform(11, 45))
    made, said = {
        0: (Movement(Way.SWEEP, gap=0.0), "sweep without a gap"),
        1: (Movement(Way.SWEEP, gap=0.02, cursor=True), "sweep with a bright cursor"),
        2: (Movement(Way.SWEEP, gap=float(rng.uniform(0.08, 0.25))), "sweep with a wide gap"),
        3: (Movement(Way.SWEEP, gap=0.04, every_s=0.2), "sweep drawn 5 times a second"),
        4: (Movement(Way.LEFT, whole=True), "scroll by whole pixels"),
        5: (Movement(Way.RIGHT), "scroll to the right"),
        6: (Movement(Way.PAGE), "pages"),
        7: (Movement(Way.PAGE, page_s=float(rng.choice([0.25, 0.5, 1.0]))), "scroll in steps"),
        8: (Movement(Way.LEFT, every_s=0.1), "scroll 10 times a second"),
        9: (Movement(Way.LEFT), "scroll"),
    }[case]
    return replace(made, mm_per_s=speed, start=start), f"{said} at {speed:.3g} mm/s"


def _usual(product: Product, rng: np.random.Generator) -> Way:
    match product:
        case Product.PHONE | Product.WATCH | Product.HOLTER | Product.SIMULATOR:
            return Way.LEFT if rng.random() < 0.75 else Way.SWEEP
        case Product.TUBE | Product.LCD | Product.AMBER | Product.BEDSIDE | Product.BOXED | Product.TRANSPORT:
            return Way.SWEEP if rng.random() < 0.8 else Way.LEFT
        case _:
            return Way.SWEEP if rng.random() < 0.5 else Way.LEFT


def _paper(rng: np.random.Generator) -> tuple[Movement, str]:
    speed = float(rng.choice([25.0, 50.0]))
    if rng.random() < 0.5:
        return Movement(Way.PAPER, speed), f"out of a recorder at {speed:g} mm/s"
    pan = float(rng.uniform(0.6, 1.4))
    return Movement(Way.PAPER, speed, pan=pan, wobble_s=0.12), f"panned by hand at {pan:.2f} of {speed:g} mm/s"


def _wave(look: Look, rng: np.random.Generator, way: Way) -> tuple[Look, str]:
    """The signal's size and sign, which go with movement: what the pen does."""
    if way is Way.PAPER:
        return look, ""
    case = int(rng.integers(5))
    changed = (
        replace(look, mm_per_mv=5.0),
        replace(look, mm_per_mv=20.0),
        replace(look, inverted=True),
        replace(look, weak=0.35),
        look,
    )
    said = (", 5 mm/mV", ", 20 mm/mV", ", inverted", ", low amplitude", "")
    return changed[case], said[case]


def _lens(rng: np.random.Generator, seed: int, gentle: bool) -> tuple[Lens, str]:
    """A phone in a hand, and one thing about it that is worse than usual; `gentle`: nothing, one time in three."""
    hand = Lens(
        margin=float(rng.uniform(0.02, 0.12)), yaw=float(rng.uniform(-8, 8)), pitch=float(rng.uniform(-6, 6)),
        roll=float(rng.uniform(-2, 2)), tremor=float(rng.uniform(0.8, 2.5)), blur=float(rng.uniform(0.3, 0.8)),
        vignette=0.15, noise=3.0,
    )  # fmt: skip
    if gentle and rng.random() < 0.33:
        return Lens(), "recorded"
    worse: tuple[tuple[str, Lens], ...] = (
        ("in a hand", hand),
        ("from the side", replace(hand, yaw=float(rng.choice([-28.0, 28.0])), margin=0.05)),
        ("a trembling hand", replace(hand, tremor=7.0)),
        ("focus breathing", replace(hand, breathing=2.4)),
        ("exposure going up and down", replace(hand, exposure=0.18)),
        ("a window's reflection", replace(hand, reflection=0.35)),
        ("rolling bands", replace(hand, bands=0.2)),
        ("moire", replace(hand, moire=0.35)),
        ("a finger at the edge", replace(hand, finger=0.16)),
        ("drift and zoom", replace(hand, drift=45.0, zoom=0.12)),
        ("turned by 90 degrees", replace(hand, turns=1)),
        ("upside down", replace(hand, turns=2)),
        ("noise in the dark", replace(hand, noise=14.0, exposure=0.05, vignette=0.5)),
        ("from far away", replace(hand, margin=0.45, blur=0.5)),
        ("before a white wall", replace(hand, margin=0.35, wall=215)),
    )
    said, lens = worse[seed % len(worse)]
    return lens, said


def _file(rng: np.random.Generator, seed: int) -> tuple[File, str]:
    rate = RATES[int(rng.integers(len(RATES)))]
    case = seed % 12
    made, said = {
        0: (File(Kind.MOV, rate), "HEVC in a MOV"),
        1: (File(Kind.WEBM, rate), "VP9 in WebM"),
        2: (File(Kind.MKV, rate, odd=True), "VP9 in MKV, odd size"),
        3: (File(Kind.AVI, rate, "yuvj422p"), "MJPEG in AVI, 4:2:2"),
        4: (File(Kind.MPEG4, min(rate, Fraction(30))), "MPEG-4 part 2"),
        5: (File(Kind.MP4, rate, "yuv444p", odd=True), "4:4:4, odd size"),
        6: (File(Kind.MP4, rate, "yuv420p10le"), "10 bit"),
        7: (File(Kind.MP4, rate, uneven=True), "uneven frame times"),
        8: (File(Kind.MP4, rate, dropped=0.25), "a quarter of the frames dropped"),
        9: (File(Kind.MP4, rate, rows=240), "240p"),
        10: (File(Kind.MP4, rate, kbps=120), "120 kbit/s"),
        11: (File(Kind.MP4, rate, rows=1080, turn=90), "1080p, turned in the metadata"),
    }[case]
    return made, f"{said} at {float(rate):.4g} frames/s"


def start(film: Film, recorded_s: float, duration_s: float) -> float:
    """The second of a record, `recorded_s` long, at which the film begins: room before and after for what is seen."""
    low, high = before_s(film) + 0.1, recorded_s - after_s(film, duration_s) - 0.1
    if high < low:
        raise ValueError(f"the record lasts {recorded_s:.0f} s: this film of {duration_s:g} s needs more")
    return float(np.round(np.random.default_rng([film.seed, 3]).uniform(low, high), 2))
