r"""Environment -> troposphere.Template, one module per stack. Pure: no clock, no AWS, no environment variables.

    network ---> security ---> load-balancer ---> cdn --> identity
       |            |              ^               ^ ^ \      |
       |            |              |   storage ----+ |  \     |
       |            |              +------'|         |   \    |
       |            |                      |  keys --+    v   v
       +------------+--> model-server <----+------------>  api  ---> observability
                                              registry ----^
                                              data --------'

Nothing in a stack names another stack: a parameter is wired from the one output that has its name.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from troposphere import Template

from generator.model.environment import UNRESOLVED, Environment, video_key_parameter
from generator.stacks.api import api
from generator.stacks.cdn import cdn
from generator.stacks.data import data
from generator.stacks.identity import identity
from generator.stacks.keys import keys
from generator.stacks.load_balancer import load_balancer
from generator.stacks.model_server import model_server
from generator.stacks.network import network
from generator.stacks.observability import observability
from generator.stacks.registry import registry
from generator.stacks.security import security
from generator.stacks.storage import storage

STACKS: Final[Mapping[str, Callable[[Environment], Template]]] = MappingProxyType(
    {
        "network": network,
        "security": security,
        "storage": storage,
        "registry": registry,
        "data": data,
        "keys": keys,
        "load-balancer": load_balancer,
        "cdn": cdn,
        "identity": identity,
        "model-server": model_server,
        "api": api,
        "observability": observability,
    }
)
"""Every stack by name, in the order in which people read them."""

LOCKED: Final[Mapping[str, str]] = MappingProxyType({"ModelServerImageId": "model-server"})
"""Parameters whose literals come from the environment's lock file, and the stack of each; public keys come besides."""


def literals(environment: Environment) -> Mapping[str, Mapping[str, str]]:
    """Parameters with a value of the environment's own, by stack; `unresolved` where its lock file has none."""
    given: dict[str, dict[str, str]] = {}
    for name, stack in LOCKED.items():
        given.setdefault(stack, {})[name] = environment.locked.get(name, UNRESOLVED)
    pems = map(video_key_parameter, environment.cdn.video_keys)
    return given | {"keys": {name: environment.locked.get(name, UNRESOLVED) for name in pems}}
