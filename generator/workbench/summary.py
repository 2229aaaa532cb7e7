"""A result in a few lines: what people look for first, else the top of the document. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

_LONGEST = 100
_SHOWN_ELSEWHERE = frozenset({"schema", "notice", "app", "video", "timings_s", "findings", "limits", "overlay"})


def summary(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(name, value) pairs, each for one line."""
    lines = list(_head(result))
    lines += _rhythm(result) if result.get("schema") == "ecg-result/v1" else _others(result)
    findings = result.get("findings")
    if isinstance(findings, list):
        lines.append(("findings", ", ".join(map(_text, findings)) or "none"))
    if limits := result.get("limits"):
        lines.append(("limits", "; ".join(map(_text, limits)) if isinstance(limits, list) else _text(limits)))
    if isinstance(took := result.get("timings_s"), Mapping):
        lines.append(("took", ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in took.items())))
    return lines


def _head(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "schema", _text(result.get("schema"))
    if isinstance(app := result.get("app"), Mapping) and app.get("device"):
        yield "device", _text(app["device"])
    if isinstance(video := result.get("video"), Mapping):
        size = f", {video['width']} x {video['height']}" if "width" in video and "height" in video else ""
        yield "video", f"{video.get('duration_s', '?')} s, {video.get('frames', '?')} frames{size}"


def _rhythm(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    rate = result.get("heart_rate_bpm")
    if isinstance(rate, Mapping):
        yield "heart rate", f"{rate['mean']:.0f} a minute ({rate['min']:.0f} to {rate['max']:.0f})"
    else:
        yield "heart rate", "not known: fewer than two beats"
    beats = result.get("beats") or []
    classes = Counter(str(beat.get("class")) for beat in beats)
    kinds = ", ".join(f"{count} {name}" for name, count in classes.most_common())
    yield "beats", f"{len(beats)}" + (f" ({kinds})" if kinds else "")
    if isinstance(quality := result.get("quality"), Mapping):
        yield "quality", ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in quality.items())


def _others(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in result.items():
        if name not in _SHOWN_ELSEWHERE:
            yield name.replace("_", " "), _text(value)


def _text(value: Any) -> str:
    match value:
        case Mapping():
            text = ", ".join(f"{name} {_text(one)}" for name, one in value.items())
        case list():
            text = (
                f"{len(value)} of them"
                if any(isinstance(one, Mapping | list) for one in value)
                else ", ".join(map(_text, value))
            )
        case bool():
            text = "yes" if value else "no"
        case float():
            text = f"{value:.4g}"
        case None:
            text = "-"
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
