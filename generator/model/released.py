"""What an environment runs, by content address: the checkout's own, or what was promoted to it and stays put.

    the checkout ---------------------------> Released --render--> dev
    what an apply of dev proved --promote-->  <name>.release.yaml --render--> prod

All that is built from folders of services/ and frontend/ is in it, and what was made together with it: the Serve
configuration and the hashes of the page's scripts. `to_data` and `parse` are each other's inverse.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from generator.errors import EcgError
from generator.model.manifest import ArtifactKind, Manifest
from generator.model.yaml_source import Path, read

SCRIPTS_STACK, SCRIPTS = "cdn", "PageScripts"
"""The stack, and its parameter, that hold the hashes of the scripts in the page."""


@dataclass(frozen=True)
class Built:
    """One artifact as it is built: where from, and named by its content. Where it is kept is the environment's."""

    name: str
    kind: ArtifactKind
    source: str
    address: str


@dataclass(frozen=True)
class Released:
    """What an environment runs."""

    artifacts: tuple[Built, ...]
    page_scripts: str
    """Sources of a Content-Security-Policy, as the template's parameter takes them."""
    serve: str
    """The text of `serve.yaml`."""
    origin: str = ""
    """The environment that it was promoted from; empty where it is the checkout's own."""
    revision: str = ""
    """The commit whose folders the artifacts are built from; empty where it is the checkout's own."""

    def to_data(self) -> dict[str, Any]:
        """Plain data in the order in which people read it."""
        return {
            "from": self.origin,
            "revision": self.revision,
            "artifacts": [
                {"name": one.name, "kind": one.kind.value, "source": one.source, "address": one.address}
                for one in self.artifacts
            ],
            "page_scripts": self.page_scripts,
            "serve": self.serve,
        }


@dataclass(frozen=True)
class Moved:
    """One artifact that is another in a later release; an address is empty where there is none."""

    name: str
    kind: ArtifactKind
    before: str
    after: str


def moved(before: Released, after: Released) -> tuple[Moved, ...]:
    """The artifacts whose addresses differ: those of `after` in its order, then those that it drops."""
    old = {one.name: one for one in before.artifacts}
    new = {one.name: one for one in after.artifacts}
    found = [
        Moved(
            name,
            (new.get(name) or old[name]).kind,
            old[name].address if name in old else "",
            new[name].address if name in new else "",
        )
        for name in dict.fromkeys([*new, *old])
    ]
    return tuple(one for one in found if one.before != one.after)


@dataclass(frozen=True)
class Promotion:
    """What FROM runs beside what TO runs."""

    origin: str
    target: str
    before: Released
    after: Released
    since: str
    """How it is known what FROM runs, in words."""
    commits: tuple[str, ...]
    """Those that made the difference, newest first; none where that is not known."""
    pinned: bool
    """Whether TO has a release file already. Without one it runs whatever the checkout holds."""

    @property
    def moved(self) -> tuple[Moved, ...]:
        """The artifacts that change."""
        return moved(self.before, self.after)

    @property
    def serve_changed(self) -> bool:
        """Whether `serve.yaml` changes: by a package's address at least, or by what an app declares."""
        return self.before.serve != self.after.serve

    @property
    def empty(self) -> bool:
        """Whether TO runs this already, and goes on doing so whatever is merged."""
        same = (self.before.page_scripts, self.before.serve) == (self.after.page_scripts, self.after.serve)
        return self.pinned and same and not self.moved


class InvalidRelease(EcgError):
    """Everything that is wrong with a release file."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes) + "\n  next: take it back (git checkout), and promote again")


def released(manifest: Manifest, serve: str, revision: str) -> Released:
    """What a manifest of another environment runs, as a release. `serve` is the text of its Serve configuration."""
    scripts = next((s.parameters.get(SCRIPTS, "") for s in manifest.stacks if s.name == SCRIPTS_STACK), "")
    return Released(
        artifacts=tuple(Built(one.name, one.kind, one.source, one.address) for one in manifest.artifacts),
        page_scripts=scripts if isinstance(scripts, str) else "",
        serve=serve,
        origin=manifest.name,
        revision=revision,
    )


def parse(text: str, file: str) -> Released:
    """Read a release file. `file` is the name to show. Raises InvalidRelease, InvalidYaml."""
    source = read(text, file)
    data = source.data if isinstance(source.data, dict) else {}
    mistakes: list[str] = []

    def text_at(holder: Mapping[str, Any], path: Path) -> str:
        value = holder.get(str(path[-1]))
        if not isinstance(value, str):
            name = ".".join(str(key) for key in path)
            mistakes.append(f"{source.where(path)}: {name}: {'it is missing' if value is None else 'not a text'}")
        return value if isinstance(value, str) else ""

    def built(index: int, entry: Any) -> Built:
        at = ("artifacts", index)
        fields = entry if isinstance(entry, dict) else {}
        name, kind, folder, address = (text_at(fields, (*at, key)) for key in ("name", "kind", "source", "address"))
        if kind and kind not in list(ArtifactKind):
            mistakes.append(f"{source.where((*at, 'kind'))}: {kind!r} is none of {', '.join(ArtifactKind)}")
        known = ArtifactKind(kind) if kind in list(ArtifactKind) else ArtifactKind.PACKAGE
        return Built(name, known, folder, address)

    listed = data.get("artifacts")
    if not isinstance(listed, list):
        mistakes.append(f"{source.where(('artifacts',))}: artifacts: a list is expected here")
    found = Released(
        artifacts=tuple(built(index, entry) for index, entry in enumerate(listed if isinstance(listed, list) else ())),
        page_scripts=text_at(data, ("page_scripts",)),
        serve=text_at(data, ("serve",)),
        origin=text_at(data, ("from",)),
        revision=text_at(data, ("revision",)),
    )
    if mistakes:
        raise InvalidRelease(mistakes)
    return found
