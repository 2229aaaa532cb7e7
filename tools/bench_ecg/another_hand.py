"""`python -m tools.bench_ecg.another_hand`: how the reader reads screens that another hand drew (tools.ecg_screens).

Films of the patients to work with, in groups by what is special about them; read blind, scored as `trials` does, and
beside it at whatever shift in time fits best, which tells a wrong clock from a wrong curve; paper at that shift alone.
Resumable: what was read is kept under .local/another_hand until the renderer or the reader changes, and so are the
videos.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services" / "ray_serve"))  # the import root of the app, as on the box

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from apps.ecg_rhythm import analysis  # noqa: E402
from apps.ecg_rhythm.reading import DisplayKind  # noqa: E402
from kit.contract import AppError  # noqa: E402
from tools import ecg_screens  # noqa: E402
from tools.bench_ecg import figures, patients, trials  # noqa: E402
from tools.bench_ecg.patients import Patient  # noqa: E402
from tools.ecg_screens import draws, films  # noqa: E402
from tools.ecg_screens.draws import Factor  # noqa: E402
from tools.ecg_train import card  # noqa: E402
from tools.ecg_video import scoring  # noqa: E402

SECONDS = 8.0
GOOD_DB = 10.0
"""Below this a reading is counted as bad: a tenth of the energy is wrong."""
ANY_SHIFT_S = 2.5
BLOCK = "another-hand"


@dataclass(frozen=True)
class Outcome:
    """One film as read. `refused`: the code, with no figures then; `anywhere_db`: SNR at the best of all shifts."""

    factor: str
    seed: int
    special: str
    patient: str
    file: str
    ceiling_db: float
    refused: str = ""
    snr_db: float | None = None
    anywhere_db: float | None = None
    shift_s: float = 0.0
    calibrated: bool = False
    kind_right: bool = False
    quality: float = 0.0
    f1: float | None = None
    beats: tuple[int, int] = (0, 0)
    findings: tuple[str, ...] = ()

    @property
    def counted_db(self) -> float:
        """SNR, a refusal as what it counts."""
        return figures.REFUSED_DB if self.snr_db is None else self.snr_db

    @property
    def silently_bad(self) -> bool:
        """Read, wrong, and no finding says that it is doubtful."""
        return self.snr_db is not None and self.snr_db < GOOD_DB and not self.findings


def main(arguments: list[str] | None = None) -> int:
    """Render, read, print. Returns the exit code: 0 done, 2 no data."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_ecg.another_hand", description=__doc__)
    default = Path(os.environ.get("ECG_DATA_DIR", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=default, help="folder with mitdb/ and cinc2017/ ($ECG_DATA_DIR)")
    parser.add_argument("--made-up", action="store_true", help="made-up signals: runs without data, and proves nothing")
    parser.add_argument("--count", type=int, default=14, help="films a group (default 14)")
    parser.add_argument("--seed", type=int, default=0, help="seed of each group's first film")
    parser.add_argument("--only", nargs="*", choices=[str(f) for f in Factor], default=(), help="groups")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/accuracy.md")
    options = parser.parse_args(arguments)
    data = None if options.made_up else options.data
    if data is not None and not (data / "mitdb").is_dir():
        print(f"no records at {data}: set ECG_DATA_DIR, or try the tool with --made-up", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    people = [p for p in patients.load(data, report=False) if p.beats]
    kept = ROOT / ".local" / "another_hand" / ("made-up" if data is None else "work")
    factors = [factor for factor in Factor if not options.only or str(factor) in options.only]
    started = time.monotonic()
    found: list[Outcome] = []
    # In turns, so that a run that is broken off has seen every group.
    for seed in range(options.seed, options.seed + options.count):
        for factor in factors:
            outcome = trial(factor, seed, people[(seed * len(Factor) + len(factor)) % len(people)], kept)
            found.append(outcome)
            print(line(outcome), flush=True)
    text = document(found)
    print(f"\n{len(found)} films in {time.monotonic() - started:.0f} s\n\n{text}")
    if options.write:
        accuracy = ROOT / "docs" / "accuracy.md"
        accuracy.write_text(card.placed(accuracy.read_text(), BLOCK, text))
    return 0


def trial(factor: Factor, seed: int, patient: Patient, folder: Path) -> Outcome:
    """The film drawn, read and scored, from notes of an earlier run where nothing has changed."""
    film = draws.film(factor, seed)
    start_s = draws.start(film, patient.recording.duration_s, SECONDS)
    digest = _digest(repr((film, patient.name, start_s, SECONDS)))
    path = folder / f"{factor}-{seed:03d}-{digest}{film.file.kind.suffix}"
    folder.mkdir(parents=True, exist_ok=True)
    if not path.with_suffix(".truth.json").exists():
        path.with_suffix(".truth.json").write_text(
            json.dumps(films.render(path, film, patient.recording, start_s, SECONDS))
        )
    note = folder / f"{path.stem}-{trials.reader(Path(__file__), Path(scoring.__file__))}.json"
    if note.exists():
        known = json.loads(note.read_text())
        return Outcome(**{**known, "beats": tuple(known["beats"]), "findings": tuple(known["findings"])})
    truth = json.loads(path.with_suffix(".truth.json").read_text())
    outcome = score(
        path, truth, {"factor": str(factor), "seed": seed, "special": film.special, "patient": patient.name}
    )
    note.write_text(json.dumps(asdict(outcome)))
    return outcome


def score(path: Path, truth: dict[str, Any], known: dict[str, Any]) -> Outcome:
    """Read the video at `path`, blind, and hold it against `truth`."""
    leads = [np.array(lead) for lead in (truth["samples"], *truth["other_leads"])]
    times = np.arange(len(leads[0])) / truth["sampling_rate_hz"]
    speed = truth["geometry"]["video_pixels_per_second"]
    known = {**known, "file": path.name, "ceiling_db": trials.ceiling(times, leads[0], speed)}
    try:
        reading = analysis.read(path)
    except AppError as refusal:
        return Outcome(**known, refused=str(refusal.code))
    wave = reading.waveform
    read_s = wave.start_s + np.arange(len(wave.samples)) / wave.sampling_rate_hz
    read = wave.samples.astype(np.float64)

    def best(reach: float) -> tuple[float, float]:
        calibrated = wave.amplitude_calibrated
        return max(
            scoring.snr_db(read_s, read, times, lead, calibrated=calibrated, max_shift_s=reach) for lead in leads
        )

    beats = np.array([beat["time_s"] for beat in truth["beats"]])
    found_s = reading.beats_s
    on_paper = truth["paper"] and reading.display.kind is DisplayKind.PAPER
    if on_paper:
        # A strip's clock begins where its trace does, with what the picture showed before the film began.
        earlier = max(float(read_s[-1] - times[-1]), 0.0) / 2
        read_s = read_s - earlier
        near = anywhere = best(earlier + trials.PAPER_SHIFT_S)
        found_s = found_s - earlier - near[1]
        found_s = found_s[(found_s > -scoring.BEAT_TOLERANCE_S) & (found_s < times[-1] + scoring.BEAT_TOLERANCE_S)]
    else:
        near, anywhere = best(trials.SHIFT_S), best(ANY_SHIFT_S)
    return Outcome(
        **known,
        snr_db=near[0],
        anywhere_db=anywhere[0],
        shift_s=anywhere[1],
        calibrated=wave.amplitude_calibrated,
        kind_right=on_paper or reading.display.kind.value == truth["geometry"]["kind"],
        quality=reading.quality.signal_quality,
        f1=scoring.beat_f1(found_s, beats)["f1"],
        beats=(len(found_s), len(beats)),
        findings=tuple(str(finding) for finding in reading.findings),
    )


def line(outcome: Outcome) -> str:
    """One film for the terminal."""
    said = f"refused: {outcome.refused}"
    if outcome.snr_db is not None:
        found, true = outcome.beats
        said = (
            f"{outcome.snr_db:5.1f} dB, ceiling {outcome.ceiling_db:.1f}; "
            f"{outcome.anywhere_db:.1f} at {outcome.shift_s:+.2f} s; F1 {outcome.f1:.2f} ({found} of {true}); "
            f"quality {outcome.quality:.2f}{'' if outcome.kind_right else '; WRONG KIND'}"
            f"{'; calibrated' if outcome.calibrated else ''}{''.join(f'; {finding}' for finding in outcome.findings)}"
        )
    return f"{outcome.factor:8} {outcome.seed:3d}  {said}  [{outcome.special}; {outcome.patient}]"


def document(found: list[Outcome]) -> str:
    """The tables of docs/accuracy.md."""
    lines = [
        "| special | films | SNR, dB | quartiles | R peaks: F1, mean | refused | kind told | bad, and not said |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for factor in Factor:
        mine = [o for o in found if o.factor == factor]
        if not mine:
            continue
        spread = figures.spread([o.counted_db for o in mine])
        read = [o for o in mine if not o.refused]
        codes = sorted({o.refused for o in mine if o.refused})
        refused = ", ".join(f"{sum(o.refused == code for o in mine)} `{code}`" for code in codes) or "0"
        beats = figures.mean_of([o.f1 or 0.0 for o in mine])
        lines.append(
            f"| {factor} | {len(mine)} | {spread.median:.1f} | {spread.quartiles[0]:.1f} to {spread.quartiles[1]:.1f} "
            f"| {beats:.3f} | {refused} | {sum(o.kind_right for o in read)} of {len(read)} "
            f"| {sum(o.silently_bad for o in mine)} |"
        )
    worst = sorted(found, key=lambda o: o.counted_db)[:12]
    lines += ["", "| worst 12 | seed | what it is | SNR, dB | findings |", "|---|---|---|---|---|"]
    for o in worst:
        figure = f"refused: {o.refused}" if o.refused else f"{o.snr_db:.1f}"
        lines.append(f"| {o.factor} | {o.seed} | {o.special} | {figure} | {', '.join(o.findings)} |")
    people = len({o.patient for o in found})
    return (
        f"{people} patients, {SECONDS:g} s a film, a refusal counted as {figures.REFUSED_DB:g} dB; bad and not said: "
        f"below {GOOD_DB:g} dB, and no finding says that it is doubtful.\n\n" + "\n".join(lines)
    )


def _digest(made_of: str) -> str:
    files = sorted(Path(ecg_screens.__file__).parent.glob("*.py"))
    code = b"".join(file.read_bytes() for file in files if file.name != "__main__.py")
    return hashlib.sha256(made_of.encode() + code).hexdigest()[:10]


if __name__ == "__main__":
    raise SystemExit(main())
