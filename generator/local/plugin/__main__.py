"""Start MiniStack with the plug-in; stop it when standard input closes, which is when the parent is gone."""

from __future__ import annotations

import asyncio.constants
import os
import signal
import sys
import threading

from ministack import app

from . import (
    addresses,
    agent,
    auto_scaling,
    balancers,
    budgets,
    corrections,
    drift,
    edge_keys,
    fleets,
    identity,
    instances,
    layers,
    resources,
    rules,
    scaling,
    scans,
    services_as_principals,
    sign_in,
    sites,
    stand_ins,
    targets,
    viewers,
)

_TYPES = (
    *addresses.TYPES,
    *rules.TYPES,
    *instances.TYPES,
    *identity.TYPES,
    *edge_keys.TYPES,
    *budgets.TYPES,
    *scaling.TYPES,
    *fleets.TYPES,
    *stand_ins.TYPES,
)


def _stop_with_parent() -> None:
    # Not sys.stdin: its lock, held here, would make the interpreter's own shutdown fail.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Run until SIGTERM, or until the parent is gone."""
    scaling.install()
    resources.install(_TYPES)
    corrections.install()
    drift.install()
    services_as_principals.install()
    layers.install()
    scans.install()
    targets.install()
    balancers.install()
    fleets.install()
    auto_scaling.install()
    agent.install()  # after corrections: CloudFormation waits for the corrected service
    sites.install()
    viewers.install()
    sign_in.install()
    # MiniStack would also take port 443 under TLS, for Cognito's issuer; one loopback port is all we were given.
    app._port_is_bindable = lambda *_: False
    # A client that keeps its connection open without reading would hold up the stop for 30 seconds.
    asyncio.constants.SSL_SHUTDOWN_TIMEOUT = 1.0
    sys.argv = [sys.argv[0]]
    threading.Thread(target=_stop_with_parent, name="parent-watch", daemon=True).start()
    app.main()


if __name__ == "__main__":
    main()
