"""Where artifacts are built from: the checkout, or the folders of an older commit for what was promoted from there."""

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from generator.errors import EcgError

FOLDERS = ("services", "frontend")


class SourcesMissing(EcgError):
    """The commit that an environment's release was built from is not in this clone."""

    def __init__(self, revision: str, said: str) -> None:
        self.revision = revision
        super().__init__(
            f"what is released is built from commit {revision[:12]}, which this clone does not hold: {said}\n"
            f"  next: git fetch origin (in a shallow clone: git fetch --unshallow origin), then again"
        )


@contextmanager
def sources(root: Path, revision: str) -> Iterator[Path]:
    """The repository at `revision`, as far as artifacts are built from it; the checkout itself where that is empty.

    An older commit is unpacked into a folder of its own, outside the checkout and gone afterwards. Raises
    SourcesMissing.
    """
    if not revision:
        yield root
        return
    found = subprocess.run(
        ["git", "archive", "--format=tar", revision, *FOLDERS], cwd=root, capture_output=True, check=False
    )
    if found.returncode != 0:
        raise SourcesMissing(revision, found.stderr.decode().strip())
    with tempfile.TemporaryDirectory(prefix="ecgctl-sources-") as folder:
        with tarfile.open(fileobj=io.BytesIO(found.stdout)) as tar:
            tar.extractall(folder, filter="data")
        yield Path(folder)
