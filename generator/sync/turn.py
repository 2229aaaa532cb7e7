"""A turn at an environment: one at a time under its lease, each told to its ledger."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from generator.sync.errors import CallRefused
from generator.sync.lease import Lease, LeaseRecord
from generator.sync.ledger import Ledger, Result, StackResult
from generator.sync.progress import Report, Waiting
from generator.sync.run import Options, Target
from generator.sync.suspension import Suspended, standing


@contextmanager
def leased(environment: str, target: Target, options: Options, report: Report) -> Iterator[Lease | None]:
    """Hold the environment's lease for the length of a block; None where the target has none.

    Raises LeaseHeld, and Suspended where machines have to keep their hands off.
    """
    if target.suspension is not None and not options.while_suspended and (found := standing(target.suspension)):
        raise Suspended(environment, found)
    if target.leases is None:
        yield None
        return

    def waiting(record: LeaseRecord) -> None:
        report(Waiting(record.holder, record.until))

    with Lease(target.leases, options.who, target.clock, target.lease_seconds).held(waiting) as lease:
        yield lease


@contextmanager
def recorded(
    environment: str,
    files: Mapping[str, str],
    target: Target,
    options: Options,
    results: Mapping[str, StackResult],
) -> Iterator[None]:
    """Write to the ledger that a deployment of `files` begins, and what came of it: `results`, filled meanwhile."""
    if target.ledger is None:
        yield
        return
    ledger = Ledger(target.ledger, environment)
    begun = ledger.begin(files, options.who, options.commit, options.digest, options.note)
    try:
        yield
    except BaseException as error:
        result = Result.FAILED if isinstance(error, Exception) else Result.INTERRUPTED
        try:
            ledger.end(begun, result, results, str(error))
        except CallRefused as unwritten:
            error.add_note(f"and the ledger could not be written: {unwritten}")
        raise
    ledger.end(begun, Result.SUCCEEDED, results)
