"""`python -m tools.ecg_video.samples`: makes samples/ again from SciPy 1.11.4's wheel.

The signal is record 208 of the MIT-BIH Arrhythmia Database (ODC-BY 1.0), five minutes of which that wheel carries.
The beats are the record's reference annotations: read from 208.atr where that is given, else taken over from the
truth files that are there already.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tools.ecg_video import sources, video
from tools.ecg_video.screen import memory
from tools.ecg_video.settings import Encoding, Screen

ORIGIN = {
    "database": "MIT-BIH Arrhythmia Database, record 208, lead MLII, and its reference beat annotations",
    "licence": "Open Data Commons Attribution License v1.0 (ODC-BY 1.0)",
    "citation": "Moody GB, Mark RG. The impact of the MIT-BIH Arrhythmia Database. "
    "IEEE Eng in Med and Biol 20(3):45-50, 2001. PhysioNet, doi:10.13026/C2F305",
    "carried_by": "scipy/misc/ecg.dat in the wheel of SciPy 1.11.4",
}
DURATION_S = 24.0


@dataclass(frozen=True)
class Sample:
    """One video: the second of SciPy's excerpt that it begins at, chosen so that no beat lies on an edge."""

    name: str
    start_s: float
    screen: Screen


SAMPLES = (
    Sample("sweep", 156.55, Screen()),
    Sample(
        "scroll",
        227.05,
        Screen(kind="scroll", trace=(250, 214, 70), pixels_per_mm=7.0, second_curve="resp", title="BED 7   ADULT"),
    ),
)


def main(arguments: list[str] | None = None) -> int:
    """Write the videos and their truth. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.ecg_video.samples", description=__doc__)
    parser.add_argument("--signal", type=Path, help="SciPy 1.11.4 wheel or its ecg.dat; else pip downloads the wheel")
    parser.add_argument("--annotations", type=Path, help="208.atr of the MIT-BIH Arrhythmia Database (needs wfdb)")
    parser.add_argument("--output", type=Path, default=Path("samples"), help="folder to write (default samples)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        signal = options.signal or _download(Path(folder))
        recording = sources.scipy_excerpt(signal, options.annotations)
    options.output.mkdir(exist_ok=True)
    for sample in SAMPLES:
        make(sample, recording, options.output)
    return 0


def make(sample: Sample, recording: sources.Recording, folder: Path) -> None:
    """Render one sample and its truth into `folder`."""
    before = memory(sample.screen)
    beside = folder / f"{sample.name}.truth.json"
    part = recording.excerpt(sample.start_s - before, DURATION_S + before + 0.1)
    if len(part.beats_s) == 0:
        part = _with_known_beats(part, beside, before)
    output = folder / f"{sample.name}.mp4"
    document = video.render(output, part, DURATION_S, sample.screen, encoding=Encoding(crf=23))
    first = sources.SCIPY_START + round(sample.start_s * part.rate)
    document["origin"] = {**ORIGIN, "first_sample_of_record": first}
    # Beats before the video drive the screen's HR number and the pulse curve: kept, so that the pixels come out the
    # same without 208.atr.
    document["earlier_beats_s"] = [round(float(t - before), 4) for t in part.beats_s if t < before]
    video.save_truth(beside, document)
    print(f"{output}  {output.stat().st_size / 1e6:.2f} MB, {len(document['beats'])} beats", flush=True)


def _with_known_beats(part: sources.Recording, beside: Path, before: float) -> sources.Recording:
    known = json.loads(beside.read_text())
    earlier = np.array(known["earlier_beats_s"])
    later = np.array([beat["time_s"] for beat in known["beats"]])
    symbols = ("",) * len(earlier) + tuple(beat["symbol"] for beat in known["beats"])
    return replace(part, beats_s=np.concatenate([earlier, later]) + before, symbols=symbols)


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*command, "--dest", str(folder), "scipy==1.11.4"], check=True)
    return next(folder.glob("scipy-1.11.4-*.whl"))


if __name__ == "__main__":
    raise SystemExit(main())
