"""What Git dropped goes last, only by name, in the reverse of its wiring; what its template retains stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType

import pytest

from generator.model.manifest import (
    Artifact,
    ArtifactKind,
    InvalidManifest,
    Manifest,
    ServeManifest,
    StackManifest,
    parse,
)
from generator.model.wiring import Wire
from generator.plan.facts import Plan
from generator.plan.plan import plan
from generator.plan.reading import read_pair
from generator.pruning import pruning_of
from generator.render.yaml_text import dump
from generator.sync.apply import Options, Target, apply
from generator.sync.ports import LiveStack, StackEvent, StackResource
from generator.sync.progress import BoxPointed, Fact, StackPruned
from generator.sync.prune import DataWouldBeLost, NotPruned, kept_by
from generator.sync.run import Pruning
from generator.sync.teardown import TeardownFailed, TerminationProtected
from tests.generator.sync.worlds import FakeClock, InMemoryArtifacts, InMemoryStacks

STORAGE = "Resources: {Bucket: {Type: 'AWS::S3::Bucket'}}\nOutputs: {BucketName: {Value: the-bucket}}\n"
OLD = """\
Resources:
  Videos: {Type: 'AWS::S3::Bucket', DeletionPolicy: Retain}
  Topic: {Type: 'AWS::SNS::Topic'}
Outputs: {VideosName: {Value: videos}}
"""
USER = "Parameters: {VideosName: {Type: String}}\nResources: {Alarm: {Type: 'AWS::SNS::Topic'}}\n"
SERVE = "applications: []\n"


def tree(*stacks: str, prune: Sequence[str] = (), apps: str = SERVE) -> dict[str, str]:
    """A rendered environment of these stacks."""
    texts = {"storage": STORAGE, "old": OLD, "user": USER}
    listed = []
    for name in stacks:
        wired = {"VideosName": Wire("old", "VideosName")} if name == "user" else {}
        path, digest = f"stacks/{name}.yaml", sha256(texts[name].encode()).hexdigest()
        listed.append(StackManifest(name, int(name == "user"), path, digest, MappingProxyType(wired)))
    manifest = Manifest(
        name="dev",
        project="ecg",
        region="us-east-1",
        account="unresolved",
        stacks=tuple(listed),
        artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "abc.zip", Wire("storage", "BucketName")),),
        serve=ServeManifest("serve.yaml", sha256(apps.encode()).hexdigest()),
        prune=tuple(prune),
    )
    files = {f"stacks/{name}.yaml": texts[name] for name in stacks}
    return {"manifest.yaml": dump(manifest.to_data()), **files, "serve.yaml": apps}


def manifest_of(files: Mapping[str, str]) -> Manifest:
    return parse(files["manifest.yaml"], "manifest.yaml")


def planned(before: Mapping[str, str], after: Mapping[str, str]) -> Plan:
    return plan(*read_pair(before, after, ("before", "after")))


@dataclass
class Removal:
    """What `aws.teardown.CloudFormationRemoval` offers, over stacks in memory."""

    stacks: InMemoryStacks
    templates: Mapping[str, str] = field(default_factory=dict)

    def describe(self, name: str) -> LiveStack | None:
        return self.stacks.describe(name)

    def delete(self, stack: LiveStack, token: str) -> None:
        self.stacks.delete(stack, token)

    def failures(self, stack: LiveStack) -> Sequence[StackEvent]:
        return ()

    def template(self, stack: LiveStack) -> str:
        return self.templates.get(stack.name) or self.stacks.template(stack)

    def resources(self, stack: LiveStack) -> Sequence[StackResource]:
        return self.stacks.resources(stack)

    def stacks_of(self, project: str, environment: str) -> tuple[str, ...]:
        return tuple(sorted(name.removeprefix(f"{project}-{environment}-") for name in self.stacks.held))


@dataclass
class World:
    """An environment to which trees are applied, one after the other."""

    clock: FakeClock = field(default_factory=FakeClock)
    stacks: InMemoryStacks = field(default_factory=InMemoryStacks)
    told: list[Fact] = field(default_factory=list)

    def apply(self, files: Mapping[str, str], pruning: Pruning | None = None) -> None:
        target = Target(self.stacks, InMemoryArtifacts(), self.clock, removal=Removal(self.stacks), side_by_side=1)
        apply(manifest_of(files), files, target, self.told.append, Options(pruning=pruning))

    def pruning(self, before: Mapping[str, str], after: Mapping[str, str], **templates: str) -> Pruning | None:
        named = {f"ecg-dev-{name}": text for name, text in templates.items()}
        removal = Removal(self.stacks, named)
        was = manifest_of(before) if before else None
        return pruning_of(manifest_of(after), was, planned(before, after), removal)  # type: ignore[arg-type]


ALL = tree("storage", "old", "user")
NAMED = tree("storage", prune=("stack:old", "stack:user"))


@pytest.fixture
def world() -> World:
    deployed = World()
    deployed.apply(ALL)
    deployed.told.clear()
    return deployed


def test_what_git_drops_and_names_is_removed_in_the_reverse_of_its_wiring(world: World) -> None:
    pruning = world.pruning(ALL, NAMED)
    assert pruning is not None
    assert pruning.stages == (("user",), ("old",))
    world.apply(NAMED, pruning)
    assert list(world.stacks.held) == ["ecg-dev-storage"]


def test_it_goes_after_everything_that_git_wants_is_there(world: World) -> None:
    world.apply(NAMED, world.pruning(ALL, NAMED))
    kinds = [type(fact) for fact in world.told if isinstance(fact, BoxPointed | StackPruned)]
    assert kinds == [BoxPointed, StackPruned, StackPruned]


def test_what_a_template_retains_is_told_with_its_physical_id(world: World) -> None:
    world.apply(NAMED, world.pruning(ALL, NAMED))
    kept = {fact.stack: fact.kept for fact in world.told if isinstance(fact, StackPruned)}
    assert kept["user"] == ()
    assert [line.rpartition(" ")[0] for line in kept["old"]] == ["Videos (AWS::S3::Bucket)"]


@pytest.mark.parametrize("prune", [(), ("stack:old",), ("stack:other",)])
def test_a_dropped_stack_that_is_not_named_stops_the_apply_before_it_touches_anything(
    world: World, prune: tuple[str, ...]
) -> None:
    with pytest.raises(NotPruned, match=r'write prune=\(.*"stack:user",\) into generator/environments/dev.py'):
        world.pruning(ALL, tree("storage", prune=prune))


def test_a_dropped_serve_app_that_is_not_named_stops_it_too(world: World) -> None:
    one = "applications: [{name: grader, route_prefix: /grader, import_path: apps.grader.app:build}]\n"
    with pytest.raises(NotPruned, match="app:grader"):
        world.pruning(tree("storage", apps=one), tree("storage"))
    assert world.pruning(tree("storage", apps=one), tree("storage", prune=("app:grader",))) is None


def test_a_stack_whose_data_would_go_with_it_is_refused(world: World) -> None:
    unprotected = OLD.replace(", DeletionPolicy: Retain", "")
    with pytest.raises(DataWouldBeLost, match="removing stack old would destroy Videos"):
        world.pruning(ALL, NAMED, old=unprotected)


def test_stacks_that_are_protected_stop_the_apply_before_it_touches_anything(world: World) -> None:
    live = [world.stacks.describe(f"ecg-dev-{name}") for name in ("old", "storage")]
    for stack in live:
        assert stack is not None
        world.stacks.protect(stack)
    with pytest.raises(TerminationProtected, match=r"no-enable-termination-protection --stack-name ecg-dev-old$"):
        world.pruning(ALL, NAMED)


def test_what_was_dropped_by_an_earlier_deployment_goes_once_it_is_named(world: World) -> None:
    before = tree("storage")
    pruning = world.pruning(before, NAMED)
    assert pruning is not None
    assert pruning.stages == (("old", "user"),)


def test_a_name_of_something_that_is_gone_already_does_nothing() -> None:
    world = World()
    world.apply(tree("storage"))
    assert world.pruning(tree("storage"), NAMED) is None


def test_a_stack_that_cannot_be_deleted_fails_the_apply_and_leaves_those_that_it_uses(world: World) -> None:
    world.stacks.undeletable = {"Alarm"}
    with pytest.raises(TeardownFailed):
        world.apply(NAMED, world.pruning(ALL, NAMED))
    assert "ecg-dev-old" in world.stacks.held
    world.stacks.undeletable = set()
    world.apply(NAMED, world.pruning(ALL, NAMED))
    assert list(world.stacks.held) == ["ecg-dev-storage"]


def test_a_name_that_is_still_wanted_is_a_mistake_with_its_line() -> None:
    text = tree("storage", prune=("stack:storage",))["manifest.yaml"]
    with pytest.raises(InvalidManifest, match=r"manifest.yaml:\d+: .*stack:storage is still wanted"):
        parse(text, "manifest.yaml")


def test_a_manifest_with_names_reads_back_as_it_was() -> None:
    manifest = manifest_of(NAMED)
    assert manifest.prune == ("stack:old", "stack:user")
    assert parse(dump(manifest.to_data()), "m") == manifest
    assert "prune" not in replace(manifest, prune=()).to_data()["spec"]


@pytest.mark.parametrize("text", ["", "Resources: [", "[]", "Resources: {A: {Type: T, DeletionPolicy: Delete}}"])
def test_a_template_that_retains_nothing_keeps_nothing(text: str) -> None:
    assert kept_by(text, {"A": "a"}) == ()
