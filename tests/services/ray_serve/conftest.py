"""The table of faults under load, printed at the end of `make test-faults`."""

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    import sys

    # Only where it was used: it needs the API's packages, and the rest of these tests does not.
    load = sys.modules.get("tests.services.ray_serve.load")
    if load and load.ROWS:
        terminalreporter.section("faults under load")
        for line in load.table():
            terminalreporter.write_line(line)
