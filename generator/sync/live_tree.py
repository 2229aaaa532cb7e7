"""What is live, as files of the `templates_out/<env>` shape, so that the plan reads it like any tree. Pure.

stacks           -> stacks/*.yaml     the live texts; Git's own where at most the last line ends differ
their parameters -> manifest.yaml     as Git writes a value, where that gives the live one; else the live literal
box's pointer    -> serve.yaml, and the packages of spec.artifacts; an image is what the live stack was told to run

Nothing is guessed. What a stack that is half made or half gone holds is not known, so it counts as not there; what AWS
would not tell is `unknown`: there it stands as Git wants it, and whoever shows a plan must refuse (`require_known`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType
from typing import Any

import yaml

from generator.errors import EcgError
from generator.model.environment import UNRESOLVED
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.model.yaml_source import InvalidYaml
from generator.model.yaml_source import read as read_yaml
from generator.sync.health import Reading, Unreadable
from generator.sync.health.reading import LiveTemplate, StackReading
from generator.sync.live_box import Told, told

BOX = "the GPU box"
"""The box's name among stacks: none can have blanks in its own."""
SHELLS = frozenset({"REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "DELETE_COMPLETE"})
"""Statuses of stacks that hold nothing."""
NOT_THERE = SHELLS | {
    "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
}
"""And of those that never were complete, or are no longer: an apply makes them anew, or asks a person to."""
_HIDDEN = "****"
"""What CloudFormation shows of a NoEcho parameter."""
_EMPTY = "Resources: {}\n"


class LiveUnknown(EcgError):
    """Something that is live cannot be read, so nobody can say what a change would do."""

    exit_code = 2

    def __init__(self, unknown: Mapping[str, str]) -> None:
        self.unknown = dict(unknown)
        causes = "\n".join(f"  {name}: {reason}" for name, reason in unknown.items())
        super().__init__(
            f"what is live is not known, and a plan from half of it would be wrong:\n{causes}\n"
            f"  next: give these credentials the right to read it, or mend what cannot be; ecgctl status shows the rest"
        )


@dataclass(frozen=True)
class LiveEnvironment:
    """An environment as it was read."""

    stacks: Mapping[str, StackReading]
    """By CloudFormation's names."""
    strays: Sequence[str] = ()
    """CloudFormation's names of stacks that bear this environment's tags and that Git does not want."""
    box: Reading = None
    """`{"report", "desired", "config"}`: box.json, desired.json and the Serve configuration that it names."""
    sites: Mapping[str, Reading] = field(default_factory=dict)
    """By artifact: `site.json`, which names the release that is live."""
    notes: Sequence[str] = ()
    """What could not be looked for."""


@dataclass(frozen=True)
class LiveTree:
    """What is live. No files at all where nothing is."""

    files: Mapping[str, str]
    notes: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Stack, without the environment's prefix, or BOX -> why nothing is known of it."""

    def require_known(self) -> None:
        """Raise LiveUnknown unless all of it was read."""
        if self.unknown:
            raise LiveUnknown(self.unknown)


def live_tree(manifest: Manifest, files: Mapping[str, str], live: LiveEnvironment) -> LiveTree:
    """Put what was read into the shape of Git's tree. `manifest` and `files` are what Git wants."""
    return _Reading(manifest, files, live).tree()


def is_there(reading: StackReading) -> bool:
    """Whether a stack runs, or ran and will again."""
    return isinstance(reading, LiveTemplate) and bool(reading.template) and reading.status not in NOT_THERE


def carrier(manifest: Manifest, files: Mapping[str, str], image: Artifact) -> tuple[str, str | None] | None:
    """Who is told to run an image: stack and parameter, or None for the parameter where the template says it."""
    for stack in manifest.stacks:
        for name, value in stack.parameters.items():
            if value == image.address:
                return stack.name, name
    return next(((stack.name, None) for stack in manifest.stacks if image.address in files[stack.template]), None)


class _Reading:
    """One environment while it is put into shape."""

    def __init__(self, manifest: Manifest, files: Mapping[str, str], live: LiveEnvironment) -> None:
        self._manifest, self._files, self._live = manifest, files, live
        self._notes = list(live.notes)
        self._unknown: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._there: dict[str, LiveTemplate] = {}
        """Stacks of the manifest that are there, by their names in it."""
        self._outputs: dict[str, Mapping[str, str]] = {}

    def tree(self) -> LiveTree:
        for stack in self._manifest.stacks:
            self._look_at(stack)
        stacks = [
            replace(stack, sha256=_sha(self._texts[stack.template]), parameters=self._parameters(stack))
            if stack.name in self._there
            else stack
            for stack in self._manifest.stacks
            if stack.name in self._there or stack.name in self._unknown
        ]
        stacks = [self._settled(stack) for stack in stacks] + list(self._strays())
        box = self._box()
        if not (stacks or box.packages or box.config):
            return LiveTree({}, tuple(self._notes), self._unknown)
        serve = ServeManifest(self._manifest.serve.config, _sha(box.config))
        artifacts = tuple(self._artifacts(box, {stack.name for stack in stacks}))
        # What may be pruned is Git's word; here it may still be.
        found = replace(self._manifest, stacks=tuple(stacks), artifacts=artifacts, serve=serve, prune=())
        text = yaml.dump(found.to_data(), Dumper=yaml.CSafeDumper, sort_keys=False)
        files = {"manifest.yaml": text, serve.config: box.config}
        return LiveTree({**files, **self._texts}, tuple(self._notes), self._unknown)

    # --- stacks ------------------------------------------------------------------------------------------------------

    def _look_at(self, stack: StackManifest) -> None:
        name = self._manifest.stack_id(stack.name)
        reading = self._live.stacks.get(name)
        if isinstance(reading, Unreadable):
            self._give_up(stack, reading.reason)
        elif isinstance(reading, LiveTemplate) and is_there(reading):
            self._take(stack, reading)
        elif isinstance(reading, LiveTemplate) and reading.status not in SHELLS:
            self._notes.append(f"stack {stack.name} is {reading.status}: it counts as not there")

    def _take(self, stack: StackManifest, reading: LiveTemplate) -> None:
        wanted = self._files[stack.template]
        outputs = reading.outputs
        if same_text(reading.template, wanted):
            self._texts[stack.template] = wanted
        else:
            try:
                template = _template(reading.template, stack.template)
            except InvalidYaml as error:
                self._give_up(stack, f"its live template cannot be read: {error}")
                return
            self._texts[stack.template] = reading.template
            # While a stack is being updated, its outputs may be those of another template.
            outputs = {name: value for name, value in outputs.items() if name in (template.get("Outputs") or {})}
        self._there[stack.name] = reading
        self._outputs[stack.name] = outputs
        if reading.status.endswith("_IN_PROGRESS"):
            self._notes.append(f"stack {stack.name} is {reading.status}: look again when that is over")

    def _give_up(self, stack: StackManifest, why: str) -> None:
        self._unknown[stack.name] = why
        self._texts[stack.template] = self._files[stack.template]

    def _parameters(self, stack: StackManifest) -> Mapping[str, Wire | str]:
        """Each live value as Git writes it, where Git's way gives the same now."""
        live = self._there[stack.name]
        found: dict[str, Wire | str] = {}
        for name, value in live.parameters.items():
            wanted = stack.parameters.get(name)
            if wanted is None:
                if value not in (_HIDDEN, self._default(stack, name)):
                    found[name] = value
            elif value == _HIDDEN or self._gives(wanted, value):
                found[name] = wanted
            else:
                found[name] = value
        return MappingProxyType(found)

    def _gives(self, wanted: Wire | str, value: str) -> bool:
        match wanted:
            case Wire(source, output):
                return source in self._unknown or self._outputs.get(source, {}).get(output) == value
            case _:
                # Of a value that Git leaves open any is right: the target has its own.
                return wanted in (UNRESOLVED, value)

    def _default(self, stack: StackManifest, parameter: str) -> str | None:
        """What the live template gives a parameter that nobody names, as CloudFormation would tell it."""
        declared = _template(self._texts[stack.template], stack.template).get("Parameters") or {}
        default = (declared.get(parameter) or {}).get("Default")
        return None if default is None else str(default).lower() if isinstance(default, bool) else str(default)

    def _settled(self, stack: StackManifest) -> StackManifest:
        """With what of the stack itself an apply would put right."""
        live = self._there.get(stack.name)
        if live is None:
            return stack
        # No template says what a stack runs whose update has failed for good.
        why = [f"it is {live.status}: an apply settles that first"] if live.status.endswith("_FAILED") else []
        missing = {key: value for key, value in self._manifest.tags.items() if live.tags.get(key) != value}
        if missing:
            said = ", ".join(f"{key}={value}" for key, value in missing.items())
            why.append(f"the stack lacks the tags {said}, which go on to its resources")
        return replace(stack, unsettled=tuple(why))

    def _strays(self) -> Iterator[StackManifest]:
        """What Git dropped: after everything else, with literal parameters."""
        wave = max((stack.wave for stack in self._manifest.stacks), default=-1) + 1
        for name in self._live.strays:
            reading = self._live.stacks.get(name)
            if not isinstance(reading, LiveTemplate):
                continue
            short = name.removeprefix(self._manifest.stack_id(""))
            path, text = f"dropped/{short}.yaml", reading.template if is_there(reading) else _EMPTY
            try:
                _template(text, path)
            except InvalidYaml as error:
                self._unknown[short] = f"its live template cannot be read: {error}"
                continue
            self._texts[path] = text
            yield StackManifest(short, wave, path, _sha(self._texts[path]), MappingProxyType(dict(reading.parameters)))

    # --- artifacts and the box ---------------------------------------------------------------------------------------

    def _box(self) -> Told:
        config = self._manifest.serve.config
        if isinstance(self._live.box, Unreadable):
            self._unknown[BOX] = self._live.box.reason
            return self._as_wanted()
        try:
            found = told(self._live.box, self._manifest.serve.sha256, self._files[config])
            if found.config:
                _mapping(found.config, config)
        except InvalidYaml as error:
            self._unknown[BOX] = f"what it was told cannot be read: {error}"
            return self._as_wanted()
        if self._there:
            self._notes += found.notes
        return found

    def _as_wanted(self) -> Told:
        packages = [one for one in self._manifest.artifacts if one.kind is ArtifactKind.PACKAGE]
        return Told(self._files[self._manifest.serve.config], {one.name: one.address for one in packages})

    def _artifacts(self, box: Told, stacks: set[str]) -> Iterator[Artifact]:
        wanted = self._manifest.artifacts
        for one in wanted:
            match one.kind:
                case ArtifactKind.IMAGE:
                    address = self._image(one)
                case ArtifactKind.SITE:
                    address = self._site(one)
                case ArtifactKind.PACKAGE:
                    address = box.packages.get(one.name)
            if address and one.store.stack in stacks:
                yield replace(one, address=address)
        known = {one.name for one in wanted if one.kind is ArtifactKind.PACKAGE}
        store = next((one.store for one in wanted if one.name in known and one.store.stack in stacks), None)
        for name, address in box.packages.items():
            if name not in known and store:
                yield Artifact(name, ArtifactKind.PACKAGE, "desired.json", address, store)

    def _site(self, site: Artifact) -> str | None:
        """The release that is live; None where there is none."""
        reading = self._live.sites.get(site.name)
        if isinstance(reading, Unreadable):
            if site.edge:
                self._unknown.setdefault(site.edge.stack, reading.reason)
            return site.address  # no difference is known
        address = reading.get("address") if reading else None
        return address if isinstance(address, str) else None

    def _image(self, image: Artifact) -> str | None:
        """The address that is live; None where nothing says one."""
        found = carrier(self._manifest, self._files, image)
        if found is None or found[0] in self._unknown:
            return image.address  # nobody runs it, or nobody can tell: no difference is known
        stack, parameter = found
        if stack not in self._there:
            return None
        live = self._there[stack]
        if parameter is None:
            return image.address if image.address in live.template else None
        value = live.parameters.get(parameter)
        return image.address if value == _HIDDEN else value


def same_text(one: str, other: str) -> bool:
    """CloudFormation may drop the last line end."""
    return one.rstrip() == other.rstrip()


def _sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _template(text: str, name: str) -> Mapping[str, Any]:
    found = _mapping(text, name)
    if not isinstance(found.get("Resources"), Mapping):
        raise InvalidYaml(name, 1, "a template needs a mapping `Resources`")
    return found


def _mapping(text: str, name: str) -> Mapping[str, Any]:
    """Raises InvalidYaml."""
    try:
        data = read_yaml(text, name).data
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidYaml(name, 1, f"not readable as YAML: {error}") from error
    if not isinstance(data, Mapping):
        raise InvalidYaml(name, 1, "a mapping is expected here")
    return data
