"""The files of a new app's folder, from `scaffold/*.tmpl`. Pure but for reading those."""

from collections.abc import Mapping
from importlib.resources import files

_TEMPLATES = {
    "__init__.py": "init.py.tmpl",
    "app.py": "app.py.tmpl",
    "model.py": "model.py.tmpl",
    "MODEL_CARD.md": "MODEL_CARD.md.tmpl",
    "golden/first/expected.json": "expected.json.tmpl",
}
GOLDEN_INPUT = "golden/first/input.mp4"
"""Comes with the file `GOLDEN_SOURCE`; `expected.json.tmpl` says what is true of that video."""
GOLDEN_SOURCE = "services/ray_serve/apps/signal_quality/golden/screen/input.mp4"


def skeleton(name: str) -> Mapping[str, str]:
    """Path below the app's folder -> text. `name` must be a valid one."""
    words = {"@NAME@": name, "@DASHED@": name.replace("_", "-"), "@TITLE@": name.replace("_", " ").capitalize()}
    folder = files("generator.workbench") / "scaffold"
    return {path: _filled((folder / file).read_text(encoding="utf-8"), words) for path, file in _TEMPLATES.items()}


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text
