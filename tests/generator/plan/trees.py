"""Makes the files of an environment out of templates, as `ecgctl render` would."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import yaml

from generator.model.manifest import Artifact, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire, WiringError, waves

SERVE = "applications: []\n"


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def files(
    stacks: Mapping[str, str],
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    serve: str = SERVE,
    artifacts: tuple[Artifact, ...] = (),
    environment: str = "dev",
) -> dict[str, str]:
    """`stacks`: name -> template text. `parameters`: stack -> name -> literal or {stack, output}."""
    given = {
        stack: {
            name: Wire(value["stack"], value["output"]) if isinstance(value, Mapping) else str(value)
            for name, value in (parameters or {}).get(stack, {}).items()
        }
        for stack in stacks
    }
    manifest = Manifest(
        name=environment,
        project="test",
        region="us-east-1",
        account="unresolved",
        stacks=tuple(
            StackManifest(name, wave, f"stacks/{name}.yaml", sha(stacks[name]), given[name])
            for name, wave in sorted(_waves(given).items(), key=lambda pair: (pair[1], pair[0]))
        ),
        artifacts=artifacts,
        serve=ServeManifest("serve.yaml", sha(serve)),
    )
    return {
        "manifest.yaml": yaml.safe_dump(manifest.to_data(), sort_keys=False),
        "serve.yaml": serve,
        **{f"stacks/{name}.yaml": text for name, text in stacks.items()},
    }


def _waves(given: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    needs = {
        stack: {value.stack for value in values.values() if isinstance(value, Wire) and value.stack in given}
        for stack, values in given.items()
    }
    try:
        return waves(needs)
    except WiringError:
        return dict.fromkeys(given, 0)
