"""A video file as the reader looks at it: turned so that the screen stands upright, its decoding timed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from kit import video


@dataclass
class Stopwatch:
    """Seconds spent waiting for the decoder, apart from the reader's own."""

    decode_s: float = 0.0


@dataclass(frozen=True)
class Footage:
    """The video at `path`, whose header is known, turned by so many quarter `turns` counter-clockwise."""

    path: Path
    header: video.Header
    turns: int = 0
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def total_s(self) -> float:
        """How long the file says that it lasts; 0 where it does not say."""
        return self.header.duration_s or 0.0

    def turned(self, turns: int) -> Footage:
        """The same video, turned by so many quarter turns more."""
        return replace(self, turns=self.turns + turns)

    def frames(self) -> Iterator[video.Frame]:
        """Every frame in order. Raises `VideoError`."""
        return self._timed(video.frames(self.path))

    def spread(self, times_s: list[float]) -> Iterator[video.Frame]:
        """The key frames nearest before each time."""
        return self._timed(video.spread(self.path, times_s))

    def _timed(self, source: Iterator[video.Frame]) -> Iterator[video.Frame]:
        while True:
            started = time.perf_counter()
            frame = next(source, None)
            self.watch.decode_s += time.perf_counter() - started
            if frame is None:
                return
            yield frame.turned(self.turns) if self.turns else frame
