"""Draws what a check of a served app has seen, with OpenCV, the only thing in .venv-serve that draws.

picture.py < {"report": one app's data of `serve check -o json`, "path": where the PNG goes}  ->  {"path"}
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

WIDTH, HEIGHT = 1400, 900
INK, FAINT, GRID = (40, 40, 40), (120, 120, 120), (225, 225, 225)
BLUE, ORANGE, RED, GREEN = (180, 110, 30), (20, 120, 230), (50, 50, 200), (90, 150, 60)  # BGR
Colour = tuple[int, int, int]
Series = Sequence[tuple[str, Colour, Sequence[float | None]]]
FONT = cv2.FONT_HERSHEY_SIMPLEX


class Panel:
    """A part of the picture with a title; `plot` is where bars stand, in pixels: left, top, right, bottom."""

    def __init__(self, image: Any, left: int, top: int, right: int, bottom: int, title: str) -> None:
        self.image = image
        self.plot = (left + 80, top + 50, right - 20, bottom - 45)
        _text(image, title, (left + 10, top + 25), 0.6, INK, 2)

    def bars(
        self,
        groups: Sequence[str],
        series: Series,
        limit: float | None,
        limit_name: str,
    ) -> None:
        """Groups of bars side by side; `limit` a line, at the top edge where it is far above all of them."""
        left, top, right, bottom = self.plot
        known = [value for _, _, values in series for value in values if value is not None]
        most = max(known, default=0.0) or 1.0
        near = limit is not None and limit <= 3 * most
        ceiling = 1.15 * max(most, limit or 0.0) if near else 1.15 * most
        for part in range(5):
            y = bottom - (bottom - top) * part // 4
            cv2.line(self.image, (left, y), (right, y), GRID, 1)
            _text(self.image, _short(ceiling * part / 4), (left - 70, y + 5), 0.45, FAINT)
        step = (right - left) / max(1, len(groups))
        width = int(min(70.0, step / (len(series) + 1)))
        for group, name in enumerate(groups):
            middle = left + step * (group + 0.5)
            for at, (_, colour, values) in enumerate(series):
                value = values[group]
                if value is None:
                    continue
                x = int(middle + (at - len(series) / 2) * width)
                y = int(bottom - (bottom - top) * value / ceiling)
                cv2.rectangle(self.image, (x, y), (x + width - 4, bottom), colour, -1)
                _text(self.image, _short(value), (x, y - 5), 0.4, INK)
            _text(self.image, name, (int(middle) - 4 * len(name), bottom + 20), 0.45, INK)
        cv2.line(self.image, (left, bottom), (right, bottom), INK, 1)
        self._legend(series)
        if limit is not None:
            y = int(bottom - (bottom - top) * limit / ceiling) if near else top
            cv2.line(self.image, (left, y), (right, y), RED, 1 if near else 2)
            far = "" if near else ", far above this picture"
            _text(self.image, f"{limit_name} {_short(limit)}{far}", (left + 5, y - 6), 0.45, RED)

    def _legend(self, series: Series) -> None:
        left, _, _, bottom = self.plot
        x = left
        for name, colour, _ in series:
            cv2.rectangle(self.image, (x, bottom + 29), (x + 10, bottom + 39), colour, -1)
            _text(self.image, name, (x + 16, bottom + 39), 0.45, INK)
            x += 40 + 9 * len(name)


def draw(report: Mapping[str, Any]) -> Any:
    """The picture, [HEIGHT, WIDTH, 3]."""
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    served = report["served"]
    levels = served["levels"]
    slo, unit = served["slo"], "windows" if served["unit"] == "window" else "seconds of video"
    _text(image, f"serve check: {report['app']}", (20, 38), 0.95, INK, 2)
    met = "service level met here" if slo["met"] else "service level not met here"
    # On a CPU neither is good or bad news.
    tone = FAINT if served["device"] != "cuda" else GREEN if slo["met"] else RED
    _text(image, f"on {served['device']}; {met}", (20, 66), 0.55, tone)
    groups = [f"{level['concurrency']} at once" for level in levels]
    middle, low = WIDTH // 2, 455
    p50, p99 = ([_seconds(level[name]) for level in levels] for name in ("p50_ms", "p99_ms"))
    Panel(image, 0, 80, middle, low, "seconds to the result").bars(
        groups, [("p50", BLUE, p50), ("p99", ORANGE, p99)], slo["p99_ms"] / 1000, "promised p99"
    )
    Panel(image, middle, 80, WIDTH, low, f"{unit} a second").bars(
        groups, [(unit, BLUE, [level["windows_per_s"] for level in levels])], slo["min_windows_per_s"], "promised"
    )
    _batches(image, levels, (0, low, middle, HEIGHT - 90))
    memory: dict[str, float] = {name: sum(replicas) for name, replicas in served["memory_mb"].items()}
    Panel(image, middle, low, WIDTH, HEIGHT - 90, "peak memory by deployment, all its replicas, MiB").bars(
        list(memory),
        [("MiB", GREEN, list(memory.values()))],
        served["box"]["memory_mb"],
        "the box has",
    )
    for at, line in enumerate([*served["broken"], *served["caveats"]][:4]):
        _text(image, line, (20, HEIGHT - 66 + 19 * at), 0.45, RED if at < len(served["broken"]) else FAINT)
    return image


def _batches(image: Any, levels: Sequence[Mapping[str, Any]], at: tuple[int, int, int, int]) -> None:
    seen: dict[str, int] = {}
    for level in levels:
        for size, count in ((level["batches"] or {}).get("by_requests") or {}).items():
            seen[size] = seen.get(size, 0) + count
    panel = Panel(image, *at, "batches: videos in one, how often")
    if seen:
        panel.bars(list(seen), [("batches", BLUE, list(seen.values()))], None, "")
    else:
        _text(image, "the app puts nothing together", (at[0] + 80, at[1] + 80), 0.5, FAINT)


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _text(image: Any, text: str, at: tuple[int, int], size: float, colour: Colour, weight: int = 1) -> None:
    cv2.putText(image, text, at, FONT, size, colour, weight, cv2.LINE_AA)


def _short(value: float) -> str:
    if value >= 100 or isinstance(value, int):
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def main() -> None:
    """Read the report, write the picture."""
    asked = json.load(sys.stdin)
    path = Path(asked["path"])
    written, content = cv2.imencode(".png", draw(asked["report"]))
    if not written:
        raise SystemExit("OpenCV wrote no PNG")
    path.write_bytes(content.tobytes())
    json.dump({"path": str(path)}, sys.stdout)


if __name__ == "__main__":
    main()
