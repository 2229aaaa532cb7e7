"""Names that nobody else in the world, and no earlier stack of ours, has taken."""

from troposphere import Join, Select, Split, StackId

from generator.model.environment import Environment


def random_suffix() -> Select:
    """`{random}` of the specification: the first 8 hexadecimal characters of the stack id's GUID.

    It holds still for the life of the stack and differs in the next one, so a bucket that was retained does not
    stand in the way of a new stack. The whole GUID would not fit into a bucket name of 63 characters.
    """
    guid = Select(2, Split("/", StackId))  # arn:aws:cloudformation:<region>:<account>:stack/<name>/<guid>
    return Select(0, Split("-", guid))


def unique(environment: Environment, suffix: str) -> Join:
    """A name such as `ecg-project-pipeline-dev-frontend-1f3a9c02`."""
    return Join("-", [f"{environment.prefix}-{suffix}", random_suffix()])
