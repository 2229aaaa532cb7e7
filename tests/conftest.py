"""Options that all tests share, and the table of faults that `make test-faults` prints at its end."""

from collections.abc import Callable

import pytest

Told = Callable[[str, bool], None]
"""(fault, nothing had to be done by hand): one fault injected, and what came of it."""

_FAULTS: dict[str, list[bool]] = {}


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
def fault() -> Told:
    """Tell of each fault that a test injects; whatever is told stands in the table."""
    return lambda name, converged: _FAULTS.setdefault(name, []).append(converged)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The table: faults injected, converged by the next command, manual steps."""
    if not _FAULTS or not config.getoption("markexpr"):
        return
    terminalreporter.section("faults")
    width = max(map(len, _FAULTS))
    terminalreporter.write_line(f"{'fault':{width}} {'injected':>9} {'converged':>10} {'manual steps':>13}")
    every = [one for told in _FAULTS.values() for one in told]
    for name, told in [*_FAULTS.items(), ("all", every)]:
        terminalreporter.write_line(f"{name:{width}} {len(told):9} {sum(told):10} {len(told) - sum(told):13}")
