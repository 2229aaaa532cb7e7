"""Text that templates carry and other folders own."""

from hashlib import sha256
from pathlib import Path
from typing import Final

USER_DATA: Final = Path(__file__).parents[2] / "services" / "ray_serve" / "updater" / "user_data.sh"


def user_data() -> str:
    """What the GPU box runs at its first boot.

    `${ArtifactsBucketName}`, `${Environment}` and `${AWS::Region}` are filled in by CloudFormation; the shell's own
    `${X}` stands in the file as `${!X}`.
    """
    return USER_DATA.read_text(encoding="utf-8")


def fingerprint(*parts: object) -> str:
    """Eight hexadecimal characters that change with any of the parts."""
    return sha256(repr(parts).encode()).hexdigest()[:8]
