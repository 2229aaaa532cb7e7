"""Trees for the tests of exposure and policy: small ones out of resources, and edits of the real dev templates."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from generator.plan.changes import changes
from generator.plan.exposure import exposure
from generator.plan.facts import Direction, Exposure, ResourceChange
from generator.plan.reading import read_pair
from generator.plan.tree import Tree

DEV = Path(__file__).resolve().parents[3] / "templates_out" / "dev"

Stacks = Mapping[str, Mapping[str, Any]]
"""Stack -> its template as data; `Parameters` that other stacks give out are wired to them."""


def files(stacks: Stacks) -> dict[str, str]:
    """The files of a tree."""
    texts = {f"stacks/{name}.yaml": json.dumps(template) for name, template in stacks.items()}
    outputs = {output: name for name, template in stacks.items() for output in template.get("Outputs", {})}
    entries = [
        {
            "name": name,
            "wave": wave,
            "template": f"stacks/{name}.yaml",
            "sha256": sha256(texts[f"stacks/{name}.yaml"].encode()).hexdigest(),
            "parameters": {
                parameter: {"stack": outputs[parameter], "output": parameter}
                for parameter in template.get("Parameters", {})
                if parameter in outputs
            },
        }
        for wave, (name, template) in enumerate(stacks.items())
    ]
    manifest = {
        "apiVersion": "gitops.ecg/v1",
        "kind": "Environment",
        "metadata": {"name": "dev", "project": "p", "region": "us-east-1", "account": "unresolved"},
        "spec": {
            "stacks": entries,
            "artifacts": [],
            "serve": {"config": "serve.yaml", "sha256": sha256(b"{}").hexdigest()},
        },
    }
    return {**texts, "serve.yaml": "{}", "manifest.yaml": json.dumps(manifest)}


def one_stack(resources: Mapping[str, Any]) -> Stacks:
    """A tree of one stack, `main`."""
    return {"main": {"Resources": dict(resources)}} if resources else {}


def resource(type_: str, **properties: Any) -> dict[str, Any]:
    """A resource."""
    return {"Type": type_, "Properties": properties}


def compared(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Tree, Tree, tuple[ResourceChange, ...]]:
    """Two trees read, and what changes between them."""
    old, new = read_pair(before, after)
    return old, new, tuple(changes(old, new).resources)


def exposed(before: Stacks, after: Stacks) -> tuple[Exposure, ...]:
    """The exposures of a change from one set of stacks to another."""
    return exposure(*compared(files(before) if before else {}, files(after) if after else {}))


def said(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The sentences of a change of one stack's resources: `+` widened, `-` narrowed."""
    return sentences(exposed(one_stack(before), one_stack(after)))


def sentences(some: tuple[Exposure, ...]) -> list[str]:
    """Sentences with their direction."""
    return [f"{'+' if one.direction is Direction.WIDENED else '-'} {one.sentence}" for one in some]


def dev() -> dict[str, str]:
    """The committed files of dev, with addresses that fit even while somebody is rendering."""
    return addressed({str(path.relative_to(DEV)): path.read_text(encoding="utf-8") for path in DEV.rglob("*.yaml")}, {})


def edited(stack: str, old: str, new: str, count: int = 1) -> dict[str, str]:
    """dev with a text of one stack's template replaced; the text has to be there."""
    texts = dev()
    path = f"stacks/{stack}.yaml"
    assert old in texts[path], f"{path} has no {old!r}"
    return addressed(texts, {path: texts[path].replace(old, new, count)})


def addressed(texts: Mapping[str, str], changed: Mapping[str, str]) -> dict[str, str]:
    """Files with the manifest's addresses of templates and Serve configuration put right."""
    result = {**texts, **changed}
    lines = result["manifest.yaml"].splitlines()
    path = ""
    for index, line in enumerate(lines):
        key, _, value = line.strip().partition(": ")
        if key in ("template", "config", "serve"):
            path = value
        elif key == "sha256" and path in result:
            lines[index] = line.replace(value, sha256(result[path].encode()).hexdigest())
    result["manifest.yaml"] = "\n".join(lines) + "\n"
    return result


def section(texts: Mapping[str, str], stack: str, start: str, end: str, after: str = "") -> str:
    """The text of a template from `start` up to `end`, looked for behind `after`."""
    text = texts[f"stacks/{stack}.yaml"]
    first = text.index(start, text.index(after))
    return text[first : text.index(end, first + 1)]
