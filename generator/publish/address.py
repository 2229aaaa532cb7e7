"""Content addresses: the name of a thing that is built says what is in it, so equal content is never built twice."""

import hashlib
from pathlib import Path

from generator.publish.tracked import tracked_files


def tree_address(root: Path, folder: str) -> str:
    """`src-<12 hex>` for `folder` below `root`: a hash of the paths, contents and executable bits that Git sees.

    An image has no reproducible bytes (its base moves), so its address is that of the source that it is built from.
    """
    base = root / folder
    tree = hashlib.sha256()
    for name in tracked_files(base):
        path = base / name
        mode = b"x" if path.stat().st_mode & 0o100 else b"-"
        tree.update(b"%s %s %s\n" % (mode, hashlib.sha256(path.read_bytes()).hexdigest().encode(), name.encode()))
    return f"src-{tree.hexdigest()[:12]}"
