"""Stands in HAProxy's place for Ray, and starts it with a configuration that stays on its address.

As Ray 2.60 writes it, HAProxy's pages of statistics and of metrics listen on every address, whatever host Serve has;
and it looks for replicas of its own node at 127.0.0.1, though they listen on Serve's host. `front` copies this file to
where Ray is told that HAProxy is, so it imports nothing of ours.
"""

import os
import re
import sys
from collections.abc import Collection
from pathlib import Path

BINARY, HOST = "ECG_FRONT_BINARY", "ECG_FRONT_HOST"
_EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 compared, not bound
_PAGES = ("RAY_SERVE_HAPROXY_STATS_PORT", "RAY_SERVE_HAPROXY_METRICS_PORT")


def confined(configuration: str, host: str, pages: Collection[str]) -> str:
    """The same, with the ports `pages` on loopback, and replicas of this node where they listen."""
    for port in pages:
        configuration = re.sub(rf"^(\s*bind )\*?:{port}$", rf"\g<1>127.0.0.1:{port}", configuration, flags=re.MULTILINE)
    if host in _EVERYWHERE:
        return configuration
    return re.sub(r"^(\s*server \S+ )127\.0\.0\.1:", rf"\g<1>{host}:", configuration, flags=re.MULTILINE)


def main() -> None:
    """Become HAProxy."""
    if "-f" in sys.argv:
        file = Path(sys.argv[sys.argv.index("-f") + 1])
        file.write_text(confined(file.read_text(), os.environ[HOST], [os.environ[name] for name in _PAGES]))
    binary = os.environ[BINARY]
    os.execv(binary, [binary, *sys.argv[1:]])  # noqa: S606 the same process, since Ray watches its id


if __name__ == "__main__":
    main()
