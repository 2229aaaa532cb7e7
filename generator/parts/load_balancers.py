"""What load balancers are told, as Elastic Load Balancing has it: words and words."""

from collections.abc import Mapping
from typing import Any

from troposphere.elasticloadbalancingv2 import LoadBalancerAttributes


def balancer_attributes(values: Mapping[str, Any]) -> list[LoadBalancerAttributes]:
    """Attributes by key, in this order; True and False become the words that it knows."""
    words = {True: "true", False: "false"}
    return [
        LoadBalancerAttributes(Key=key, Value=words[value] if isinstance(value, bool) else value)
        for key, value in values.items()
    ]
