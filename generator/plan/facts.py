"""What a plan says. Plain frozen data: `generator/report` words it, `generator/sync` acts on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Effect(StrEnum):
    """What CloudFormation does to a resource when a property changes; the order is from mild to grave."""

    IN_PLACE = "in-place"
    INTERRUPTION = "interruption"
    MAY_REPLACE = "may-replace"
    REPLACEMENT = "replacement"
    UNSUPPORTED = "unsupported"
    """CloudFormation refuses the update; the resource has to be made anew by hand."""
    UNKNOWN = "unknown"
    """Nothing is known of the type or the property: never to be taken for safe."""


class Action(StrEnum):
    """What happens to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"


class Cause(StrEnum):
    """Whether a resource's own text changed, or something that it refers to."""

    DIRECT = "direct"
    PROPAGATED = "propagated"


class Fate(StrEnum):
    """What becomes of a resource that leaves its stack, by replacement or removal."""

    DESTROYED = "destroyed"
    SNAPSHOTTED = "snapshotted"
    RETAINED = "retained"
    """It stays, and the stack's next resource takes its place: nothing refers to it any longer."""
    ORPHANED = "orphaned"
    """It stays, with no stack that knows of it."""


class Confidence(StrEnum):
    """How sure a verdict is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


@dataclass(frozen=True)
class PropertyChange:
    """One property that differs. `path` is like `BlockDeviceMappings[0].Ebs.VolumeSize`; values are canonical."""

    path: str
    before: Any
    """None where the property is new."""
    after: Any
    """None where the property is gone."""
    effect: Effect
    proof: str
    """The table row or the rule that says so, with its source."""
    confidence: Confidence


@dataclass(frozen=True)
class ResourceChange:
    """One resource that is created, changed, replaced or removed."""

    stack: str
    resource: str
    """Logical id."""
    type: str
    action: Action
    fate: Fate | None
    """Of the old one; None where nothing leaves the stack."""
    cause: Cause
    properties: tuple[PropertyChange, ...]
    stateful: bool
    """It holds data: a bucket, table, queue, volume, key, log group or user pool."""
    source: str = ""
    """`file:line` of the Python that made it, where a source map is at hand; else file and function."""


@dataclass(frozen=True)
class StackChange:
    """A stack of either tree; `action` and `cause` are None where nothing in it changes."""

    name: str
    action: Action | None
    wave: int
    outputs: tuple[str, ...] = ()
    """Outputs that appear, go or change their value."""
    cause: Cause | None = None
    """Whether something of the stack itself differs, or all of it follows from other stacks."""
    reasons: tuple[str, ...] = ()
    """What differs beside resources and outputs, in words: the state or the tags of a stack that is live."""


@dataclass(frozen=True)
class ArtifactChange:
    """An image or package whose content changes. None stands for one that is not there."""

    name: str
    kind: str
    before: str | None
    """Its content address."""
    after: str | None


class Direction(StrEnum):
    """Whether a change lets more in, or less."""

    WIDENED = "widened"
    NARROWED = "narrowed"


class ExposureKind(StrEnum):
    """In which way something becomes reachable or readable."""

    NETWORK = "network"
    PERMISSION = "permission"
    TRUST = "trust"
    PUBLIC = "public"
    ENCRYPTION = "encryption"
    LOGGING = "logging"


@dataclass(frozen=True)
class Exposure:
    """Who gains or loses what, in words that a reviewer need not decode."""

    stack: str
    resource: str
    kind: ExposureKind
    direction: Direction
    sentence: str
    """Such as `22/tcp of model-server-sg becomes reachable from anywhere (0.0.0.0/0)`."""


@dataclass(frozen=True)
class CostLine:
    """What one resource, or one use, costs a month in USD before and after."""

    stack: str
    resource: str
    item: str
    """Such as `g4dn.xlarge, on demand, 730 h`."""
    before: float
    after: float
    assumption: str = ""
    """The usage that a usage-based line counts with; empty for a fixed one."""
    source: str = ""
    """Where the price is from, with its date."""


@dataclass(frozen=True)
class Cost:
    """Monthly cost in USD. `during` is what double running adds once, while replacements overlap."""

    before: float
    after: float
    during: float
    lines: tuple[CostLine, ...]
    """Lines that differ; for an environment's whole table, all of them."""
    unpriced: tuple[str, ...] = ()
    """`stack.resource (type)` of what the price book does not know."""


@dataclass(frozen=True)
class Downtime:
    """Something that users notice while the change is applied."""

    what: str
    minutes: float
    why: str


@dataclass(frozen=True)
class RolloutStep:
    """One wave: what happens in it and how long its longest stack is expected to take."""

    wave: int
    stacks: tuple[str, ...]
    actions: tuple[str, ...]
    minutes: float


@dataclass(frozen=True)
class Rollout:
    """The order in which the change reaches the world."""

    steps: tuple[RolloutStep, ...]
    minutes: float
    downtime: tuple[Downtime, ...]
    handover: tuple[str, ...] = ()
    """What to know about a replaced GPU box, step by step."""
    stacks: Mapping[str, float] = field(default_factory=dict)
    """Minutes that each changed stack is expected to take."""


class ServeAction(StrEnum):
    """What Ray Serve does with an app."""

    CREATE = "create"
    RECONFIGURE = "reconfigure"
    """In place: no replica restarts."""
    RESTART = "restart"
    """New replicas beside the old ones, then over."""
    DELETE = "delete"


@dataclass(frozen=True)
class ServeChange:
    """One Serve app that changes, and whether old and new fit on the box together."""

    app: str
    action: ServeAction
    reasons: tuple[str, ...]
    needs: Mapping[str, float]
    """CPUs, GPUs and memory (GiB) wanted during the surge, over all apps."""
    has: Mapping[str, float]
    fits: bool


class Severity(StrEnum):
    """How much a finding stands in the way."""

    BLOCKER = "blocker"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Obstacle:
    """Why the change may not deploy, or cannot be taken back."""

    kind: str
    """Such as `name-collision`, `renamed`, `limit`, `output-in-use`, `not-pruned`, `circle`, `one-way`."""
    severity: Severity
    stack: str
    resource: str
    sentence: str


@dataclass(frozen=True)
class Finding:
    """A policy rule that the change breaks."""

    rule: str
    severity: Severity
    stack: str
    resource: str
    sentence: str
    exemption: str = ""
    """Reason and owner of the exemption that admits it; empty where there is none."""


@dataclass(frozen=True)
class Verdict:
    """The plan in one line of numbers."""

    stacks: int
    """Stacks that change."""
    added: int
    changed: int
    replaced: int
    removed: int
    data_at_risk: tuple[str, ...]
    """`stack.resource` of stateful resources whose data would be lost."""
    downtime_minutes: float
    monthly_delta: float
    one_way: bool
    """The reverse change could not undo it."""
    blocked: bool
    """A blocker that no exemption admits."""


@dataclass(frozen=True)
class Plan:
    """What a change will do."""

    environment: str
    digest: str
    """SHA-256 over the effect: a rebase that changes nothing keeps it."""
    verdict: Verdict
    stacks: tuple[StackChange, ...]
    changes: tuple[ResourceChange, ...]
    exposure: tuple[Exposure, ...]
    cost: Cost
    rollout: Rollout
    serve: tuple[ServeChange, ...]
    deployability: tuple[Obstacle, ...]
    policy: tuple[Finding, ...]
    artifacts: tuple[ArtifactChange, ...] = ()

    @property
    def empty(self) -> bool:
        """Nothing would happen."""
        stacks = any(stack.action for stack in self.stacks)
        return not (stacks or self.changes or self.serve or self.artifacts)
