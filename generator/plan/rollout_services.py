"""How an ECS service rolls from old tasks to new ones: AWS's arithmetic of its deployment configuration.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html (read 2026-11-23): at
least `ceil(desired * minimumHealthyPercent)` tasks stay, at most `floor(desired * maximumPercent)` run; 100 and 200 are
the defaults.
"""

import math
from dataclasses import dataclass
from typing import Any

from generator.plan.cost_values import Values, number
from generator.plan.facts import ResourceChange
from generator.plan.tree import Tree

_WITHOUT_NEW_TASKS = (
    "DesiredCount",
    "DeploymentConfiguration",
    "Tags",
    "HealthCheckGracePeriodSeconds",
    "PropagateTags",
)


@dataclass(frozen=True)
class Rolling:
    """The room that a service's deployment configuration gives."""

    desired: int
    least: int
    """Tasks that stay up throughout."""
    most: int
    """Tasks that may run at once."""

    @classmethod
    def of(cls, stack: str, resource: str, tree: Tree) -> "Rolling | None":
        """A service's room; None where the tree does not tell its numbers."""
        template = tree.templates.get(stack)
        found = template.resources.get(resource) if template else None
        if template is None or found is None:
            return None
        properties: Any = Values(tree).resolve(template, dict(found.properties))
        configuration = properties.get("DeploymentConfiguration")
        configuration = configuration if isinstance(configuration, dict) else {}
        desired = number(properties.get("DesiredCount"), 1)
        least = number(configuration.get("MinimumHealthyPercent"), 100)
        most = number(configuration.get("MaximumPercent"), 200)
        if desired is None or least is None or most is None:
            return None
        return cls(int(desired), math.ceil(desired * least / 100), math.floor(desired * most / 100))

    @property
    def extra_share(self) -> float:
        """Tasks beyond the wanted ones while it rolls, as a share of the wanted ones; 0 to 1."""
        return min(1.0, max(0.0, (self.most - self.desired) / self.desired)) if self.desired else 0.0

    @property
    def stuck(self) -> bool:
        """No task may stop and none may start: ECS would wait for ever."""
        return self.desired > 0 and self.least >= self.desired and self.most <= self.desired

    def starts_tasks(self, change: ResourceChange) -> bool:
        """Whether an update of the service starts new tasks beside old ones."""
        return any(not one.path.startswith(_WITHOUT_NEW_TASKS) for one in change.properties)
