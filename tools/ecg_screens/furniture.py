"""The glass before any curve is drawn, and the words that change on it. Pillow draws it."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tools.ecg_screens import casings
from tools.ecg_screens.casings import Says, Word, font
from tools.ecg_screens.ink import Uint8
from tools.ecg_screens.looks import Box, Curve, Look, Product, Rgb, Rules


def still(look: Look, rng: np.random.Generator) -> tuple[Uint8, tuple[Word, ...]]:
    """The glass before any curve is drawn [h, w, 3], and the words that change on it."""
    picture = Image.new("RGB", look.size, look.case)
    if look.product is Product.WINDOW:
        picture = _wallpaper(look.size, rng)
    draw = ImageDraw.Draw(picture)
    words = casings.around(look, draw, rng)
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
