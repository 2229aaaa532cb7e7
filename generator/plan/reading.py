"""Texts of `templates_out/<env>` -> canonical Trees, with every mistake of a tree reported together.

A pair of trees is read lazily: a stack whose text and parameters are the same on both sides is parsed only when the
plan looks it up, because something that it is wired to is replaced.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from types import MappingProxyType
from typing import Any

from generator.errors import EcgError
from generator.model.manifest import InvalidManifest, Manifest, StackManifest, parse
from generator.model.wiring import Wire, WiringError, waves
from generator.model.yaml_source import InvalidYaml, Path, Source
from generator.model.yaml_source import read as read_yaml
from generator.plan.template import template
from generator.plan.tree import Template, Tree

MANIFEST = "manifest.yaml"


class InvalidTree(EcgError):
    """Everything that is wrong with a tree, each with `file:line`."""

    exit_code = 2

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(dict.fromkeys(mistakes))
        super().__init__("\n".join(self.mistakes))


class Templates(Mapping[str, Template]):
    """Stack name -> template. Iterating yields what was read at once; looking a stack up reads it when it must."""

    def __init__(self, ready: Mapping[str, Template], later: Mapping[str, Callable[[], Template]]) -> None:
        self._ready = dict(ready)
        self._later = later
        self._names = tuple(ready)

    def __getitem__(self, stack: str) -> Template:
        if stack not in self._ready:
            self._ready[stack] = self._later[stack]()
        return self._ready[stack]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@dataclass
class _Files:
    """The texts of one tree, its manifest, and what is wrong with them."""

    texts: Mapping[str, str]
    name: str
    mistakes: list[str] = field(default_factory=list)
    manifest: Manifest | None = None

    def label(self, path: str) -> str:
        return f"{self.name}/{path}" if self.name else path

    def digest(self, path: str) -> str:
        return sha256(self.texts[path].encode()).hexdigest()

    def read_manifest(self) -> None:
        if not self.texts:
            return
        if MANIFEST not in self.texts:
            self.mistakes.append(f"{self.label(MANIFEST)}:1: there is no manifest; render the environment")
            return
        try:
            self.manifest = parse(self.texts[MANIFEST], self.label(MANIFEST))
        except InvalidManifest as error:
            self.mistakes += [*error.mistakes, *self._circle()]
            self._unparsable()
        except (InvalidYaml, ValueError) as error:
            self.mistakes.append(str(error) if isinstance(error, EcgError) else f"{self.label(MANIFEST)}:1: {error}")
            self._unparsable()

    def source(self, path: str) -> Source | None:
        """A file as data, or None with the mistake noted."""
        try:
            return read_yaml(self.texts[path], self.label(path))
        except InvalidYaml as error:
            self.mistakes.append(str(error))
        except (ValueError, TypeError, RecursionError) as error:
            self.mistakes.append(f"{self.label(path)}:1: not readable as YAML: {error}")
        return None

    def checked(self, stack: StackManifest) -> Source | None:
        """A stack's template as data, its address compared with its text."""
        if stack.template not in self.texts:
            self.wrong(stack, "template", f"there is no file {stack.template!r}; render again")
            return None
        if self.digest(stack.template) != stack.sha256:
            self.wrong(stack, "sha256", f"{stack.template} has another SHA-256 than this; render again")
        return self.source(stack.template)

    def wrong(self, stack: StackManifest, key: str, problem: str, parameter: str = "") -> None:
        """Note a mistake at a key of a stack of the manifest."""
        assert self.manifest is not None  # noqa: S101  # stacks come from it
        index = self.manifest.stacks.index(stack)
        path: Path = ("spec", "stacks", index, key, *([parameter] if parameter else []))
        self.mistakes.append(f"{self._manifest_source().where(path)}: {problem}")

    def serve(self) -> Mapping[str, Any]:
        """`serve.yaml` as data, its address compared with its text."""
        if self.manifest is None:
            return {}
        config = self.manifest.serve.config
        where = ("spec", "serve")
        if config not in self.texts:
            at = self._manifest_source().where((*where, "config"))
            self.mistakes.append(f"{at}: there is no file {config!r}; render again")
            return {}
        if self.digest(config) != self.manifest.serve.sha256:
            at = self._manifest_source().where((*where, "sha256"))
            self.mistakes.append(f"{at}: {config} has another SHA-256 than this; render again")
        source = self.source(config)
        if source is None or source.data is None:
            return {}
        if not isinstance(source.data, dict):
            self.mistakes.append(f"{source.where(())}: a mapping is expected here")
            return {}
        return source.data

    def wires(self, templates: Mapping[str, Template], stacks: Iterable[StackManifest]) -> None:
        """Note wires to outputs that are not there."""
        for stack in stacks:
            for name, value in stack.parameters.items():
                if isinstance(value, Wire) and value.stack in templates:
                    outputs = templates[value.stack].outputs
                    if value.output not in outputs:
                        problem = f"stack {value.stack!r} has no output {value.output!r}; add it, or wire another"
                        self.wrong(stack, "parameters", problem, name)

    def _manifest_source(self) -> Source:
        return read_yaml(self.texts[MANIFEST], self.label(MANIFEST))

    def _unparsable(self) -> None:
        """Where the manifest cannot lead the way, each YAML file is still looked at."""
        for path in sorted(self.texts):
            if path != MANIFEST and path.endswith((".yaml", ".yml", ".json")):
                self.source(path)

    def _circle(self) -> Iterator[str]:
        source = self._manifest_source()
        needs: dict[str, set[str]] = {}
        match source.data:
            case {"spec": {"stacks": [*stacks]}}:
                for stack in stacks:
                    match stack:
                        case {"name": str() as name, "parameters": {**parameters}}:
                            feeds = [wire.get("stack") for wire in parameters.values() if isinstance(wire, dict)]
                            needs[name] = {feed for feed in feeds if isinstance(feed, str)}
        known = {name: {need for need in wanted if need in needs} for name, wanted in needs.items()}
        try:
            waves(known)
        except WiringError as error:
            yield from (f"{source.where(('spec', 'stacks'))}: {mistake}" for mistake in error.mistakes)


def read(files: Mapping[str, str], name: str) -> Tree:
    """Read a tree. `files`: path below `templates_out/<env>` -> text; `name` goes before each path in messages.

    No files at all is the environment that is not there yet. Raises InvalidTree.
    """
    found = _Files(files, name)
    with _uncollected():
        found.read_manifest()
        tree = _partial(found, frozenset(), set())
    if found.mistakes:
        raise InvalidTree(found.mistakes)
    return tree


def read_pair(
    before: Mapping[str, str],
    after: Mapping[str, str],
    names: tuple[str, str] = ("before", "after"),
) -> tuple[Tree, Tree]:
    """Read two trees of one environment, each stack that is the same in both only when it is asked for.

    Raises InvalidTree with the mistakes of both.
    """
    sides = (_Files(before, names[0]), _Files(after, names[1]))
    with _uncollected():
        for side in sides:
            side.read_manifest()
        same = _same(*sides)
        # A wire that both sides have, to a stack that is the same on both, is as good as it was.
        settled = _wires(sides[0].manifest) & _wires(sides[1].manifest)
        trees = tuple(_partial(side, same, settled) for side in sides)
    mistakes = [mistake for side in sides for mistake in side.mistakes]
    if mistakes:
        raise InvalidTree(mistakes)
    return trees[0], trees[1]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the cycle collector: parsing makes a million objects that stay, and it would look at them over and over.

    It takes 40 percent off the reading of 40 templates of 200 resources (tools/bench_plan.py).
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _partial(files: _Files, same: frozenset[str], settled: set[Wire]) -> Tree:
    manifest = files.manifest
    if manifest is None:
        return Tree()
    ready: dict[str, Template] = {}
    later: dict[str, Callable[[], Template]] = {}
    for stack in manifest.stacks:
        if stack.name in same:
            later[stack.name] = _reader(files, manifest, stack)
        elif source := files.checked(stack):
            ready[stack.name], mistakes = template(stack, manifest, source, len(files.texts[stack.template].encode()))
            files.mistakes += mistakes
    templates = Templates(ready, MappingProxyType(later))
    fresh = {wire.stack for wire in _wires(manifest) - settled if wire.stack in later}
    files.wires({**ready, **{name: templates[name] for name in fresh}}, manifest.stacks)
    return Tree(manifest, templates, MappingProxyType(files.serve()))


def _wires(manifest: Manifest | None) -> set[Wire]:
    stacks = manifest.stacks if manifest else ()
    return {value for stack in stacks for value in stack.parameters.values() if isinstance(value, Wire)}


def _reader(files: _Files, manifest: Manifest, stack: StackManifest) -> Callable[[], Template]:
    def read_now() -> Template:
        source = read_yaml(files.texts[stack.template], files.label(stack.template))
        found, mistakes = template(stack, manifest, source, len(files.texts[stack.template].encode()))
        if mistakes:
            raise InvalidTree(mistakes)
        return found

    return read_now


def _same(before: _Files, after: _Files) -> frozenset[str]:
    """Stacks that say the same on both sides, text and parameters."""
    if before.manifest is None or after.manifest is None:
        return frozenset()
    old = {stack.name: stack for stack in before.manifest.stacks}
    scope = _scope(before.manifest) == _scope(after.manifest)
    return frozenset(
        stack.name
        for stack in after.manifest.stacks
        if scope
        and (was := old.get(stack.name)) is not None
        and was.sha256 == stack.sha256
        and was.parameters == stack.parameters
        and _holds(after, stack)
        and _holds(before, was)
    )


def _scope(manifest: Manifest) -> tuple[str, str]:
    """What conditions and mappings of every stack may depend on."""
    return manifest.region, manifest.account


def _holds(files: _Files, stack: StackManifest) -> bool:
    return stack.template in files.texts and files.digest(stack.template) == stack.sha256
