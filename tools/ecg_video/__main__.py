"""`python -m tools.ecg_video`: render videos with truth, and score a result against truth."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tools.ecg_video import paper, scoring, sources, video
from tools.ecg_video.screen import memory
from tools.ecg_video.settings import Camera, Encoding, Screen, paper_screen

_EXAMPLES = """\
examples:
  a clean sweep screen of a synthetic ECG, 10 s, and sweep.truth.json beside it
    python -m tools.ecg_video render sweep.mp4
  the same as a phone would film it, held upright
    python -m tools.ecg_video render phone.mp4 --bezel 0.1 --perspective 0.05 --shake 2 --noise 6 --rotation 90
  two leads that overlap, among numbers, at 240p and 80 kbit/s
    python -m tools.ecg_video render hard.mp4 --leads 2 --lead-overlap 0.5 --numbers --rows 240 --kbps 80
  black on pink paper, scrolling, as HEVC in a MOV
    python -m tools.ecg_video render paper.mov --theme paper --kind scroll --codec hevc
  five minutes of a real record, taken from SciPy's 1.11 wheel, from second 60 on
    python -m tools.ecg_video render real.mp4 --signal scipy-1.11.4-*.whl --start 60 --duration 24
  a strip of paper, 10 s long, over which the phone is moved by hand in 6 s
    python -m tools.ecg_video pan pan.mp4 --strip 10 --duration 6 --pulse start --perspective 0.03 --shake 0.4
  how well a result agrees with the truth
    python -m tools.ecg_video score result.json sweep.truth.json
"""


def main(arguments: list[str] | None = None) -> int:
    """Parse, do, print. Returns the exit code: 0 done, 2 wrong input."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.ecg_video",
        description="Videos of ECG monitors with truth beside them, and scores against truth.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    _render_options(
        commands.add_parser(
            "render",
            help="render a video",
            epilog=_EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    pan = commands.add_parser("pan", help="render a pan over a printed strip")
    _source_options(pan)
    pan.add_argument("--strip", type=float, default=10.0, help="seconds of ECG on the paper (default 10)")
    _number_options(
        pan, ("paper", paper.Sheet), ("hand", paper.Pan), ("camera (0: none)", Camera), ("encoding", Encoding)
    )
    score = commands.add_parser("score", help="score a result document against a truth document")
    score.add_argument("result", type=Path, help="result.json as the app gives it")
    score.add_argument("truth", type=Path, help="the .truth.json beside the video")
    options = parser.parse_args(arguments)
    try:
        if options.command == "render":
            _render(options)
        elif options.command == "pan":
            _pan(options)
        else:
            documents = [json.loads(path.read_text()) for path in (options.result, options.truth)]
            print(json.dumps(scoring.score(*documents), indent=2))
    except (OSError, ValueError, KeyError) as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 2
    return 0


def _render_options(parser: argparse.ArgumentParser) -> None:
    _source_options(parser)
    parser.add_argument("--theme", choices=("dark", "paper"), default="dark", help="colours to start from")
    _number_options(parser, ("screen", Screen), ("camera (0: none)", Camera), ("encoding", Encoding))


def _source_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("output", type=Path, help="the video, .mp4 or .mov; NAME.truth.json is written beside it")
    source = parser.add_argument_group("signal")
    source.add_argument("--signal", type=Path, help="SciPy 1.11 wheel, its ecg.dat, or a WFDB .hea; else synthetic")
    source.add_argument("--annotations", type=Path, help="208.atr, for the beats of SciPy's excerpt")
    source.add_argument("--start", type=float, default=0.0, help="second of the recording that the video begins at")
    source.add_argument("--duration", type=float, default=10.0, help="seconds of video (default 10)")
    source.add_argument("--bpm", type=float, default=72.0, help="heart rate of the synthetic signal")
    source.add_argument("--flat", action="store_true", help="a straight line instead of a signal")
    source.add_argument("--seed", type=int, default=0, help="seed of everything random (default 0)")


def _number_options(parser: argparse.ArgumentParser, *groups: tuple[str, type[Any]]) -> None:
    for title, kind in groups:
        group = parser.add_argument_group(title)
        for field in fields(kind):
            _option(group, field.name, field.default)


def _option(group: Any, name: str, default: Any) -> None:
    flag = "--" + name.replace("_", "-")
    choices: dict[str, tuple[Any, ...]] = {
        "kind": ("sweep", "scroll"),
        "second_curve": ("none", "pleth", "resp"),
        "codec": ("h264", "hevc"),
        "rotation": (0, 90, 180, 270),
        "pulse": ("none", "start", "end"),
    }
    if isinstance(default, bool):
        group.add_argument(flag, action=argparse.BooleanOptionalAction, help=f"default {default}")
    elif isinstance(default, tuple):
        group.add_argument(flag, type=_colour, metavar="R,G,B", help=f"default {','.join(map(str, default))}")
    else:
        group.add_argument(flag, type=type(default), choices=choices.get(name), help=f"default {default}")


def _colour(text: str) -> tuple[int, ...]:
    parts = tuple(int(part) for part in text.split(","))
    if len(parts) != 3 or not all(0 <= part <= 255 for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is no colour; write three numbers from 0 to 255, as 60,235,110")
    return parts


def _given(options: argparse.Namespace, kind: type[Any]) -> dict[str, Any]:
    values = vars(options)
    return {f.name: values[f.name] for f in fields(kind) if values[f.name] is not None}


def _render(options: argparse.Namespace) -> None:
    screen = replace(paper_screen() if options.theme == "paper" else Screen(), **_given(options, Screen))
    camera, encoding = Camera(**_given(options, Camera)), Encoding(**_given(options, Encoding))
    recording = _recording(options, options.duration + memory(screen), memory(screen))
    document = video.render(options.output, recording, options.duration, screen, camera, encoding, options.seed)
    _save(options, document)


def _pan(options: argparse.Namespace) -> None:
    sheet, pan = paper.Sheet(**_given(options, paper.Sheet)), paper.Pan(**_given(options, paper.Pan))
    camera, encoding = Camera(**_given(options, Camera)), Encoding(**_given(options, Encoding))
    recording = _recording(options, options.strip, 0.0)
    _save(
        options,
        paper.render(options.output, recording, options.duration, sheet, pan, camera, encoding, options.seed),
    )


def _recording(options: argparse.Namespace, length: float, before: float) -> sources.Recording:
    """`length` seconds of the signal asked for, of which `before` lie before the video."""
    if options.flat:
        return sources.flat(length + 0.1)
    if options.signal is None:
        return sources.synthetic(length + 0.1, bpm=options.bpm, seed=options.seed)
    if options.signal.suffix == ".hea":
        whole = sources.wfdb_record(options.signal.with_suffix(""))
    else:
        whole = sources.scipy_excerpt(options.signal, options.annotations)
    if options.start < before:
        raise ValueError(f"--start must be {before:.2f} or more: the first frame shows what came before")
    return whole.excerpt(options.start - before, length)


def _save(options: argparse.Namespace, document: dict[str, Any]) -> None:
    beside = options.output.with_suffix(".truth.json")
    video.save_truth(beside, document)
    size = options.output.stat().st_size / 1e6
    print(f"{options.output}  {size:.2f} MB, {options.duration:g} s, {len(document['beats'])} beats; truth: {beside}")


if __name__ == "__main__":
    raise SystemExit(main())
