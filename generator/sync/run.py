"""One run of apply: what its stacks have in common while they are applied side by side."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Event

from generator.model.manifest import Artifact, Manifest, StackManifest
from generator.sync.errors import Interrupted
from generator.sync.lease import LIFE_SECONDS, Lease, LeaseStore
from generator.sync.ledger import LedgerStore
from generator.sync.pace import Pace
from generator.sync.parameters import resolve
from generator.sync.ports import Artifacts, Clock, StackRequest, Stacks
from generator.sync.progress import Report
from generator.sync.snapshot import Snapshot
from generator.sync.suspension import SuspensionStore
from generator.sync.teardown import Removal
from generator.sync.verify import Approval, Expectations

Outputs = Mapping[str, Mapping[str, str]]
"""Stack -> output -> value."""

AfterWave = Callable[[int, tuple[str, ...], Outputs], None]
"""(number, stacks, outputs of all stacks so far): a health gate. It stops the apply by raising ApplyFailed.

Apply calls it for each stack by itself, once that is deployed, from the stack's own thread.
"""


@dataclass(frozen=True)
class Target:
    """The world that an apply acts on."""

    stacks: Stacks
    artifacts: Artifacts
    clock: Clock
    resolutions: Mapping[str, str] = field(default_factory=dict)
    """Values that this target supplies for parameters that read `unresolved`."""
    leases: LeaseStore | None = None
    """Where the environment's lease lies; None: nobody else can apply here."""
    ledger: LedgerStore | None = None
    """Where deployments are recorded; None: they are not."""
    removal: Removal | None = None
    """Takes stacks away that Git dropped; None: nothing is."""
    suspension: SuspensionStore | None = None
    """Where it is written that machines keep their hands off; None: nowhere."""
    side_by_side: int = 16
    """Stacks under way at once. CloudFormation sets no limit; calls do, and `pace` keeps them few."""
    threads: Callable[[int], Executor] = ThreadPoolExecutor
    """Makes so many threads for the stacks."""
    lease_seconds: float = LIFE_SECONDS


@dataclass(frozen=True)
class Pruning:
    """What an apply removes at its end."""

    stages: tuple[tuple[str, ...], ...]
    """Stacks by name, those of a stage side by side."""
    kept: Mapping[str, tuple[str, ...]]
    """Stack -> what it leaves behind, as people look for it: `Videos (AWS::S3::Bucket) my-bucket`."""


@dataclass(frozen=True)
class Options:
    """What an apply is told besides where to go."""

    who: str = "someone"
    """Shown to whoever finds the lease taken, and kept in the ledger."""
    commit: str = ""
    digest: str = ""
    """The plan's, for the ledger."""
    note: str = ""
    approval: Approval | None = None
    """Required before anything is touched, where given."""
    expectations: Expectations | None = None
    """What the offline plan allows; None: change sets are not compared with it."""
    expected: Mapping[str, float] = field(default_factory=dict)
    """Stack -> seconds that the plan expects its change to take."""
    skip: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Stack -> logical ids that continuing a failed rollback may leave as they are."""
    pruning: Pruning | None = None
    """What goes at the end."""
    while_suspended: bool = False
    """Go on although the environment is suspended: whoever says so knows of the incident."""
    after_publish: Callable[[Artifact, str], None] | None = None
    """Told each artifact and its store, once those of a stack are there. It stops the apply by raising ApplyFailed."""
    after_wave: AfterWave | None = None
    given_up: Event | None = None
    """Set once something has failed or the user stops: a gate under way need not wait any longer."""
    after_box: Callable[[Outputs], None] | None = None
    """As `after_wave`, once the GPU box was told what to run."""


@dataclass(frozen=True)
class Run:
    """An apply under way."""

    manifest: Manifest
    files: Mapping[str, str]
    target: Target
    options: Options
    report: Report
    snapshot: Snapshot
    lease: Lease | None
    stopped: Event = field(default_factory=Event)
    """Set when the user stops the run: threads end at their next wait."""
    pace: Pace = field(default_factory=Pace)

    @property
    def tags(self) -> Mapping[str, str]:
        """What marks a stack as ours."""
        return self.manifest.tags

    def request(self, stack: StackManifest, outputs: Outputs) -> StackRequest:
        """A stack as Git wants it. Raises MissingOutput."""
        return StackRequest(
            name=self.manifest.stack_id(stack.name),
            template=self.files[stack.template],
            parameters=resolve(stack, outputs, self.target.resolutions),
            tags=self.tags,
        )

    def guard(self) -> None:
        """Call it right before anything is changed. Raises LeaseLost, and Interrupted once the user has stopped."""
        if self.stopped.is_set():
            raise Interrupted(self.manifest.name)
        if self.lease is not None:
            self.lease.renew()

    @contextmanager
    def watching(self, stack: str) -> Iterator[Callable[[], None]]:
        """For the length of a wait: what lets time pass until the next look, and raises Interrupted."""
        clock = self.target.clock
        since = clock.monotonic()

        def pause() -> None:
            if self.stopped.is_set():
                raise Interrupted(stack)
            clock.sleep(self.pace.pause(clock.monotonic() - since))

        with self.pace.waiting():
            yield pause

    def token(self, act: str) -> str:
        """A ClientRequestToken: the same for the same act, another for each holder of the lease."""
        fence = self.lease.fence if self.lease else 0
        return f"ecgctl-{fence}-{sha256(act.encode()).hexdigest()[:32]}"
