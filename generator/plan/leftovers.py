"""What a stack deletes while another one, whose turn comes later, still uses it: AWS refuses, and it stays."""

from collections.abc import Iterable, Iterator
from typing import Final

from generator.model.wiring import Wire
from generator.plan.facts import Fate, Obstacle, ResourceChange, Severity
from generator.plan.tree import Ref, Template, Tree, references

REFUSES: Final = frozenset(
    {
        "AWS::CertificateManager::Certificate",
        "AWS::CloudFront::CachePolicy",
        "AWS::CloudFront::Function",
        "AWS::CloudFront::KeyGroup",
        "AWS::CloudFront::OriginAccessControl",
        "AWS::CloudFront::PublicKey",
        "AWS::EC2::InternetGateway",
        "AWS::EC2::LaunchTemplate",
        "AWS::EC2::SecurityGroup",
        "AWS::EC2::Subnet",
        "AWS::EC2::VPC",
        "AWS::ECS::Cluster",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "AWS::RDS::DBParameterGroup",
        "AWS::RDS::DBSubnetGroup",
        "AWS::WAFv2::WebACL",
    }
)
"""Types that AWS does not delete while something uses them (`DependencyViolation`, `ResourceInUse` and the like).
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html (2026-11-23)."""


def leftovers(before: Tree, changes: Iterable[ResourceChange]) -> Iterator[Obstacle]:
    """A warning for each resource that its stack deletes too early."""
    if before.manifest is None:
        return
    wave = {stack.name: stack.wave for stack in before.manifest.stacks}
    users: dict[Wire, list[str]] = {}
    for stack in before.manifest.stacks:
        for value in stack.parameters.values():
            if isinstance(value, Wire):
                users.setdefault(value, []).append(stack.name)
    for change in changes:
        if change.fate is not Fate.DESTROYED or change.type not in REFUSES:
            continue
        feeds = _feeds(before.templates[change.stack], change.resource)
        later = {name for output in feeds for name in users.get(Wire(change.stack, output), ())}
        if later := {name for name in later if wave[name] > wave[change.stack]}:
            sentence = (
                f"the old {change.resource} is deleted while {', '.join(sorted(later))} still uses it: "
                f"that fails, and it stays until somebody deletes it"
            )
            yield Obstacle("left-behind", Severity.WARNING, change.stack, change.resource, sentence)


def _feeds(template: Template, resource: str) -> Iterator[str]:
    """The outputs that tell of a resource."""
    for output, value in template.outputs.items():
        names = (one.name if isinstance(one, Ref) else one.resource for one in references(value))
        if resource in names:
            yield output
