"""Small trees, and the committed one of dev, for the tests of cost, rollout and Serve."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from generator.model.manifest import Artifact, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.plan.facts import Action, Cause, Confidence, Effect, Fate, PropertyChange, ResourceChange
from generator.plan.reading import read
from generator.plan.tree import Resource, Template, Tree

ROOT = Path(__file__).resolve().parents[3]


@cache
def dev() -> Tree:
    """`templates_out/dev` as committed."""
    folder = ROOT / "templates_out" / "dev"
    return read({path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*.yaml")}, "dev")


def resource(name: str, kind: str, depends_on: tuple[str, ...] = (), **properties: Any) -> Resource:
    return Resource(name, kind, properties, depends_on=depends_on)


def template(
    stack: str, *resources: Resource, outputs: Mapping[str, Any] = MappingProxyType({}), **more: Any
) -> Template:
    return Template(stack, {}, {}, {one.id: one for one in resources}, outputs, **more)


def tree(
    *templates: Template,
    waves: Mapping[str, int] = MappingProxyType({}),
    parameters: Mapping[str, Mapping[str, Wire | str]] = MappingProxyType({}),
    artifacts: Iterable[Artifact] = (),
    serve: Mapping[str, Any] = MappingProxyType({}),
    region: str = "us-east-1",
) -> Tree:
    """A tree with a manifest; a stack without a wave is in wave 0."""
    stacks = tuple(
        StackManifest(
            one.stack, waves.get(one.stack, 0), f"stacks/{one.stack}.yaml", "0" * 64, parameters.get(one.stack, {})
        )
        for one in templates
    )
    manifest = Manifest("dev", "ecg", region, "unresolved", stacks, tuple(artifacts), ServeManifest("serve.yaml", "1"))
    return Tree(manifest, {one.stack: one for one in templates}, serve)


def change(
    stack: str,
    name: str,
    kind: str,
    action: Action,
    fate: Fate | None = None,
    path: str = "",
    effect: Effect = Effect.IN_PLACE,
) -> ResourceChange:
    """A change of a resource, with one property where a path is given."""
    properties = (PropertyChange(path, "a", "b", effect, "", Confidence.CERTAIN),) if path else ()
    return ResourceChange(stack, name, kind, action, fate, Cause.DIRECT, properties, stateful=False)
