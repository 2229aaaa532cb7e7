"""One measurement, as plain data."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """One contender under one load, once. None where there are no requests."""

    contender: str
    network: str
    load: str
    round: int
    windows_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    server_cpu_us: float
    """Processor time of all the server's processes, a window; others at work disturb it less than `windows_per_s`."""
    client_cpu_us: float | None
    broken: int
    """Connections that ended without an answer."""
    others: float
    """How many cores somebody else used meanwhile."""
