"""The glass at a moment: curves of a signal laid over the furniture of a look, where the movement puts them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tools.ecg_screens import furniture, ink, movement
from tools.ecg_screens.casings import Says, Word
from tools.ecg_screens.ink import Float64, Uint8
from tools.ecg_screens.looks import Box, Curve, Look, Product
from tools.ecg_screens.movement import Movement, Piece, Way
from tools.ecg_video.sources import Recording

BLINK_S = 0.12
ALARM_S = 0.5


class Display:
    """Draws `recording` from its second `start_s` on, which is the video's second 0.

    `baseline`: the height of 0 mV as a share of the lane, 0 at its foot.
    """

    def __init__(
        self, look: Look, move: Movement, recording: Recording, start_s: float, baseline: float, *, seed: int = 0
    ) -> None:
        self.look, self.move = look, move
        self.speed = move.mm_per_s * look.mm_px
        self.baseline = baseline
        rng = np.random.default_rng([seed, 31])
        self._rate, self._start = recording.rate, start_s
        self._beats = recording.beats_s - start_s
        sign = (-1.0 if look.inverted else 1.0) * look.weak
        self._leads = [sign * recording.samples]
        for lane in look.others:
            self._leads.append(_other(recording, lane.curve, lane.lead, sign, rng))
        self._still, self._words = furniture.still(look, rng)
        self._paper: Uint8 | None = None
        self._known: tuple[float, Uint8] | None = None

    @property
    def lap_s(self) -> float:
        """How many seconds of signal fill the lane."""
        return self.look.lane[2] / self.speed

    def truth(self, lead: int, first_s: float, last_s: float) -> Float64:
        """Lead `lead` as it is drawn, in mV, at the record's rate."""
        first, last = (round((self._start + s) * self._rate) for s in (first_s, last_s))
        return self._leads[lead][first:last]

    def height(self, millivolts: Float64 | float) -> Float64:
        """Row of a value of the first lead, in pixels from the lane's top."""
        return np.asarray(self.look.lane[3] * (1 - self.baseline) - np.asarray(millivolts) * self.look.pixels_per_mv)

    def frame(self, now: float) -> Uint8:
        """The glass at `now` [h, w, 3]."""
        newest = movement.drawn_until(self.move, now, self.lap_s)
        moment = newest if self.move.way is not Way.PAPER else now
        if self._known is None or self._known[0] != moment or self._words:
            curves = self._known[1] if self._known and self._known[0] == moment else self._drawn(now, newest)
            self._known = (moment, curves)
        glass = self._known[1].copy()
        for word in self._words:
            self._say(glass, word, now)
        return glass

    def _drawn(self, now: float, newest: float) -> Uint8:
        if self.move.way is Way.PAPER and self.look.product is Product.PAPER:
            return self._under_the_camera(newest)
        glass = self._still.copy()
        boxes = (self.look.lane, *(lane.box for lane in self.look.others))
        colours = (self.look.ink, *(lane.ink for lane in self.look.others))
        for lead, (box, colour) in enumerate(zip(boxes, colours, strict=True)):
            found = movement.pieces(self.move, now, box[2], self.speed)
            part = glass[box[1] : box[1] + box[3], box[0] : box[0] + box[2]]
            self._curve(part, lead, found, newest, colour)
            if self.move.cursor and self.move.way is Way.SWEEP:
                at = int(found[-1].at(found[-1].last_s))
                part[:, at + 2 : at + 4] = (230, 230, 120)
        return glass

    def _curve(
        self, part: Uint8, lead: int, found: tuple[Piece, ...], newest: float, colour: tuple[int, int, int]
    ) -> None:
        high, wide = part.shape[:2]
        curves = [self._points(lead, piece, high) for piece in found]
        # What is no ECG need not be fine.
        made_up = lead > 0 and self.look.others[lead - 1].curve is not Curve.ECG
        share = ink.cover(curves, wide, high, self.look.pen, self.look.jagged or made_up)
        aged = np.ones(wide, np.float32)
        if self.look.tail < 1:
            for piece in found:
                inside = (np.arange(wide) + 0.5 - piece.x) / piece.speed + piece.first_s
                here = (inside >= piece.first_s) & (inside <= piece.last_s)
                age = (newest - inside[here]) / self.lap_s
                aged[here] = np.clip(1 - (1 - self.look.tail) * age, 0, 1)
            share *= aged
        if self.look.fill:
            ink.lay(part, ink.under(curves, wide, high) * aged * self.look.fill, colour)
        if self.look.glow:
            ink.shine(part, ink.halo(share, 2.2 * self.look.pen) * self.look.glow, colour)
        ink.lay(part, share, colour)

    def _points(self, lead: int, piece: Piece, high: int) -> tuple[Float64, Float64]:
        """Pixels of a piece: every sample, and both ends in between."""
        first, last = ((self._start + s) * self._rate for s in (piece.first_s, piece.last_s))
        whole = np.arange(np.ceil(first), np.floor(last) + 1)
        steps = np.concatenate([[first], whole, [last]])
        values = np.interp(steps, np.arange(len(self._leads[lead])), self._leads[lead])
        xs = piece.x + piece.speed * (steps / self._rate - self._start - piece.first_s)
        if lead == 0:
            return xs, self.height(values)
        return xs, self._other_height(lead, values, high)

    def _other_height(self, lead: int, values: Float64, high: int) -> Float64:
        if self.look.others[lead - 1].curve is Curve.ECG:
            return high * 0.62 - (values - np.median(self._leads[lead])) * self.look.pixels_per_mv
        return high * (0.92 - 0.8 * values)

    def _under_the_camera(self, newest: float) -> Uint8:
        """Paper with everything printed on it, seen where its right edge is at second `newest`."""
        box = self.look.lane
        before = self.lap_s + 1.0
        if self._paper is None:
            self._paper = self._printed(box, before)
        left = (newest - self.lap_s + before) * self.speed
        whole = int(left)
        share = left - whole
        one, two = (self._paper[:, whole + i : whole + i + box[2]].astype(np.float32) for i in (0, 1))
        return (one * (1 - share) + two * share + 0.5).astype(np.uint8)

    def _printed(self, box: Box, before: float) -> Uint8:
        after = (len(self._leads[0]) / self._rate - self._start) - 0.05
        wide = int((before + after) * self.speed)
        long = replace(self.look, size=(wide, self.look.size[1]), lane=(0, box[1], wide, box[3]))
        paper, _ = furniture.still(long, np.random.default_rng(7))
        part = paper[box[1] : box[1] + box[3]]
        share = ink.cover(
            [self._points(0, Piece(-before, after, 0.0, self.speed), box[3])], wide, box[3], self.look.pen, False
        )
        ink.lay(part, share, self.look.ink)
        for at in range(0, wide, 600):
            note = Word(Says.CLOCK, at + 20, self.look.size[1] - 30, 16, (90, 90, 96))
            furniture.say(paper, note, "II   25 mm/s   10 mm/mV   50 Hz")
        return paper

    def _say(self, glass: Uint8, word: Word, now: float) -> None:
        past = self._beats[self._beats <= now]
        match word.says:
            case Says.RATE:
                rate = 60 / np.diff(past[-6:]).mean() if len(past) > 2 else 72.0
                furniture.say(glass, word, f"{rate:.0f}")
            case Says.SATURATION:
                furniture.say(glass, word, str(97 + int(now / 3) % 2))
            case Says.CLOCK:
                furniture.say(glass, word, f"14:{2 + int(now) // 60:02d}:{int(now) % 60:02d}")
            case Says.LEFT:
                furniture.say(glass, word, f"{30 - int(now):d} s")
            case Says.ALARM:
                if int(now / ALARM_S) % 2:
                    furniture.say(glass, word, "** HR HIGH **")
            case Says.HEART:
                if len(past) and now - past[-1] < BLINK_S:
                    furniture.say(glass, word, "+")


def _other(recording: Recording, curve: Curve, lead: int, sign: float, rng: np.random.Generator) -> Float64:
    """A lane's values: another lead in mV, or a made-up curve between 0 and 1."""
    times = np.arange(len(recording.samples)) / recording.rate
    match curve:
        case Curve.ECG:
            return sign * recording.lead(lead).samples
        case Curve.PLETH:
            beats = recording.beats_s if len(recording.beats_s) else np.arange(0.5, recording.duration_s, 0.8)
            # Each pulse outlasts the next beat: they add up, and none ends in a step.
            since = times[:, None] - beats[None, :] - 0.36
            pulse = np.exp(-0.5 * (since / 0.09) ** 2) + 0.4 * np.exp(-0.5 * ((since - 0.29) / 0.11) ** 2)
            return np.asarray(np.clip(0.1 + 0.75 * pulse.sum(axis=1), 0, 1))
        case Curve.BREATH:
            return np.asarray(0.5 + 0.35 * np.sin(2 * np.pi * 0.26 * times + rng.uniform(0, 6)))
        case Curve.CO2:
            # Up within 0.3 s, a plateau that rises a little, down again.
            breath = np.sin(2 * np.pi * 0.24 * times + rng.uniform(0, 6)) + 0.2
            return np.asarray(np.clip(2.2 * breath, 0, 0.75) + 0.08 * np.clip(breath, 0, 1))
