"""The GPU box's user data: the updater and its unit, inlined so that reviewers read them in the template.

The result is text for `Fn::Sub`. In `user_data.sh` the placeholders `${Name}` are CloudFormation's; anything else that
looks like one, in the files that it includes, is written `${!Name}`, which CloudFormation turns back into `${Name}`.
"""

import re
from functools import cache
from pathlib import Path

from generator.errors import EcgError

PLACEHOLDERS = frozenset({"ArtifactsBucketName", "Environment", "AWS::Region"})
"""What the stack has to supply: two parameters or literals of `Fn::Sub`, and a pseudo parameter."""

MOST_BYTES = 16 * 1024
"""EC2's limit on user data before base64 (EC2 user guide, "User data", 2024)."""

_FOLDER = Path(__file__).resolve().parents[2] / "services/ray_serve/updater"
_INCLUDE = re.compile(r"^#include (?P<file>[\w.-]+)\n", re.MULTILINE)


class InvalidUserData(EcgError):
    """The user data would not work on an instance."""

    exit_code = 2

    def __init__(self, mistake: str) -> None:
        super().__init__(f"{_FOLDER.name}/user_data.sh: {mistake}")


_GROUP_UNIT = """UNIT_MORE="$ECG_ROOT/etc/systemd/system/ecg-updater.service.d"
mkdir -p "$UNIT_MORE"
printf '[Service]\\nEnvironment=ECG_GROUP=%s\\n' '{group}' >"$UNIT_MORE/group.conf"

"""
"""What a box of a fleet is told besides."""
_BEFORE = "systemctl daemon-reload\n"


@cache
def user_data(group: str = "") -> str:
    """The text for `Fn::Sub`; `group` is the Auto Scaling group that the box belongs to. Raises InvalidUserData."""
    script = (_FOLDER / "user_data.sh").read_text()
    if group:
        script = script.replace(_BEFORE, _GROUP_UNIT.format(group=group) + _BEFORE)
    unknown = set(re.findall(r"\$\{(?!!)([^}]*)\}", script)) - PLACEHOLDERS
    if unknown:
        raise InvalidUserData(
            f"CloudFormation has no value for {', '.join(sorted(unknown))}; write ${{!Name}} for bash"
        )
    text = _INCLUDE.sub(lambda found: _included(found["file"]), script)
    if len(text.encode()) > MOST_BYTES - 512:  # the values of the placeholders are longer than their names
        raise InvalidUserData(f"{len(text.encode())} bytes; EC2 takes {MOST_BYTES}")
    return text


def _included(file: str) -> str:
    return (_FOLDER / file).read_text().replace("${", "${!")
