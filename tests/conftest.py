"""Options that all tests share, and the table of faults that `make test-faults` prints at its end."""

from collections import Counter
from dataclasses import dataclass, field

import pytest


@dataclass
class FaultTable:
    """Faults by name: how many were injected, converged by the next command alone, and how often `status` and `plan
    --live` were held against each other meanwhile."""

    rows: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, fault: str, injected: int = 1, converged: int = 1, agreed: int = 0) -> None:
        """Tell of faults of one kind; whatever did not converge would have needed somebody's hands."""
        row = self.rows.setdefault(fault, Counter())
        row.update(injected=injected, converged=converged, agreed=agreed)


_TABLE = FaultTable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write golden files anew instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: every fault at every call, and every order (make test-faults)")
    config.addinivalue_line("markers", "fault: a fault that always runs, and that make test-faults runs too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long forms run where they are asked for: `-m faults`. Each has a short form beside it that always runs."""
    if config.getoption("markexpr"):
        return
    long = [item for item in items if item.get_closest_marker("faults")]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if not item.get_closest_marker("faults")]


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-goldens"))


@pytest.fixture
def faults() -> FaultTable:
    """Tell of each fault that a test injects; whatever is told stands in the table."""
    return _TABLE


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table: faults injected, converged by the next command, manual steps, agreements."""
    if not _TABLE.rows or not config.getoption("markexpr"):
        return
    terminalreporter.section("faults")
    every = sum(_TABLE.rows.values(), Counter())
    width = max(map(len, _TABLE.rows))
    terminalreporter.write_line(
        f"{'fault':{width}} {'injected':>9} {'converged':>10} {'manual steps':>13} {'agreed':>7}"
    )
    for name, row in [*_TABLE.rows.items(), ("all", every)]:
        manual = row["injected"] - row["converged"]
        counts = f"{row['injected']:9} {row['converged']:10} {manual:13} {row['agreed']:7}"
        terminalreporter.write_line(f"{name:{width}} {counts}")
    terminalreporter.write_line("agreed: status and plan --live said the same, after each fault and at the end")
