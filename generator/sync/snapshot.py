"""The live state of an environment's stacks, read once and side by side, before anything is decided."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

from generator.model.manifest import Manifest
from generator.sync.ports import LiveStack, StackRequest, Stacks
from generator.sync.states import ours, steady


@dataclass(frozen=True)
class Seen:
    """One stack as it was when the snapshot was taken."""

    live: LiveStack | None
    template: str = ""
    leftovers: tuple[str, ...] = ()
    """Our own change sets that an earlier apply computed and did not execute."""

    @property
    def template_sha256(self) -> str:
        """Hash of the live template's text; empty where there is no stack."""
        return sha256(self.template.encode()).hexdigest() if self.template else ""

    def is_already(self, request: StackRequest) -> bool:
        """The stack runs this very text with these parameters: no change set has to be computed to know.

        A trailing line end does not count: CloudFormation may drop it.
        """
        return (
            self.live is not None
            and steady(self.live)
            and self.template.rstrip() == request.template.rstrip()
            and dict(self.live.parameters) == dict(request.parameters)
            and ours(self.live, request.tags)
        )


@dataclass(frozen=True)
class Snapshot:
    """All stacks of a manifest, by their names in it."""

    stacks: Mapping[str, Seen]


def snapshot(manifest: Manifest, stacks: Stacks, side_by_side: int = 6) -> Snapshot:
    """Read every stack of a manifest. Raises CallRefused."""
    names = [stack.name for stack in manifest.stacks]
    with ThreadPoolExecutor(side_by_side) as pool:
        seen = list(pool.map(lambda name: _see(manifest.stack_id(name), stacks), names))
    return Snapshot(dict(zip(names, seen, strict=True)))


def _see(name: str, stacks: Stacks) -> Seen:
    live = stacks.describe(name)
    if live is None:
        return Seen(None)
    # A template is only worth its call where it can be compared.
    text = stacks.template(live) if steady(live) else ""
    return Seen(live, text, tuple(stacks.leftovers(live)))
