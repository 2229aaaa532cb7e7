"""`python -m tools.bench_ecg.speed`: what reading a video takes, stage by stage, in plain decodes of the same file.

A plain decode is PyAV's, every frame to RGB, with the same thread settings. Ratios, since machines differ.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "services" / "ray_serve"))  # the import root of the app, as on the box

import av  # noqa: E402

from apps.ecg_rhythm import analysis, overlay  # noqa: E402
from apps.ecg_rhythm.model import BeatClassifier  # noqa: E402
from tools.ecg_video import sources, video  # noqa: E402
from tools.ecg_video.settings import Camera, Encoding, Screen  # noqa: E402

PHONE = Camera(bezel=0.08, perspective=0.03, roll=1.0, shake=0.5, sway=0.05, noise=3.0, blur=0.5)


def main(arguments: list[str] | None = None) -> int:
    """Render, read, print. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_ecg.speed", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of the videos (default 30)")
    parser.add_argument("--height", type=int, default=720, help="720 or 1080 (default 720)")
    parser.add_argument("--minutes", type=float, default=0.0, help="also a 1080p video this long, for its peak memory")
    options = parser.parse_args(arguments)
    classifier = BeatClassifier.load(device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        print("| video | plain decode, s | decode | read | beats, classes | overlay | all, in plain decodes |")
        print("|---|---|---|---|---|---|---|")
        for name, screen, camera in (
            ("sweep", Screen(), Camera()),
            ("scroll", Screen(kind="scroll"), Camera()),
            ("filmed sweep", Screen(), PHONE),
        ):
            path = _rendered(Path(folder), name, screen, camera, options.height, options.seconds)
            if screen == Screen() and camera == Camera():
                analysis.analyse(path, device="cpu", classifier=classifier)  # what is loaded once counts for no video
            print(_row(name, path, classifier), flush=True)
        if options.minutes:
            path = _rendered(Path(folder), "long", Screen(fps=10.0), Camera(), 1080, 60 * options.minutes)
            # In a process of its own: rendering takes more memory than reading.
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
                before, after = apart.submit(_peaks, path).result()
            print(f"\npeak memory: {before:.0f} MB before, {after:.0f} MB after {options.minutes:g} min of 1080p")
    return 0


def _rendered(folder: Path, name: str, screen: Screen, camera: Camera, height: int, seconds: float) -> Path:
    scale = height / 720
    screen = replace(
        screen,
        width=round(1280 * scale),
        height=height,
        pixels_per_mm=6 * scale,
        erase_bar=round(36 * scale),
        margin_left=round(24 * scale),
        margin_right=round(220 * scale),
    )
    path = folder / f"{name.replace(' ', '-')}.mp4"
    video.render(path, sources.synthetic(seconds + 12, seed=2), seconds, screen, camera, Encoding(preset="veryfast"))
    return path


def _row(name: str, path: Path, classifier: BeatClassifier) -> str:
    started = time.perf_counter()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for picture in container.decode(video=0):
            picture.to_ndarray(format="rgb24")
    plain = time.perf_counter() - started
    started = time.perf_counter()
    found = analysis.analyse(path, device="cpu", classifier=classifier)
    result = found.to_result()
    read = time.perf_counter() - started
    overlay.draw(found.reading, result)
    whole = time.perf_counter() - started
    spent = found.reading.timings_s
    stages = (spent["decode"], spent["read"], spent["beats"] + spent["classify"], whole - read)
    shares = " | ".join(f"{seconds / plain:.2f}" for seconds in stages)
    return f"| {name} | {plain:.2f} | {shares} | {whole / plain:.2f} |"


def _peaks(path: Path) -> tuple[float, float]:
    """Peak memory of this process before and after reading the video, MB."""
    before = _peak_mb()
    analysis.read(path)
    return before, _peak_mb()


def _peak_mb() -> float:
    # Not getrusage: a process begins with the peak of the one that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    raise SystemExit(main())
