"""What the GPU box was told to run: `desired.json` and the Serve configuration that it names. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.model.yaml_source import InvalidYaml
from generator.sync.health import Payload

_POINTER = "desired.json"


@dataclass(frozen=True)
class Told:
    """The box's orders; empty where it has none."""

    config: str = ""
    """The text of its Serve configuration."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """Addresses by name, the agent's among them."""
    notes: tuple[str, ...] = ()


def told(box: Payload | None, sha256: str, text: str) -> Told:
    """Read a box's orders. `sha256` and `text` are of Git's Serve configuration, which need not be fetched to be known.

    Raises InvalidYaml where the pointer is not what `publish` writes.
    """
    pointer = box["desired"] if box else None
    if pointer is None:
        return Told(notes=("nothing tells the GPU box what to run yet (no desired.json)",))
    serve = _entry(pointer.get("serve"), "serve")
    packages = {"agent": _entry(pointer.get("agent"), "agent")}
    for package in pointer.get("packages", ()):
        entry = _entry(package, "packages")
        packages[_name(entry)] = entry
    config: str | None = box.get("config") if box else None
    notes: tuple[str, ...] = ()
    if config is None and serve["sha256"] != sha256:
        notes = (
            f"the Serve configuration {serve['sha256'][:12]} that the GPU box was told to run is not in its bucket: "
            f"every app counts as new",
        )
    known = text if serve["sha256"] == sha256 else config or ""
    return Told(known, {name: f"{entry['sha256']}.zip" for name, entry in packages.items()}, notes)


def _name(entry: Mapping[str, Any]) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidYaml(_POINTER, 1, "each of `packages` should have a `name`")
    return name


def _entry(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not isinstance(value.get("sha256"), str):
        raise InvalidYaml(_POINTER, 1, f"{name!r} should be a mapping with a `sha256`")
    return value
