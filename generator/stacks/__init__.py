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
from functools import wraps
from types import MappingProxyType
from typing import Final

from troposphere import Template

from generator.model.environment import UNRESOLVED, Environment, video_key_parameter
from generator.parts.guards import guarded
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

Stack = Callable[[Environment], Template]


def _guarded(stack: Stack) -> Stack:
    @wraps(stack)
    def build(environment: Environment) -> Template:
        return guarded(stack(environment), environment)

    return build


STACKS: Final[Mapping[str, Stack]] = MappingProxyType(
    {
        "network": _guarded(network),
        "security": _guarded(security),
        "storage": _guarded(storage),
        "registry": _guarded(registry),
        "data": _guarded(data),
        "keys": _guarded(keys),
        "load-balancer": _guarded(load_balancer),
        "cdn": _guarded(cdn),
        "identity": _guarded(identity),
        "model-server": _guarded(model_server),
        "api": _guarded(api),
        "observability": _guarded(observability),
    }
)
"""Every stack by name, in the order in which people read them."""


def literals(environment: Environment) -> Mapping[str, Mapping[str, str]]:
    """Parameters with a value of the environment's own, by stack; `unresolved` where nobody has resolved it yet."""

    def locked(*parameters: str) -> dict[str, str]:
        return {name: environment.locked.get(name, UNRESOLVED) for name in parameters}

    pems = map(video_key_parameter, environment.cdn.video_keys)
    given = {"model-server": locked("ModelServerImageId"), "keys": locked(*pems)}
    if environment.security.cloudfront_only:
        given["security"] = locked("CloudFrontPrefixListId")
    if site := environment.site:
        given["load-balancer"] = {"OriginCertificateArn": site.origin_certificate}
        given["cdn"] = {"SiteDomainName": site.domain, "ViewerCertificateArn": site.viewer_certificate}
        if not environment.storage.cors_origins:
            given["storage"] = {"SiteDomainName": site.domain}
    return given
