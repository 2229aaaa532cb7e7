"""A result beside the truth, for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def scorecard(result: Mapping[str, Any], score: Mapping[str, Any], truth: Mapping[str, Any]) -> RenderableType:
    """What was read off the sample, against what was rendered into it."""
    beats = score["beats"]
    rate = result["heart_rate_bpm"]
    wave = result["waveform"]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("")
    table.add_column("read", justify="right")
    table.add_column("against truth", justify="right")
    table.add_row(
        "heart rate", f"{rate['mean']:.1f} bpm" if rate else "none", f"off by {score['heart_rate_error_bpm']} bpm"
    )
    table.add_row(
        "beats",
        str(len(result["beats"])),
        f"{beats['matched']} of {beats['true']} matched, F1 {beats['f1']:.3f}, {beats['timing_error_ms']:.1f} ms off",
    )
    unit = wave["unit"] if wave["amplitude_calibrated"] else "not calibrated"
    table.add_row("waveform", f"{len(wave['samples'])} samples, {unit}", f"SNR {score['snr_db']:.1f} dB")
    table.add_row("classes", _classes(result["beats"]), _truth_classes(truth["beats"]))
    if "rhythm" in result:  # results of older versions lack it
        table.add_row("rhythm", *_rhythm(result["rhythm"]))
        measured = [result["intervals"][name]["value"] for name in ("pr", "qrs", "qtc")]
        table.add_row("PR, QRS, QTc", ", ".join("none" if v is None else f"{v:.0f} ms" for v in measured), "")
    quality = result["quality"]
    table.add_row("quality", f"{quality['signal_quality']:.2f}", f"{quality['readable_share']:.0%} readable")
    return Group(
        table,
        Text(
            "These figures show that the pipeline works. They are not its accuracy: the sample is one clean screen.",
            "dim",
        ),
        Text(str(result["notice"]), "dim italic"),
    )


def stages(result: Mapping[str, Any], seconds: Mapping[str, float]) -> RenderableType:
    """Where the time went, seen from the client and from inside the model server."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    for name, value in seconds.items():
        table.add_row(name, f"{value:.2f}")
    for name, value in result["timings_s"].items():
        table.add_row(f"  {name}", f"{value:.2f}", style="dim")
    return table


def _rhythm(rhythm: Mapping[str, Any]) -> tuple[str, str]:
    """The answer, and how likely it is or what would have been said."""
    likeliest = rhythm["likeliest"]
    if likeliest is None:
        return "not sure", str(rhythm["reason"]).replace("_", " ")
    likely = f"{rhythm['probabilities'][likeliest]:.0%}"
    if rhythm["reason"]:
        return "not sure", f"likeliest {likeliest.replace('_', ' ')}, {likely}"
    return likeliest.replace("_", " "), f"probability {likely}"


def _classes(beats: list[Mapping[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for beat in beats:
        counts[beat["class"]] = counts.get(beat["class"], 0) + 1
    return " ".join(f"{name}:{count}" for name, count in sorted(counts.items()))


def _truth_classes(beats: list[Mapping[str, Any]]) -> str:
    return _classes([{"class": _AAMI.get(beat["symbol"], "Q")} for beat in beats])


_AAMI = {
    **dict.fromkeys("NLRej", "N"),
    **dict.fromkeys("AaJS", "S"),
    **dict.fromkeys("VE", "V"),
    "F": "F",
}
"""MIT-BIH symbols to AAMI classes (ANSI/AAMI EC57, table 3)."""
