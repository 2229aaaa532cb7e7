"""What the agent may do next; `decide` chooses one, `loop` does it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.desired import CanaryRule, Desired, Head
from reconciler.rollout import Step
from reconciler.trial import Trial


@dataclass(frozen=True)
class Wait:
    """Nothing to do but to look again, `soon` if something is on its way."""

    why: str
    soon: bool = False


@dataclass(frozen=True)
class Fetch:
    """Bring what this generation needs onto the box."""

    target: Desired


@dataclass(frozen=True)
class StartRay:
    """Start the head node."""

    head: Head


@dataclass(frozen=True)
class StopRay:
    """Stop it, to start it anew."""

    why: str


@dataclass(frozen=True)
class Apply:
    """Tell Serve this generation's configuration, as far as the step goes."""

    target: Desired
    step: Step = Step.WHOLE
    tried: Mapping[str, CanaryRule] = field(default_factory=dict)
    """The apps of it that go past a canary."""


@dataclass(frozen=True)
class Unsplit:
    """Give all requests of the apps that are tried back to the last good version; the canaries stay, unasked."""

    trial: Trial


@dataclass(frozen=True)
class Prove:
    """Have these apps of what was applied answer their golden cases."""

    target: Desired
    apps: frozenset[str]


@dataclass(frozen=True)
class Promote:
    """The canaries have been seen for long enough: the new version takes over."""

    target: Desired


@dataclass(frozen=True)
class Accept:
    """What was applied is healthy: from now on it is the last good one."""

    target: Desired


@dataclass(frozen=True)
class Reject:
    """This generation does not become healthy: back to the last good one."""

    generation: str
    message: str
    refused: bool = False
    """See `Failure`."""


Action = Wait | Fetch | StartRay | StopRay | Apply | Unsplit | Prove | Promote | Accept | Reject
