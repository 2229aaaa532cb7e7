"""What can keep an apply from reaching what Git wants.

ApplyFailed
├── StackFailed       a resource failed; CloudFormation rolled the stack back
├── StackNotReady     a stack is in a state from which no change set can start
├── WaveFailed        one or more stacks of a wave failed; later waves were not started
└── AddressMismatch   an artifact's source is not what the manifest names
Unresolved            deploy-time values that this target cannot supply
MissingOutput         a wire to an output that the live stack does not have
"""

from collections.abc import Mapping, Sequence

from generator.errors import EcgError
from generator.sync.ports import LiveStack, StackEvent


class ApplyFailed(EcgError):
    """The world is not what Git wants."""


class StackFailed(ApplyFailed):
    """A stack operation ended in failure."""

    def __init__(self, stack: LiveStack, failures: Sequence[StackEvent]) -> None:
        self.stack, self.failures = stack, tuple(failures)
        causes = [f"  {e.logical_id} ({e.type}) {e.status}: {e.reason or 'no reason given'}" for e in failures]
        super().__init__(
            "\n".join(
                [
                    f"stack {stack.name} ended in {stack.status}" + (f": {stack.reason}" if stack.reason else ""),
                    *causes,
                    "  next: mend the template or the account, and apply again; nothing else is needed",
                ]
            )
        )


class StackNotReady(ApplyFailed):
    """No change set can start from the stack's state."""

    def __init__(self, stack: LiveStack) -> None:
        self.stack = stack
        super().__init__(
            f"stack {stack.name} is {stack.status}"
            + (f" ({stack.reason})" if stack.reason else "")
            + ", from which CloudFormation accepts no change\n"
            f"  next: aws cloudformation describe-stack-events --stack-name {stack.name}"
        )


class WaveFailed(ApplyFailed):
    """Everything that went wrong in a wave."""

    def __init__(self, wave: int, errors: Mapping[str, EcgError]) -> None:
        self.wave, self.errors = wave, dict(errors)
        super().__init__(f"wave {wave} failed\n" + "\n".join(str(error) for error in errors.values()))


class AddressMismatch(ApplyFailed):
    """Publishing would put other bytes at an address than the ones reviewed."""

    def __init__(self, name: str, source: str, wanted: str, found: str) -> None:
        self.name, self.source, self.wanted, self.found = name, source, wanted, found
        super().__init__(
            f"artifact {name}: {source} hashes to {found}, the manifest names {wanted}\n"
            f"  next: ecgctl render, review the difference and commit it"
        )


class Unresolved(EcgError):
    """The manifest holds `unresolved`, and this target has no value of its own."""

    exit_code = 2

    def __init__(self, environment: str, parameters: Sequence[tuple[str, str]]) -> None:
        self.parameters = tuple(parameters)
        names = "\n".join(f"  stack {stack}: {parameter}" for stack, parameter in parameters)
        super().__init__(
            f"values that nobody has resolved yet:\n{names}\n"
            f"  next: write them into generator/environments/{environment}.lock.yaml, render and commit"
        )


class MissingOutput(ApplyFailed):
    """A wire leads to an output that the live stack does not have."""

    def __init__(self, stack: str, parameter: str, source: str, output: str) -> None:
        self.stack, self.parameter, self.source, self.output = stack, parameter, source, output
        super().__init__(
            f"stack {stack}: parameter {parameter} is wired from {source}.{output}, which the live stack does not have"
            f"\n  next: ecgctl render --check, then apply again"
        )
