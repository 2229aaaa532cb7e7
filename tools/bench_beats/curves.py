"""Risk by coverage as a picture: of the surest answers, how many are wrong. The same figures give the same bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from apps.ecg_rhythm.reading import FloatArray

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 560, 300, 56, 40, 18, 48
POINTS = 100
STYLE = 'font-family="system-ui, sans-serif" font-size="12" fill="#374151"'


def risks(probabilities: FloatArray, labels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """[POINTS, 2]: share answered and share of these that is wrong, from the surest hundredth to all."""
    order = np.argsort(-probabilities.max(axis=1), kind="stable")
    wrong = np.cumsum((probabilities.argmax(axis=1) != labels)[order])
    counts = np.ceil(np.arange(1, POINTS + 1) / POINTS * len(order)).astype(int)
    return np.stack([counts / len(order), wrong[counts - 1] / counts], axis=1)


def picture(title: str, curve: npt.NDArray[np.float64], shipped: float) -> str:
    """The curve; a dot where the shipped threshold answers the share `shipped`."""
    top = max(0.05, float(np.ceil(curve[:, 1].max() * 20) / 20))
    across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(share: float, risk: float) -> tuple[float, float]:
        return LEFT + share * across, TOP + (1 - risk / top) * down

    dot = at(shipped, float(np.interp(shipped, curve[:, 0], curve[:, 1])))
    points = " ".join("{:.1f},{:.1f}".format(*at(*row)) for row in curve)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" {STYLE} font-weight="600">{title}</text>',
    ]
    for step in range(6):
        y = at(0, top * step / 5)[1]
        lines.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#e5e7eb"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" {STYLE} text-anchor="end">{20 * top * step:.0f} %</text>')
        x = at(step / 5, 0)[0]
        lines.append(f'<text x="{x:.1f}" y="{HEIGHT - 28}" {STYLE} text-anchor="middle">{20 * step} %</text>')
    lines += [
        f'<text x="{LEFT + across / 2:.0f}" y="{HEIGHT - 9}" {STYLE} text-anchor="middle">answered</text>',
        f'<polyline points="{points}" fill="none" stroke="#0f766e" stroke-width="2"/>',
        f'<circle cx="{dot[0]:.1f}" cy="{dot[1]:.1f}" r="4" fill="#b91c1c"/>',
        f'<text x="{dot[0] - 8:.1f}" y="{dot[1] - 9:.1f}" {STYLE} text-anchor="end">shipped threshold</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
