"""What a product looks like: size, colours, grid, pen, and which curves stand where on its glass."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

Rgb = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""Left, top, width, height in pixels of the glass."""


class Product(StrEnum):
    """The kinds of things that show an ECG."""

    BEDSIDE = "bedside monitor"
    BOXED = "monitor with boxes"
    TRANSPORT = "transport monitor"
    PHONE = "phone app"
    HOLTER = "holter viewer"
    STATION = "12-lead station"
    SIMULATOR = "simulator page"
    TUBE = "defibrillator with a tube"
    PAPER = "paper strip"
    LCD = "green LCD"
    AMBER = "amber monitor"
    WATCH = "watch"
    WINDOW = "window on a desktop"


class Rules(StrEnum):
    """What is printed behind the curve."""

    NONE = "none"
    DOTS = "dots"
    SQUARES = "fine and coarse squares"
    COARSE = "coarse squares"
    LINES = "horizontal lines"


class Curve(StrEnum):
    """What a lane shows."""

    ECG = "ecg"
    PLETH = "pleth"
    BREATH = "breath"
    CO2 = "co2"


@dataclass(frozen=True)
class Lane:
    """A curve beside the lead that is asked for; `lead` counts the record's leads where it is an ECG."""

    curve: Curve
    box: Box
    ink: Rgb
    lead: int = 1


@dataclass(frozen=True)
class Look:
    """A product as drawn. `tail`: opacity of the oldest ink; `fill`: that of the area under the curve."""

    product: Product = Product.BEDSIDE
    size: tuple[int, int] = (960, 540)
    lane: Box = (14, 60, 720, 150)
    mm_px: float = 4.0
    mm_per_mv: float = 10.0
    ground: Rgb = (0, 0, 0)
    below: Rgb = (0, 0, 0)
    texture: float = 0.0
    case: Rgb = (18, 20, 24)
    rules: Rules = Rules.NONE
    fine: Rgb = (30, 30, 30)
    coarse: Rgb = (60, 60, 60)
    ink: Rgb = (60, 235, 90)
    pen: float = 2.0
    jagged: bool = False
    glow: float = 0.0
    tail: float = 1.0
    fill: float = 0.0
    inverted: bool = False
    weak: float = 1.0
    others: tuple[Lane, ...] = field(default=())

    @property
    def pixels_per_mv(self) -> float:
        """Height of 1 mV on the glass."""
        return self.mm_px * self.mm_per_mv


GREEN, CYAN, AMBER, MAGENTA, WHITE = (60, 235, 90), (70, 220, 245), (255, 176, 40), (240, 90, 230), (235, 238, 240)
YELLOW, RED = (245, 225, 80), (235, 60, 60)
INKS = (GREEN, CYAN, AMBER, MAGENTA, WHITE, YELLOW)


def look(product: Product, rng: np.random.Generator) -> Look:
    """`product` with what varies between its makes and settings drawn from `rng`."""
    match product:
        case Product.BEDSIDE | Product.BOXED | Product.TRANSPORT:
            return _monitor(product, rng)
        case Product.PHONE | Product.WATCH:
            return _pocket(product, rng)
        case Product.HOLTER | Product.STATION | Product.SIMULATOR | Product.WINDOW:
            return _computer(product, rng)
        case Product.TUBE | Product.LCD | Product.AMBER:
            return _old(product, rng)
        case Product.PAPER:
            return _paper(rng)


def plain(rng: np.random.Generator) -> Look:
    """A monitor without anything special, where another factor is the special one."""
    return replace(
        _monitor(Product.BEDSIDE, rng, big=False), pen=float(rng.choice([1.6, 2.0, 2.6])), glow=0.0, jagged=False
    )


def _monitor(product: Product, rng: np.random.Generator, big: bool = True) -> Look:
    big = big and rng.random() < 0.5
    width, height = (1280, 720) if big else (960, 540)
    numbers = round(width * rng.uniform(0.18, 0.27))
    top, foot = round(height * 0.08), round(height * rng.uniform(0.05, 0.1))
    ecgs = int(rng.integers(1, 3 if product is Product.BEDSIDE else 4))
    curves = [Curve.ECG] * ecgs + [Curve.PLETH, Curve.BREATH, Curve.CO2][: int(rng.integers(0, 4 - (ecgs > 2)))]
    step = (height - top - foot - 8) // max(len(curves), 2)
    boxes = [(12, top + 4 + i * step, width - numbers - 24, step - 4) for i in range(len(curves))]
    ink = INKS[0] if rng.random() < 0.5 else INKS[int(rng.integers(len(INKS)))]
    same = rng.random() < 0.35
    colours = {Curve.PLETH: CYAN, Curve.BREATH: YELLOW, Curve.CO2: WHITE, Curve.ECG: ink}
    others = tuple(
        Lane(curve, box, ink if same else colours[curve], lead=i + 1)
        for i, (curve, box) in enumerate(zip(curves[1:], boxes[1:], strict=True))
    )
    ground = {Product.BEDSIDE: (0, 0, 0), Product.BOXED: (16, 20, 30), Product.TRANSPORT: (4, 10, 22)}[product]
    rules = (Rules.NONE, Rules.NONE, Rules.DOTS, Rules.LINES, Rules.SQUARES)[int(rng.integers(5))]
    return Look(
        product, (width, height), boxes[0], round(float(rng.uniform(3.6, 4.8)) * width / 960, 2), 10.0, ground,
        ground if rng.random() < 0.6 else (ground[0] + 12, ground[1] + 16, ground[2] + 28),
        rules=rules, fine=(26, 34, 34), coarse=(48, 60, 58), ink=ink, pen=float(rng.choice([1.0, 1.5, 2.0, 3.0])),
        jagged=bool(rng.random() < 0.25), glow=float(rng.choice([0.0, 0.0, 0.4])), others=others,
    )  # fmt: skip


def _pocket(product: Product, rng: np.random.Generator) -> Look:
    if product is Product.WATCH:
        ink = (RED, GREEN, WHITE)[int(rng.integers(3))]
        tail, fill = float(rng.choice([0.05, 0.3])), float(rng.choice([0.0, 0.3]))
        return Look(
            product, (480, 560), (20, 190, 440, 200), 4.4, 10.0, case=(60, 60, 64), ink=ink, pen=3.0, tail=tail,
            fill=fill, rules=(Rules.NONE, Rules.LINES)[int(rng.integers(2))], coarse=(40, 40, 44),
        )  # fmt: skip
    dark = rng.random() < 0.3
    ground = (18, 22, 30) if dark else (250, 250, 252)
    ink = (
        (CYAN, GREEN)[int(rng.integers(2))]
        if dark
        else ((24, 30, 60), (20, 20, 22), (214, 40, 70))[int(rng.integers(3))]
    )
    rules = (Rules.NONE, Rules.SQUARES, Rules.COARSE)[int(rng.integers(3))]
    fine, coarse = ((34, 40, 52), (54, 62, 76)) if dark else ((250, 226, 228), (242, 190, 196))
    return Look(
        product, (540, 960), (0, 330, 540, 240), 4.2, 10.0, ground, ground, case=ground, rules=rules, fine=fine,
        coarse=coarse, ink=ink, pen=float(rng.choice([2.0, 3.0])), tail=float(rng.choice([1.0, 0.4])),
        fill=float(rng.choice([0.0, 0.0, 0.2])),
    )  # fmt: skip


def _computer(product: Product, rng: np.random.Generator) -> Look:
    match product:
        case Product.HOLTER:
            ink = ((20, 30, 140), (10, 10, 10), (0, 90, 60))[int(rng.integers(3))]
            others = tuple(Lane(Curve.ECG, (70, 90 + 150 * i, 1000, 140), ink, i) for i in (1, 2))
            return Look(
                product, (1280, 640), (70, 90, 1000, 140), 4.0, 10.0, (255, 255, 255), (255, 255, 255),
                case=(224, 226, 230), rules=(Rules.SQUARES, Rules.COARSE, Rules.NONE)[int(rng.integers(3))],
                fine=(250, 228, 222), coarse=(240, 200, 190), ink=ink, pen=1.0, jagged=bool(rng.random() < 0.6),
                others=others[: int(rng.integers(1, 3))],
            )  # fmt: skip
        case Product.STATION:
            cream = (255, 250, 236)
            ink = ((16, 24, 90), (0, 0, 0))[int(rng.integers(2))]
            others = tuple(Lane(Curve.ECG, (60, 70 + 120 * i, 1140, 112), ink, i) for i in range(1, 5))
            return Look(
                product, (1280, 720), (60, 70, 1140, 112), 4.0, 10.0, cream, cream, case=cream, rules=Rules.SQUARES,
                fine=(250, 226, 214), coarse=(238, 186, 172), ink=ink, pen=1.4,
                others=others[: int(rng.integers(2, 5))],
            )  # fmt: skip
        case Product.SIMULATOR:
            light = rng.random() < 0.5
            return Look(
                product, (1120, 630), (180, 150, 640, 220), 4.6, 10.0, (255, 255, 255) if light else (8, 24, 16),
                (232, 240, 250) if light else (2, 8, 6), case=(246, 247, 249),
                rules=(Rules.COARSE, Rules.LINES, Rules.DOTS)[int(rng.integers(3))],
                fine=(214, 224, 236) if light else (14, 50, 34), coarse=(204, 214, 226) if light else (20, 70, 46),
                ink=(30, 90, 220) if light else (90, 255, 140), pen=float(rng.choice([2.0, 4.0])),
                fill=0.25 if rng.random() < 0.4 else 0.0,
            )  # fmt: skip
        case _:
            ink = (GREEN, MAGENTA, CYAN, (20, 20, 30))[int(rng.integers(4))]
            ground = (245, 245, 240) if ink == (20, 20, 30) else (10, 10, 14)
            left, top = int(rng.integers(60, 660)), int(rng.integers(80, 380))
            return Look(
                product, (1280, 720), (left, top, 520, 180), 3.2, 10.0, ground, ground, texture=1.0, case=(70, 96, 130),
                ink=ink, pen=float(rng.choice([1.5, 2.0])), rules=(Rules.NONE, Rules.COARSE)[int(rng.integers(2))],
                coarse=(210, 214, 220) if ground[0] > 99 else (36, 40, 46),
            )  # fmt: skip


def _old(product: Product, rng: np.random.Generator) -> Look:
    match product:
        case Product.TUBE:
            ink = ((120, 255, 150), (255, 170, 60))[int(rng.integers(2))]
            return Look(
                product, (800, 600), (40, 150, 720, 260), 4.4, 10.0, (6, 16, 10), (3, 8, 6), case=(58, 56, 50), ink=ink,
                pen=3.0, glow=0.9, tail=float(rng.choice([0.08, 0.25, 0.5])), texture=0.15,
                rules=(Rules.NONE, Rules.COARSE)[int(rng.integers(2))], coarse=(14, 40, 24),
            )  # fmt: skip
        case Product.LCD:
            return Look(
                product, (640, 400), (24, 70, 592, 230), 3.6, 10.0, (158, 182, 104), (146, 170, 96), case=(70, 74, 72),
                ink=(26, 38, 22), pen=2.0, jagged=True, texture=0.1,
                rules=(Rules.NONE, Rules.DOTS)[int(rng.integers(2))], fine=(128, 150, 84), coarse=(120, 142, 80),
            )  # fmt: skip
        case _:
            others = (Lane(Curve.PLETH, (20, 270, 600, 130), AMBER),) if rng.random() < 0.6 else ()
            return Look(
                product, (800, 480), (20, 60, 600, 190), 4.0, 10.0, (22, 12, 0), (22, 12, 0), case=(40, 36, 30),
                ink=AMBER, pen=2.0, jagged=True, glow=0.3, others=others,
                rules=(Rules.NONE, Rules.DOTS)[int(rng.integers(2))], fine=(60, 40, 8), coarse=(70, 46, 10),
            )  # fmt: skip


def _paper(rng: np.random.Generator) -> Look:
    grounds = ((255, 236, 234), (253, 250, 240), (240, 248, 240))
    which = int(rng.integers(3))
    fine = ((250, 196, 196), (240, 214, 196), (196, 226, 200))[which]
    coarse = ((238, 140, 140), (226, 170, 140), (140, 196, 150))[which]
    return Look(
        Product.PAPER, (1000, 360), (0, 40, 1000, 280), 5.0, 10.0, grounds[which], grounds[which], texture=0.3,
        case=grounds[which], rules=Rules.SQUARES, fine=fine, coarse=coarse,
        ink=((20, 20, 24), (30, 40, 120), (200, 30, 40))[int(rng.integers(3))], pen=float(rng.choice([1.6, 2.4])),
    )  # fmt: skip
