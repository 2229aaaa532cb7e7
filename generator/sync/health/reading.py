"""What is asked of AWS about stacks, as plain data. `generator/aws/live_stacks.py` asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from generator.sync.health.states import Payload
from generator.sync.health.verdict import Unreadable


@dataclass(frozen=True)
class LiveTemplate:
    """A stack as it is."""

    description: Payload
    """The stack in DescribeStacks."""
    template: str
    """GetTemplate's Original text; empty where the stack has none."""
    resources: Mapping[str, str]
    """Physical ids by logical id, of what exists."""

    @property
    def status(self) -> str:
        """A StackStatus of the CloudFormation API."""
        return str(self.description.get("StackStatus", ""))

    @property
    def parameters(self) -> Mapping[str, str]:
        """Values that the stack was given."""
        return {each["ParameterKey"]: each.get("ParameterValue", "") for each in self.description.get("Parameters", ())}

    @property
    def tags(self) -> Mapping[str, str]:
        """Whose the stack is."""
        return {each["Key"]: each["Value"] for each in self.description.get("Tags", ())}

    @property
    def outputs(self) -> Mapping[str, str]:
        """Values that the stack gives out."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.description.get("Outputs", ())}


StackReading = LiveTemplate | Unreadable | None
"""None where there is no such stack."""


class StackReader(Protocol):
    """Asks CloudFormation. Nothing of AWS's is raised."""

    def read_stacks(self, names: Sequence[str]) -> Mapping[str, StackReading]:
        """Stacks by CloudFormation's names."""

    def named(self, prefix: str) -> Sequence[str] | Unreadable:
        """Names of all stacks that begin so, whether or not Git wants them."""
