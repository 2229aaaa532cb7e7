"""Which seconds of the signal stand where, at a moment of the video. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Way(StrEnum):
    """How the curve moves over its lane."""

    SWEEP = "sweep"
    LEFT = "scroll to the left"
    RIGHT = "scroll to the right"
    PAGE = "pages"
    PAPER = "paper moved under the camera"


@dataclass(frozen=True)
class Movement:
    """Speed in mm/s, and what belongs to a way.

    `gap`: share of the lane that the erase bar leaves empty; `cursor`: a bright line at the pen; `every_s`: the glass
    is redrawn this often, 0 always; `whole`: scrolls move by whole pixels; `page_s`: pages change this often, 0: when
    one is full; `start`: share of the lane at which the first sweep begins; `pan`: seconds of paper per second of
    video; `wobble_s`: how unevenly, in seconds of paper.
    """

    way: Way = Way.SWEEP
    mm_per_s: float = 25.0
    gap: float = 0.04
    cursor: bool = False
    every_s: float = 0.0
    whole: bool = False
    page_s: float = 0.0
    pan: float = 1.0
    wobble_s: float = 0.0
    start: float = 0.3


@dataclass(frozen=True)
class Piece:
    """A stretch of signal, `first_s` to `last_s`; its first second stands at `x`; `speed` in px/s, below 0 leftward."""

    first_s: float
    last_s: float
    x: float
    speed: float

    def at(self, seconds: float) -> float:
        """Where that second stands, in pixels from the lane's left."""
        return self.x + self.speed * (seconds - self.first_s)


def drawn_until(movement: Movement, now: float, lap_s: float) -> float:
    """The newest second of signal that the glass shows at `now`. `lap_s`: how long a signal fills the lane."""
    match movement.way:
        case Way.PAGE:
            page = movement.page_s or lap_s
            return math.floor(now / page + 1e-9) * page
        case Way.PAPER:
            # Two slow waves, so that the hand is never still and never goes back far.
            wobble = math.sin(1.9 * now) + 0.6 * math.sin(4.3 * now + 1)
            return movement.pan * now + movement.wobble_s * (wobble - 0.6 * math.sin(1))
        case _:
            return math.floor(now / movement.every_s + 1e-9) * movement.every_s if movement.every_s else now


def pieces(movement: Movement, now: float, width: int, speed: float) -> tuple[Piece, ...]:
    """What stands on a lane `width` pixels wide at `now`, newest last. `speed`: px/s."""
    lap = width / speed
    newest = drawn_until(movement, now, lap)
    match movement.way:
        case Way.SWEEP:
            began = (math.floor(newest / lap + movement.start) - movement.start) * lap
            old = Piece(newest - lap * (1 - movement.gap), began, speed * (newest - began + lap * movement.gap), speed)
            new = Piece(began, newest, 0.0, speed)
            return (
                (old, new)
                if old.last_s > old.first_s
                else (Piece(max(began, old.first_s), newest, max(0.0, old.x - width), speed),)
            )
        case Way.RIGHT:
            return (Piece(newest - lap, newest, float(width), -speed),)
        case _:
            left = newest - lap
            if movement.whole:
                left = math.floor(left * speed) / speed
            return (Piece(left, newest, 0.0, speed),)


def kind(movement: Movement) -> str:
    """What a reader has to call it: `sweep` or `scroll`."""
    return "sweep" if movement.way is Way.SWEEP else "scroll"
