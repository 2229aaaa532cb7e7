"""What else is on the glass: bars, boxes and words that stay, and words that change. Pillow draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tools.ecg_screens.ink import Uint8
from tools.ecg_screens.looks import Box, Curve, Look, Product, Rgb, Rules


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


def still(look: Look, rng: np.random.Generator) -> tuple[Uint8, tuple[Word, ...]]:
    """The glass before any curve is drawn [h, w, 3], and the words that change on it."""
    picture = Image.new("RGB", look.size, look.case)
    if look.product is Product.WINDOW:
        picture = _wallpaper(look.size, rng)
    draw = ImageDraw.Draw(picture)
    words = _around(look, draw, rng)
    glass = np.array(picture)
    for box in (look.lane, *(lane.box for lane in look.others)):
        _lane(look, glass, box, rng)
    picture = Image.fromarray(glass)
    draw = ImageDraw.Draw(picture)
    names = {Curve.PLETH: "Pleth", Curve.BREATH: "Resp", Curve.CO2: "CO2"}
    leads = iter(("V1", "III", "aVR", "V5"))
    titles = ["II", *(names.get(lane.curve) or next(leads) for lane in look.others)]
    for name, box in zip(titles, (look.lane, *(lane.box for lane in look.others)), strict=True):
        ink = look.ink if look.product is not Product.PAPER else (90, 90, 90)
        draw.text((box[0] + 6, box[1] + 2), name, font=font(max(11, look.size[1] // 40)), fill=ink)
    return np.array(picture), words


def say(glass: Uint8, word: Word, text: str) -> None:
    """Write `text` where `word` stands, in place."""
    wide, high = int(word.size * max(len(text), 1) * 0.75) + 4, int(word.size * 1.4)
    part = glass[word.y : word.y + high, word.x : word.x + wide]
    if part.size == 0:
        return
    picture = Image.fromarray(part)
    draw = ImageDraw.Draw(picture)
    if word.says is Says.HEART:
        _heart(draw, word.size, word.colour)
    elif word.says is Says.ALARM:
        draw.rectangle((0, 0, wide, high), fill=word.colour)
        draw.text((4, high // 8), text, font=font(word.size), fill=(255, 255, 255))
    else:
        draw.text((0, 0), text, font=font(word.size), fill=word.colour)
    part[:] = np.asarray(picture)


def _heart(draw: ImageDraw.ImageDraw, size: int, colour: Rgb) -> None:
    half = size / 2
    draw.ellipse((0, 0, half, half), fill=colour)
    draw.ellipse((half, 0, size, half), fill=colour)
    draw.polygon([(0, half * 0.62), (size, half * 0.62), (half, size)], fill=colour)


def _lane(look: Look, glass: Uint8, box: Box, rng: np.random.Generator) -> None:
    """Ground and rules of a lane, in place."""
    x, y, wide, high = box
    slope = np.linspace(0, 1, high)[:, None, None]
    part = np.asarray(look.ground) * (1 - slope) + np.asarray(look.below) * slope + np.zeros((1, wide, 1))
    if look.texture and look.product is not Product.WINDOW:
        grain = np.asarray(
            Image.fromarray(rng.integers(0, 256, (high // 3 + 1, wide // 3 + 1), np.uint8)).resize((wide, high))
        )
        part += (grain[..., None].astype(float) - 128) * 0.08 * look.texture
    picture = Image.fromarray(np.clip(part, 0, 255).astype(np.uint8))
    rule(look, ImageDraw.Draw(picture), wide, high)
    glass[y : y + high, x : x + wide] = np.asarray(picture)


def rule(look: Look, draw: ImageDraw.ImageDraw, wide: int, high: int) -> None:
    """The grid: millimetres are `look.mm_px` wide, coarse squares five of them."""
    small, large = look.mm_px, 5 * look.mm_px
    match look.rules:
        case Rules.NONE:
            return
        case Rules.DOTS:
            for across in np.arange(0, wide, large):
                for down in np.arange(0, high, large):
                    draw.point((round(across), round(down)), fill=look.coarse)
        case Rules.LINES:
            for down in np.arange(0, high, large):
                draw.line((0, round(down), wide, round(down)), fill=look.coarse)
        case Rules.SQUARES | Rules.COARSE:
            for step, colour in ((small, look.fine), (large, look.coarse)):
                if step == small and look.rules is Rules.COARSE:
                    continue
                for across in np.arange(0, wide, step):
                    draw.line((round(across), 0, round(across), high), fill=colour)
                for down in np.arange(0, high, step):
                    draw.line((0, round(down), wide, round(down)), fill=colour)


def _wallpaper(size: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    """Something like a photograph: clouds of colour, hills, grain."""
    width, height = size
    clouds = Image.fromarray(rng.integers(0, 256, (9, 16, 3), np.uint8)).resize(size, Image.Resampling.BICUBIC)
    sky = Image.new("RGB", size, (90, 140, 200))
    picture = Image.blend(sky, clouds, 0.35)
    draw = ImageDraw.Draw(picture)
    for depth in range(3):
        ridge = height * (0.5 + 0.15 * depth) + np.cumsum(rng.normal(0, 6, 33))
        outline = [(width * i / 32, float(v)) for i, v in enumerate(ridge)]
        draw.polygon([(0, height), *outline, (width, height)], fill=(50 - 10 * depth, 90 - 18 * depth, 60 - 10 * depth))
    grain = np.asarray(picture.filter(ImageFilter.GaussianBlur(1)), np.int16) + rng.integers(-9, 10, (height, width, 1))
    return Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))


def _around(look: Look, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> tuple[Word, ...]:
    """Everything outside the lanes, by product."""
    width, height = look.size
    column = look.lane[0] + look.lane[2] + 14
    dim, small = (150, 156, 160), max(11, height // 42)
    match look.product:
        case Product.BEDSIDE | Product.BOXED | Product.TRANSPORT | Product.AMBER:
            amber = look.product is Product.AMBER
            draw.rectangle((0, 0, width, height), fill=look.ground if look.product is not Product.BOXED else look.case)
            draw.rectangle((0, 0, width, height // 14), fill=(34, 22, 4) if amber else (30, 44, 70))
            draw.text(
                (10, height // 60),
                "Bed 12   DOE, JANE   Adult",
                font=font(height // 30),
                fill=look.ink if amber else (220, 226, 232),
            )
            for i in range(4):
                top = height // 12 + i * (height * 5 // 6) // 4
                if look.product is Product.BOXED:
                    draw.rectangle((column, top, width - 6, top + height // 5 - 4), outline=(80, 96, 120), width=2)
                draw.text(
                    (column + 6, top + 3),
                    ("HR", "SpO2", "RESP", "NBP")[i],
                    font=font(small),
                    fill=dim if not amber else look.ink,
                )
            draw.text(
                (column + 10, height * 5 // 6 - height // 20),
                "122/78 (93)",
                font=font(height // 18),
                fill=(240, 80, 160) if not amber else look.ink,
            )
            for i in range(7):
                left = 8 + i * (width - 16) // 7
                draw.rectangle(
                    (left, height - height // 20, left + (width - 16) // 7 - 6, height - 4),
                    fill=(46, 56, 76) if not amber else (40, 26, 4),
                )
            words = [
                Word(Says.RATE, column + 10, height // 12 + small + 4, height // 8, look.ink),
                Word(
                    Says.SATURATION,
                    column + 10,
                    height // 12 + (height * 5 // 6) // 4 + small + 4,
                    height // 9,
                    look.ink if amber else (70, 220, 245),
                ),
                Word(
                    Says.CLOCK,
                    width - width // 8,
                    height // 60,
                    height // 30,
                    (220, 226, 232) if not amber else look.ink,
                ),
                Word(
                    Says.HEART,
                    column + height // 14,
                    height // 12 + 4,
                    height // 36,
                    (240, 70, 70) if not amber else look.ink,
                ),
            ]
            if rng.random() < 0.5:
                words.append(Word(Says.ALARM, width // 3, height // 70, height // 28, (200, 30, 30)))
            return tuple(words)
        case Product.PHONE | Product.WATCH:
            ink = (30, 34, 44) if sum(look.ground) > 380 else (230, 232, 236)
            if look.product is Product.WATCH:
                draw.rounded_rectangle((6, 6, width - 6, height - 6), 80, fill=(0, 0, 0))
                return (
                    Word(Says.LEFT, 70, 60, 44, (235, 60, 60)),
                    Word(Says.CLOCK, 300, 64, 30, (220, 220, 224)),
                    Word(Says.RATE, 90, height - 130, 60, (235, 238, 240)),
                    Word(Says.HEART, 40, height - 112, 36, (235, 60, 60)),
                )
            draw.rectangle((0, 0, width, 34), fill=(10, 10, 12) if sum(look.ground) < 380 else (236, 238, 242))
            draw.text((width - 96, 6), "5G  84%", font=font(18), fill=dim)
            draw.rounded_rectangle((60, height - 150, width - 60, height - 80), 30, fill=(30, 120, 210))
            draw.text((width // 2 - 50, height - 135), "Cancel", font=font(30), fill=(255, 255, 255))
            draw.text((40, 640), "Keep still, fingers on the pads", font=font(26), fill=ink)
            draw.text((150, 200), "BPM", font=font(30), fill=dim)
            return (
                Word(Says.RATE, 40, 140, 90, ink),
                Word(Says.CLOCK, 16, 6, 20, dim),
                Word(Says.LEFT, 380, 150, 60, (30, 120, 210)),
                Word(Says.HEART, 220, 150, 40, (235, 60, 60)),
            )
        case Product.HOLTER | Product.STATION | Product.SIMULATOR | Product.WINDOW:
            return _desk(look, draw, rng)
        case Product.TUBE | Product.LCD:
            draw.rounded_rectangle(
                (14, 14, width - 14, height - 14), 30 if look.product is Product.TUBE else 6, fill=look.ground
            )
            draw.text((30, height - 70), "LEAD II   X1.0   DELAY", font=font(24), fill=look.ink)
            return (
                Word(Says.RATE, width - 200, 40, 54 if look.product is Product.TUBE else 24, look.ink),
                Word(Says.HEART, 40, 40, 24, look.ink),
            )
        case Product.PAPER:
            return ()


def _desk(look: Look, draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> tuple[Word, ...]:
    """A program on a computer: its window, bars, buttons, words."""
    width, height = look.size
    x, y, wide, high = look.lane
    grey, text = (200, 204, 210), (50, 54, 60)
    if look.product is Product.WINDOW:
        draw.rectangle((x - 8, y - 34, x + wide + 120, y + high + 12), fill=(232, 234, 238))
        draw.text((x, y - 28), "ECG Monitor - COM3", font=font(18), fill=text)
        for i in range(3):
            draw.rectangle((x + wide + 40 + 26 * i, y - 28, x + wide + 58 + 26 * i, y - 12), fill=grey)
        draw.rectangle((0, height - 40, width, height), fill=(28, 32, 44))
        return (
            Word(Says.RATE, x + wide + 20, y + 20, 44, (200, 40, 60)),
            Word(Says.CLOCK, width - 120, height - 32, 22, (230, 232, 236)),
        )
    draw.rectangle((0, 0, width, 34), fill=(44, 62, 92) if look.product is not Product.SIMULATOR else (28, 110, 140))
    title = {Product.HOLTER: "Holter Review  -  24 h", Product.STATION: "Resting ECG  25 mm/s  10 mm/mV  0.05-150 Hz"}
    draw.text((14, 7), title.get(look.product, "ECG simulator"), font=font(18), fill=(240, 242, 246))
    if look.product is Product.HOLTER:
        for i in range(12):
            draw.rectangle((10 + 64 * i, 42, 66 + 64 * i, 70), fill=(238, 240, 244), outline=grey)
        bars = rng.uniform(0.2, 1, 200)
        for i, bar in enumerate(bars):
            draw.line((70 + 5 * i, height - 20, 70 + 5 * i, height - 20 - int(60 * bar)), fill=(60, 120, 190))
        return (Word(Says.RATE, 1100, 100, 48, (30, 60, 140)), Word(Says.CLOCK, 1100, 50, 22, text))
    if look.product is Product.STATION:
        return (Word(Says.RATE, 1210, 60, 34, (180, 20, 30)), Word(Says.CLOCK, 1150, 8, 18, (240, 242, 246)))
    draw.rectangle((x - 10, y - 10, x + wide + 10, y + high + 10), outline=grey, width=3)
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
