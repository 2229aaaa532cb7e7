"""Numbers that a template sets and something else scales: every update puts them back."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from generator.plan.facts import Action, Obstacle, ResourceChange, Severity
from generator.plan.tree import Att, Ref, Template, Tree, references

_TARGET: Final = "AWS::ApplicationAutoScaling::ScalableTarget"
_COUNTS: Final = {
    ("AWS::ECS::Service", _TARGET): ("DesiredCount", "ResourceId"),
    ("AWS::DynamoDB::Table", _TARGET): ("ProvisionedThroughput", "ResourceId"),
    ("AWS::RDS::DBCluster", _TARGET): ("Capacity", "ResourceId"),
    ("AWS::AutoScaling::AutoScalingGroup", "AWS::AutoScaling::ScalingPolicy"): (
        "DesiredCapacity",
        "AutoScalingGroupName",
    ),
}


def scaled(after: Tree, changes: Iterable[ResourceChange]) -> Iterator[Obstacle]:
    """A warning for each count that stands beside its scaling, where either is touched."""
    touched = {(one.stack, one.resource) for one in changes if one.action is not Action.DELETE}
    for stack in sorted(after.templates):
        template = after.templates[stack]
        for (kind, scaler), (count, link) in _COUNTS.items():
            for name, resource in sorted(template.resources.items()):
                if resource.type != kind or count not in resource.properties:
                    continue
                by = _scaler(template, scaler, link, name, resource.properties.get("ServiceName"))
                if by and {(stack, name), (stack, by)} & touched:
                    sentence = f"{count} of {name} is set although {by} scales it: an update puts it back; leave it out"
                    yield Obstacle("desired-count", Severity.WARNING, stack, name, sentence)


def _scaler(template: Template, kind: str, link: str, name: str, called: Any) -> str:
    for other, resource in sorted(template.resources.items()):
        if resource.type != kind:
            continue
        target = resource.properties.get(link)
        if any(one == Ref(name) or (isinstance(one, Att) and one.resource == name) for one in references(target)):
            return other
        if isinstance(called, str) and isinstance(target, str) and target.endswith(f"/{called}"):
            return other
    return ""
