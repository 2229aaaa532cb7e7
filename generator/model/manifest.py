"""The root of the desired state: which stacks, wired how, with which artifacts and which Serve configuration.

`Manifest` is what `templates_out/<env>/manifest.yaml` says. `to_data` and `parse` are each other's inverse; `parse` is
for text that people may have edited or merged badly, so it reports every mistake together, with file and line.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeVar

from generator.errors import EcgError
from generator.model.wiring import Wire
from generator.model.yaml_source import Path, Source, read

T = TypeVar("T")

API_VERSION = "gitops.ecg/v1"


class ArtifactKind(StrEnum):
    """What an artifact is, and so where it is published."""

    IMAGE = "image"
    PACKAGE = "package"
    SITE = "site"


class ScanThreshold(StrEnum):
    """The least severity of a finding in an image that stops an apply."""

    CRITICAL = "CRITICAL"
    HIGH = "HIGH"
    NONE = "NONE"
    """No finding does."""


@dataclass(frozen=True)
class StackManifest:
    """One CloudFormation stack as Git wants it."""

    name: str
    wave: int
    template: str
    """The template's path below `templates_out/<env>`."""
    sha256: str
    parameters: Mapping[str, Wire | str]
    unsettled: tuple[str, ...] = ()
    """What of the stack itself is not as an apply leaves it, in words: only a tree of what is live says so."""
    protected: bool = False
    """CloudFormation's termination protection: nobody deletes the stack before somebody lifts it by hand."""

    @property
    def needs(self) -> frozenset[str]:
        """The stacks whose outputs feed this one."""
        return frozenset(value.stack for value in self.parameters.values() if isinstance(value, Wire))


@dataclass(frozen=True)
class Artifact:
    """Something built from a folder of this repository and named by its content."""

    name: str
    kind: ArtifactKind
    source: str
    address: str
    store: Wire
    """The output that names where it is kept: a repository for an image, a bucket for a package or a site."""
    scan: ScanThreshold = ScanThreshold.NONE
    """Which findings of the registry's scan stop an apply; only an image is scanned."""
    edge: Wire | None = None
    """The output that names the distribution before a site, which has to forget the release before."""


@dataclass(frozen=True)
class ServeManifest:
    """The Serve configuration that the GPU box runs."""

    config: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """An environment as Git wants it."""

    name: str
    project: str
    region: str
    account: str
    stacks: tuple[StackManifest, ...]
    artifacts: tuple[Artifact, ...]
    serve: ServeManifest
    prune: tuple[str, ...] = ()
    """What Git dropped and may be removed: `stack:<name>`, `app:<name>`."""
    revision: str = ""
    """The commit whose folders the artifacts are built from; empty: the commit that holds this manifest."""

    @property
    def box_store(self) -> Wire | None:
        """Where the GPU box finds its packages and reports, and where the environment's status is kept."""
        return next((artifact.store for artifact in self.artifacts if artifact.name == "agent"), None)

    @property
    def tags(self) -> dict[str, str]:
        """What marks a stack as this environment's."""
        return {"Project": self.project, "Environment": self.name, "ManagedBy": "ecgctl"}

    @property
    def waves(self) -> tuple[tuple[StackManifest, ...], ...]:
        """The stacks, wave by wave, in the order in which they are applied."""
        numbers = sorted({stack.wave for stack in self.stacks})
        return tuple(tuple(s for s in self.stacks if s.wave == number) for number in numbers)

    @property
    def prefix(self) -> str:
        """What the environment's names begin with: `<project>-<env>`."""
        return f"{self.project}-{self.name}"

    def stack_id(self, stack: str) -> str:
        """CloudFormation's name of a stack: `<project>-<env>-<stack>`."""
        return f"{self.prefix}-{stack}"

    def to_data(self) -> dict[str, Any]:
        """Plain data in the order in which people read it."""
        return {
            "apiVersion": API_VERSION,
            "kind": "Environment",
            "metadata": {
                "name": self.name,
                "project": self.project,
                "region": self.region,
                "account": self.account,
            },
            "spec": {
                **({"revision": self.revision} if self.revision else {}),
                "stacks": [
                    {
                        "name": stack.name,
                        "wave": stack.wave,
                        "template": stack.template,
                        "sha256": stack.sha256,
                        "parameters": {name: _wire_data(value) for name, value in sorted(stack.parameters.items())},
                        **({"unsettled": list(stack.unsettled)} if stack.unsettled else {}),
                        **({"terminationProtection": True} if stack.protected else {}),
                    }
                    for stack in self.stacks
                ],
                "artifacts": [
                    {
                        "name": artifact.name,
                        "kind": artifact.kind.value,
                        "source": artifact.source,
                        "address": artifact.address,
                        "store": _wire_data(artifact.store),
                        **({"scan": artifact.scan.value} if artifact.scan is not ScanThreshold.NONE else {}),
                        **({"edge": _wire_data(artifact.edge)} if artifact.edge else {}),
                    }
                    for artifact in self.artifacts
                ],
                "serve": {"config": self.serve.config, "sha256": self.serve.sha256},
                **({"prune": list(self.prune)} if self.prune else {}),
            },
        }


def _wire_data(value: Wire | str) -> dict[str, str] | str:
    return {"stack": value.stack, "output": value.output} if isinstance(value, Wire) else value


class InvalidManifest(EcgError):
    """Everything that is wrong with a manifest."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


class UnknownStack(EcgError):
    """The manifest has no stack of that name."""

    exit_code = 2

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(f"there is no stack {name!r}\n  next: use one of {', '.join(known)}")


def parse(text: str, file: str) -> Manifest:
    """Read a manifest. `file` is the name to show. Raises InvalidManifest, InvalidYaml."""
    return _Reader(read(text, file)).manifest()


class _Reader:
    """Takes values out of a source one by one and collects what is wrong with them."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.mistakes: list[str] = []

    def manifest(self) -> Manifest:
        version = self.text(("apiVersion",))
        if version and version != API_VERSION:
            self.wrong(
                ("apiVersion",),
                f"{version!r} is not {API_VERSION!r}; use the release of ecgctl that wrote it",
            )
        meta = {key: self.text(("metadata", key)) for key in ("name", "project", "region", "account")}
        stacks = tuple(self.each(("spec", "stacks"), self.stack))
        artifacts = tuple(self.each(("spec", "artifacts"), self.artifact))
        serve = ServeManifest(self.text(("spec", "serve", "config")), self.text(("spec", "serve", "sha256")))
        prune = tuple(self.each(("spec", "prune"), self.text)) if self.get(("spec", "prune")) is not None else ()
        revision = self.text(("spec", "revision")) if self.get(("spec", "revision")) is not None else ""
        self.wires(stacks, artifacts)
        self.pruned(prune, {*(f"stack:{one.name}" for one in stacks), *(f"app:{one.name}" for one in artifacts)})
        if self.mistakes:
            raise InvalidManifest(self.mistakes)
        return Manifest(**meta, stacks=stacks, artifacts=artifacts, serve=serve, prune=prune, revision=revision)

    def stack(self, path: Path) -> StackManifest:
        parameters: dict[str, Wire | str] = {}
        for name in self.mapping((*path, "parameters")):
            at = (*path, "parameters", name)
            given = self.get(at)
            # The empty text is a value like any other.
            parameters[name] = self.wire(at) if isinstance(given, dict) else "" if given == "" else self.text(at)
        return StackManifest(
            name=self.text((*path, "name")),
            wave=self.number((*path, "wave")),
            template=self.text((*path, "template")),
            sha256=self.text((*path, "sha256")),
            parameters=MappingProxyType(parameters),
            unsettled=tuple(self.each((*path, "unsettled"), self.text)) if self.get((*path, "unsettled")) else (),
            protected=self.switch((*path, "terminationProtection")),
        )

    def artifact(self, path: Path) -> Artifact:
        kind = self.text((*path, "kind"))
        if kind and kind not in list(ArtifactKind):
            self.wrong((*path, "kind"), f"{kind!r} is none of {', '.join(ArtifactKind)}")
            kind = ""
        return Artifact(
            name=self.text((*path, "name")),
            kind=ArtifactKind(kind) if kind else ArtifactKind.PACKAGE,
            source=self.text((*path, "source")),
            address=self.text((*path, "address")),
            store=self.wire((*path, "store")),
            scan=self.scan((*path, "scan"), kind),
            edge=self.wire((*path, "edge")) if kind == ArtifactKind.SITE else None,
        )

    def scan(self, path: Path, kind: str) -> ScanThreshold:
        """Absent where nothing stops an apply, and in trees from before there was a gate."""
        if self.get(path) is None:
            return ScanThreshold.NONE
        value = self.text(path)
        if kind in (ArtifactKind.PACKAGE, ArtifactKind.SITE):
            self.wrong(path, f"a {kind} is not scanned; take it out")
        elif value and value not in list(ScanThreshold):
            self.wrong(path, f"{value!r} is none of {', '.join(ScanThreshold)}")
        return ScanThreshold(value) if value in list(ScanThreshold) else ScanThreshold.NONE

    def wires(self, stacks: tuple[StackManifest, ...], artifacts: tuple[Artifact, ...]) -> None:
        wave = {stack.name: stack.wave for stack in stacks}
        if len(wave) < len(stacks):
            self.wrong(("spec", "stacks"), "two stacks have the same name")
        for index, stack in enumerate(stacks):
            for name, value in stack.parameters.items():
                path = ("spec", "stacks", index, "parameters", name)
                if not isinstance(value, Wire) or not value.stack:
                    continue
                if value.stack not in wave:
                    self.wrong(path, f"there is no stack {value.stack!r}")
                elif wave[value.stack] >= stack.wave:
                    self.wrong(
                        path,
                        f"stack {value.stack!r} is not in an earlier wave than {stack.name!r}; render again",
                    )
        for index, artifact in enumerate(artifacts):
            for key, held in (("store", artifact.store), ("edge", artifact.edge)):
                if held and held.stack and held.stack not in wave:
                    self.wrong(("spec", "artifacts", index, key), f"there is no stack {held.stack!r}")

    def pruned(self, prune: tuple[str, ...], wanted: set[str]) -> None:
        for index, name in enumerate(prune):
            if name in wanted:
                self.wrong(("spec", "prune", index), f"{name} is still wanted; take it out of one of the two")

    def wire(self, path: Path) -> Wire:
        return Wire(self.text((*path, "stack")), self.text((*path, "output")))

    def each(self, path: Path, read_item: Callable[[Path], T]) -> Iterable[T]:
        value = self.get(path)
        if not isinstance(value, list):
            self.wrong(path, "a list is expected here")
            return
        for index in range(len(value)):
            yield read_item((*path, index))

    def mapping(self, path: Path) -> Mapping[str, Any]:
        value = self.get(path)
        if not isinstance(value, dict):
            self.wrong(path, "a mapping is expected here")
            return {}
        return value

    def text(self, path: Path) -> str:
        value = self.get(path)
        if not isinstance(value, str) or not value:
            self.wrong(path, "text is expected here" if value is not None else "it is missing")
            return ""
        return value

    def number(self, path: Path) -> int:
        value = self.get(path)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.wrong(path, "a number, 0 or more, is expected here")
            return 0
        return value

    def switch(self, path: Path) -> bool:
        value = self.get(path)
        if value not in (None, True, False):
            self.wrong(path, "true or false is expected here")
        return value is True

    def get(self, path: Path) -> Any:
        value: Any = self.source.data
        for key in path:
            if isinstance(value, list) and isinstance(key, int) and key < len(value):
                value = value[key]
            elif isinstance(value, dict) and isinstance(key, str):
                value = value.get(key)
            else:
                return None
        return value

    def wrong(self, path: Path, problem: str) -> None:
        name = ".".join(str(key) for key in path)
        self.mistakes.append(f"{self.source.where(path)}: {name}: {problem}")
