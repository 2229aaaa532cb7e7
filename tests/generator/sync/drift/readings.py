"""Readings of a small environment: a security group with a rule too many, a queue that is gone, a quiet bucket."""

from datetime import UTC, datetime
from types import MappingProxyType

from generator.model.manifest import Manifest, ServeManifest, StackManifest
from generator.sync.drift.ignoring import IgnoreRule, parse
from generator.sync.drift.reading import (
    CheckedResource,
    Difference,
    DriftReading,
    ResourceDriftStatus,
    StackDriftReading,
)
from generator.sync.health.verdict import Unreadable

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
OPENED = Difference("/SecurityGroupIngress/1", "ADD", "null", '{"CidrIp": "0.0.0.0/0", "FromPort": 22}')
SCALED = Difference("/DesiredCount", "NOT_EQUAL", "2", "5")


def manifest() -> Manifest:
    def stack(name: str, wave: int) -> StackManifest:
        return StackManifest(name, wave, f"stacks/{name}.yaml", "0", MappingProxyType({}))

    stacks = (stack("security", 0), stack("storage", 0), stack("api", 1))
    return Manifest("dev", "ecg", "us-east-1", "unresolved", stacks, (), ServeManifest("serve.yaml", "1"))


def resource(
    name: str, kind: str, status: ResourceDriftStatus, *differences: Difference, declared: int = 0
) -> CheckedResource:
    return CheckedResource(name, kind, f"id-of-{name}", status, differences, declared)


def readings() -> dict[str, DriftReading]:
    status = ResourceDriftStatus
    return {
        "security": StackDriftReading(
            NOW,
            (
                resource("AlbSecurityGroup", "AWS::EC2::SecurityGroup", status.MODIFIED, OPENED, declared=5),
                resource("Profile", "AWS::IAM::InstanceProfile", status.NOT_CHECKED),
            ),
        ),
        "storage": StackDriftReading(
            NOW,
            (
                resource("Videos", "AWS::S3::Bucket", status.IN_SYNC, declared=7),
                resource("Jobs", "AWS::SQS::Queue", status.DELETED),
            ),
        ),
        "api": StackDriftReading(
            NOW, (resource("ApiService", "AWS::ECS::Service", status.MODIFIED, SCALED, declared=9),)
        ),
    }


def unreadable(reason: str) -> DriftReading:
    return Unreadable(reason)


def rules(expires: str = "2027-03-31") -> tuple[IgnoreRule, ...]:
    return parse(
        f"""\
ignore:
  - {{stack: api, resource: ApiService, property: /DesiredCount, reason: by hand, owner: lead, expires: {expires}}}
  - {{stack: cdn, resource: '*', property: '*', reason: was a trial, owner: lead, expires: 2027-03-31}}
""",
        "dev.drift.yaml",
    )
