"""The waves of a beat as plain data: where each begins, peaks and ends, or why that is not said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unmarked(StrEnum):
    """Why a wave has no marks."""

    NOT_SEEN = "not_seen"
    """The signal is good enough, and there is no such wave in the beat's span."""
    NOT_SURE = "not_sure"
    POOR_SIGNAL = "poor_signal"
    UNREAD = "unread"
    """In a gap, or cut by the waveform's end."""


@dataclass(frozen=True)
class Wave:
    """Seconds of the video's clock, and the mean probability that the network gave to the samples between."""

    onset_s: float
    peak_s: float
    offset_s: float
    probability: float


@dataclass(frozen=True)
class BeatWaves:
    """The waves of one beat; each is there, or the reason why not. The peak of `qrs` is the beat's R peak."""

    p: Wave | Unmarked
    qrs: Wave | Unmarked
    t: Wave | Unmarked

    @property
    def pr_s(self) -> float | None:
        """Seconds from the onset of P to that of QRS, where both are marked."""
        return self.qrs.onset_s - self.p.onset_s if isinstance(self.p, Wave) and isinstance(self.qrs, Wave) else None

    @property
    def qrs_s(self) -> float | None:
        """Seconds from onset to offset of QRS, where it is marked."""
        return self.qrs.offset_s - self.qrs.onset_s if isinstance(self.qrs, Wave) else None

    @property
    def qt_s(self) -> float | None:
        """Seconds from the onset of QRS to the offset of T, where both are marked."""
        return self.t.offset_s - self.qrs.onset_s if isinstance(self.t, Wave) and isinstance(self.qrs, Wave) else None
