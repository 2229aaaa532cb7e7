"""Everything around the lanes, by product: bars, boxes, buttons, words; and the words that change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from PIL import ImageDraw, ImageFont

from tools.ecg_screens.looks import Look, Product, Rgb

GREY, DIM, PALE, HEART, DEEP = (200, 204, 210), (150, 156, 160), (220, 226, 232), (235, 60, 60), (30, 120, 210)


class Says(StrEnum):
    """What a word that changes says."""

    RATE = "heart rate"
    SATURATION = "oxygen saturation"
    CLOCK = "clock"
    ALARM = "alarm"
    HEART = "heart"
    LEFT = "seconds left"


@dataclass(frozen=True)
class Word:
    """A word that changes: where its left top stands, how high it is, and its colour."""

    says: Says
    x: int
    y: int
    size: int
    colour: Rgb


@lru_cache(maxsize=64)
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own font, which is everywhere the same."""
    return ImageFont.load_default(size)


def around(look: Look, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> tuple[Word, ...]:
    """Draw what is around the lanes; returns the words that change."""
    match look.product:
        case Product.BEDSIDE | Product.BOXED | Product.TRANSPORT | Product.AMBER:
            return _monitor(look, draw, rng)
        case Product.PHONE:
            return _phone(look, draw)
        case Product.WATCH:
            return _watch(look, draw)
        case Product.WINDOW:
            return _window(look, draw)
        case Product.HOLTER | Product.STATION | Product.SIMULATOR:
            return _program(look, draw, rng)
        case Product.TUBE | Product.LCD:
            return _handheld(look, draw)
        case Product.PAPER:
            return ()


def _monitor(look: Look, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> tuple[Word, ...]:
    """A bar with the patient's name, a column of numbers, keys at the foot; an amber tube knows one colour."""
    width, height = look.size
    column, small = look.lane[0] + look.lane[2] + 14, max(11, height // 42)
    block, first = (height * 5 // 6) // 4, height // 12
    amber = look.product is Product.AMBER

    def tint(colour: Rgb) -> Rgb:
        return look.ink if amber else colour

    draw.rectangle((0, 0, width, height), fill=look.case if look.product is Product.BOXED else look.ground)
    draw.rectangle((0, 0, width, height // 14), fill=(34, 22, 4) if amber else (30, 44, 70))
    draw.text((10, height // 60), "Bed 12   DOE, JANE   Adult", font=font(height // 30), fill=tint(PALE))
    for i, name in enumerate(("HR", "SpO2", "RESP", "NBP")):
        top = first + i * (height * 5 // 6) // 4
        if look.product is Product.BOXED:
            draw.rectangle((column, top, width - 6, top + height // 5 - 4), outline=(80, 96, 120), width=2)
        draw.text((column + 6, top + 3), name, font=font(small), fill=tint(DIM))
    at = (column + 10, height * 5 // 6 - height // 20)
    draw.text(at, "122/78 (93)", font=font(height // 18), fill=tint((240, 80, 160)))
    for i in range(7):
        left = 8 + i * (width - 16) // 7
        key = (left, height - height // 20, left + (width - 16) // 7 - 6, height - 4)
        draw.rectangle(key, fill=(40, 26, 4) if amber else (46, 56, 76))
    words = (
        Word(Says.RATE, column + 10, first + small + 4, height // 8, look.ink),
        Word(Says.SATURATION, column + 10, first + block + small + 4, height // 9, tint((70, 220, 245))),
        Word(Says.CLOCK, width - width // 8, height // 60, height // 30, tint(PALE)),
        Word(Says.HEART, column + height // 14, first + 4, height // 36, tint((240, 70, 70))),
    )
    alarm = Word(Says.ALARM, width // 3, height // 70, height // 28, (200, 30, 30))
    return (*words, alarm) if rng.random() < 0.5 else words


def _phone(look: Look, draw: ImageDraw.ImageDraw) -> tuple[Word, ...]:
    width, height = look.size
    light = sum(look.ground) > 380
    ink = (30, 34, 44) if light else (230, 232, 236)
    draw.rectangle((0, 0, width, 34), fill=(236, 238, 242) if light else (10, 10, 12))
    draw.text((width - 96, 6), "5G  84%", font=font(18), fill=DIM)
    draw.rounded_rectangle((60, height - 150, width - 60, height - 80), 30, fill=DEEP)
    draw.text((width // 2 - 50, height - 135), "Cancel", font=font(30), fill=(255, 255, 255))
    draw.text((40, 640), "Keep still, fingers on the pads", font=font(26), fill=ink)
    draw.text((150, 200), "BPM", font=font(30), fill=DIM)
    return (
        Word(Says.RATE, 40, 140, 90, ink),
        Word(Says.CLOCK, 16, 6, 20, DIM),
        Word(Says.LEFT, 380, 150, 60, DEEP),
        Word(Says.HEART, 220, 150, 40, HEART),
    )


def _watch(look: Look, draw: ImageDraw.ImageDraw) -> tuple[Word, ...]:
    width, height = look.size
    draw.rounded_rectangle((6, 6, width - 6, height - 6), 80, fill=(0, 0, 0))
    return (
        Word(Says.LEFT, 70, 60, 44, HEART),
        Word(Says.CLOCK, 300, 64, 30, (220, 220, 224)),
        Word(Says.RATE, 90, height - 130, 60, (235, 238, 240)),
        Word(Says.HEART, 40, height - 112, 36, HEART),
    )


def _handheld(look: Look, draw: ImageDraw.ImageDraw) -> tuple[Word, ...]:
    """A tube or an LCD in its case, and what it says below the curve."""
    width, height = look.size
    tube = look.product is Product.TUBE
    draw.rounded_rectangle((14, 14, width - 14, height - 14), 30 if tube else 6, fill=look.ground)
    draw.text((30, height - 70), "LEAD II   X1.0   DELAY", font=font(24), fill=look.ink)
    return (Word(Says.RATE, width - 200, 40, 54 if tube else 24, look.ink), Word(Says.HEART, 40, 40, 24, look.ink))


def _window(look: Look, draw: ImageDraw.ImageDraw) -> tuple[Word, ...]:
    """A small window on a desktop."""
    width, height = look.size
    x, y, wide, high = look.lane
    draw.rectangle((x - 8, y - 34, x + wide + 120, y + high + 12), fill=(232, 234, 238))
    draw.text((x, y - 28), "ECG Monitor - COM3", font=font(18), fill=(50, 54, 60))
    for i in range(3):
        draw.rectangle((x + wide + 40 + 26 * i, y - 28, x + wide + 58 + 26 * i, y - 12), fill=GREY)
    draw.rectangle((0, height - 40, width, height), fill=(28, 32, 44))
    return (
        Word(Says.RATE, x + wide + 20, y + 20, 44, (200, 40, 60)),
        Word(Says.CLOCK, width - 120, height - 32, 22, (230, 232, 236)),
    )


def _program(look: Look, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> tuple[Word, ...]:
    """A program that fills a computer's screen: bars, buttons, words."""
    width, height = look.size
    x, y, wide, high = look.lane
    text = (50, 54, 60)
    draw.rectangle((0, 0, width, 34), fill=(44, 62, 92) if look.product is not Product.SIMULATOR else (28, 110, 140))
    title = {Product.HOLTER: "Holter Review  -  24 h", Product.STATION: "Resting ECG  25 mm/s  10 mm/mV  0.05-150 Hz"}
    draw.text((14, 7), title.get(look.product, "ECG simulator"), font=font(18), fill=(240, 242, 246))
    if look.product is Product.HOLTER:
        for i in range(12):
            draw.rectangle((10 + 64 * i, 42, 66 + 64 * i, 70), fill=(238, 240, 244), outline=GREY)
        bars = rng.uniform(0.2, 1, 200)
        for i, bar in enumerate(bars):
            draw.line((70 + 5 * i, height - 20, 70 + 5 * i, height - 20 - int(60 * bar)), fill=(60, 120, 190))
        return (Word(Says.RATE, 1100, 100, 48, (30, 60, 140)), Word(Says.CLOCK, 1100, 50, 22, text))
    if look.product is Product.STATION:
        return (Word(Says.RATE, 1210, 60, 34, (180, 20, 30)), Word(Says.CLOCK, 1150, 8, 18, (240, 242, 246)))
    draw.rectangle((x - 10, y - 10, x + wide + 10, y + high + 10), outline=GREY, width=3)
    for i, name in enumerate(("Normal sinus", "AV block", "Atrial flutter", "Pacing", "Noise")):
        draw.rounded_rectangle((20, 80 + 60 * i, 150, 120 + 60 * i), 8, fill=(226, 232, 240))
        draw.text((30, 90 + 60 * i), name, font=font(16), fill=text)
    for i in range(6):
        draw.text(
            (180, 410 + 26 * i),
            "The P wave stands for the depolarisation of the atria, the QRS complex for that",
            font=font(18),
            fill=text,
        )
    return (
        Word(Says.RATE, x + wide + 40, y + 10, 60, (20, 140, 80)),
        Word(Says.HEART, x + wide + 40, y + 110, 36, (220, 50, 60)),
    )
