"""Units, as far as the GPU box's stand-in honours them."""

from __future__ import annotations

import pytest

from generator.local.systemd_unit import parse_unit

UNIT = """
[Unit]
Description=x

[Service]
# a comment
Environment="A=one two" B=3
Environment=C=4
EnvironmentFile=-/etc/more
ExecStart=/usr/bin/env python "${B}/run.py" \\
  --flag
Restart=on-failure
RestartSec=500ms
TimeoutStopSec=2min

[Install]
WantedBy=multi-user.target
"""


def test_a_unit_says_what_to_run_with_what_around_it() -> None:
    unit = parse_unit(UNIT, {"/etc/more": "# no\nC=5\nD='six seven'\n"}.get)
    assert unit.command == ("/usr/bin/env", "python", "3/run.py", "--flag")
    assert unit.environment == {"A": "one two", "B": "3", "C": "5", "D": "six seven"}
    assert (unit.restart_s, unit.stop_s) == (0.5, 120.0)


@pytest.mark.parametrize(
    ("restart", "code", "again"),
    [("always", 0, True), ("on-failure", 0, False), ("on-failure", 1, True), ("no", 1, False)],
)
def test_restart_follows_the_unit(restart: str, code: int, again: bool) -> None:
    unit = parse_unit(f"[Service]\nExecStart=/bin/true\nRestart={restart}\n", lambda _: None)
    assert unit.starts_again(code) is again


def test_a_missing_environment_file_matters_unless_marked() -> None:
    assert parse_unit("[Service]\nExecStart=/bin/true\nEnvironmentFile=-/no\n", lambda _: None).environment == {}
    with pytest.raises(ValueError, match="/no"):
        parse_unit("[Service]\nExecStart=/bin/true\nEnvironmentFile=/no\n", lambda _: None)


def test_a_unit_without_a_command_is_an_error() -> None:
    with pytest.raises(ValueError, match="ExecStart"):
        parse_unit("[Service]\nRestart=always\n", lambda _: None)
