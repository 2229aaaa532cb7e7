"""A systemd service unit, as far as the GPU box's stand-in honours it (systemd.service(5), systemd.exec(5))."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Restart = Literal["no", "always", "on-failure"]


@dataclass(frozen=True)
class Unit:
    """The `[Service]` section of a unit; times in seconds."""

    command: tuple[str, ...]
    environment: Mapping[str, str]
    restart: Restart
    restart_s: float
    stop_s: float
    working_directory: str | None

    def starts_again(self, exit_code: int) -> bool:
        """Whether systemd would start it again after it ended with `exit_code`."""
        return self.restart == "always" or (self.restart == "on-failure" and exit_code != 0)


def parse_unit(text: str, read: Callable[[str], str | None]) -> Unit:
    """Parse a unit file's text; `read(path)` gives an EnvironmentFile's text, or None where there is no such file.

    Raises ValueError where ExecStart is missing, or an EnvironmentFile without a leading `-` is.
    """
    settings = _service_section(text)
    environment: dict[str, str] = {}
    for assignments in settings.get("Environment", ()):
        environment |= _assignments(shlex.split(assignments))
    for path in settings.get("EnvironmentFile", ()):
        content = read(path.removeprefix("-"))
        if content is None and not path.startswith("-"):
            raise ValueError(f"EnvironmentFile {path} does not exist")
        lines = [line.strip() for line in (content or "").splitlines()]
        environment |= _assignments(
            part for line in lines if line[:1] not in ("", "#", ";") for part in shlex.split(line)
        )
    commands = settings.get("ExecStart", [])
    if not commands:
        raise ValueError("the unit has no ExecStart")
    command = shlex.split(commands[-1].lstrip("-@:+!"))
    restart = settings.get("Restart", ["no"])[-1]
    return Unit(
        command=tuple(_expanded(word, environment) for word in command),
        environment=environment,
        restart="always" if restart == "always" else "no" if restart == "no" else "on-failure",
        restart_s=_seconds(settings.get("RestartSec", ["0.1"])[-1]),
        stop_s=_seconds(settings.get("TimeoutStopSec", ["90"])[-1]),
        working_directory=settings.get("WorkingDirectory", [None])[-1],
    )


def _service_section(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section = ""
    for line in text.replace("\\\n", " ").splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        if stripped.startswith("["):
            section = stripped
        elif section == "[Service]" and "=" in stripped:
            name, _, value = stripped.partition("=")
            values = found.setdefault(name.strip(), [])
            if value.strip():
                values.append(value.strip())
            else:
                values.clear()  # an empty assignment resets the list
    return found


def _assignments(parts: object) -> dict[str, str]:
    found = {}
    for part in parts:  # type: ignore[attr-defined]
        name, _, value = str(part).partition("=")
        found[name] = value
    return found


def _expanded(word: str, environment: Mapping[str, str]) -> str:
    for name, value in environment.items():
        word = word.replace(f"${{{name}}}", value)
    return word


_UNITS = {"ms": 0.001, "min": 60.0, "s": 1.0, "h": 3600.0}


def _seconds(text: str) -> float:
    for suffix, factor in _UNITS.items():
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * factor
    return float(text)


def unit_file(root: Path, name: str) -> Path:
    """Where the unit `name` (with or without `.service`) lies below a box's root."""
    return root / "etc/systemd/system" / f"{name.removesuffix('.service')}.service"
