"""Where the signal comes from: SciPy's excerpt of MIT-BIH record 208, a WFDB record, or a synthetic one."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

SCIPY_RATE = 360.0
SCIPY_START = 422_820
"""Sample of record 208 at which SciPy's excerpt begins (19:34.5): found by matching all 108,000 samples."""

SCIPY_MEMBER = "scipy/misc/ecg.dat"


@dataclass(frozen=True)
class Recording:
    """A signal in mV at `rate` Hz, its reference beats in seconds, and their annotation symbols (may be empty).

    `others`: the same seconds in further leads.
    """

    rate: float
    samples: Float64
    beats_s: Float64
    symbols: tuple[str, ...] = ()
    others: tuple[Float64, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate

    def at(self, times: Float64) -> Float64:
        """The signal in mV at `times` (seconds), straight lines between samples, NaN outside."""
        grid = np.arange(len(self.samples)) / self.rate
        return np.interp(times, grid, self.samples, left=np.nan, right=np.nan)

    def lead(self, index: int) -> Recording:
        """Lead `index`; one that was not recorded is the last one, weaker and upside down."""
        if index == 0:
            return self
        there = index <= len(self.others)
        samples = self.others[index - 1] if there else -0.6 * self.lead(index - 1).samples
        return replace(self, samples=samples, others=())

    def excerpt(self, start_s: float, duration_s: float) -> Recording:
        """The part from `start_s` on, with times counted from there."""
        first, last = round(start_s * self.rate), round((start_s + duration_s) * self.rate)
        inside = (self.beats_s >= start_s) & (self.beats_s < start_s + duration_s)
        symbols = tuple(s for s, keep in zip(self.symbols, inside, strict=False) if keep)
        others = tuple(other[first:last] for other in self.others)
        return Recording(self.rate, self.samples[first:last], self.beats_s[inside] - start_s, symbols, others)


def scipy_excerpt(source: Path, annotations: Path | None = None) -> Recording:
    """Five minutes of record 208 from a SciPy 1.11 wheel (`.whl`) or from the `ecg.dat` inside it.

    `annotations`: the record's `208.atr`, whose beats inside the excerpt become the truth; needs `wfdb`.
    """
    data = zipfile.ZipFile(source).read(SCIPY_MEMBER) if source.suffix == ".whl" else source.read_bytes()
    raw = np.load(io.BytesIO(data))["ecg"].astype(np.float64)
    samples = (raw - 1024.0) / 200.0  # the record's own offset and gain
    if annotations is None:
        return Recording(SCIPY_RATE, samples, np.zeros(0))
    beats, symbols = _annotated_beats(annotations)
    inside = (beats >= SCIPY_START) & (beats < SCIPY_START + len(samples))
    kept = tuple(s for s, keep in zip(symbols, inside, strict=True) if keep)
    return Recording(SCIPY_RATE, samples, (beats[inside] - SCIPY_START) / SCIPY_RATE, kept)


def wfdb_record(record: Path, channel: int = 0) -> Recording:
    """A WFDB record with its `.atr` where there is one, named without suffix, as `.../mitdb/100`; needs `wfdb`."""
    import wfdb

    read = wfdb.rdrecord(str(record))
    leads = [np.nan_to_num(lead) for lead in read.p_signal.T]
    beats, symbols = np.zeros(0), tuple[str, ...]()
    if record.with_suffix(".atr").exists():
        beats, symbols = _annotated_beats(record.with_suffix(".atr"))
    others = tuple(lead for index, lead in enumerate(leads) if index != channel)
    return Recording(float(read.fs), leads[channel], beats / float(read.fs), symbols, others)


BEAT_SYMBOLS = frozenset("NLRBAaJSVrFejnE/fQ?")


def _annotated_beats(path: Path) -> tuple[Float64, tuple[str, ...]]:
    import wfdb

    marks = wfdb.rdann(str(path.with_suffix("")), "atr")
    beat = np.array([symbol in BEAT_SYMBOLS for symbol in marks.symbol])
    symbols = tuple(s for s, keep in zip(marks.symbol, beat, strict=True) if keep)
    return np.asarray(marks.sample, np.float64)[beat], symbols


def synthetic(duration_s: float, *, bpm: float = 72.0, seed: int = 0, rate: float = 360.0) -> Recording:
    """A made-up ECG of Gaussian waves with respiratory wander: for tests that need truth and no data.

    Waves after McSharry et al., IEEE TBME 50:289-294, 2003 (amplitudes and widths rounded).
    """
    rng = np.random.default_rng(seed)
    rr = 60.0 / bpm * (1.0 + 0.03 * rng.standard_normal(int(duration_s * bpm / 60) + 8))
    beats = np.cumsum(rr) - rr[0] * 0.6
    beats = beats[(beats > 0.1) & (beats < duration_s - 0.1)]
    times = np.arange(round(duration_s * rate)) / rate
    samples = 0.06 * np.sin(2 * np.pi * 0.22 * times + rng.uniform(0, 6))
    waves = ((0.12, -0.17, 0.025), (-0.12, -0.028, 0.009), (1.15, 0.0, 0.011), (-0.22, 0.03, 0.010), (0.28, 0.26, 0.05))
    for amplitude, delay, width in waves:
        distance = times[:, None] - (beats[None, :] + delay)
        samples += (amplitude * np.exp(-0.5 * (distance / width) ** 2)).sum(axis=1)
    return Recording(rate, samples, beats, ("N",) * len(beats))


def flat(duration_s: float, rate: float = 360.0) -> Recording:
    """A straight line: asystole, or a lead that fell off."""
    return Recording(rate, np.zeros(round(duration_s * rate)), np.zeros(0))
