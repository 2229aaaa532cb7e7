"""The page as this machine builds it: the static export of `frontend/`, and the scripts that stand in its pages."""

import base64
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from generator.errors import EcgError
from generator.publish.site import POINTER, BuildSite
from generator.publish.sources import sources
from generator.publish.tracked import tracked_files

SOURCE: Final = "frontend"
_INLINE: Final = "inline"
_OUT: Final = "out"
FETCH: Final = ("npm", "ci", "--ignore-scripts", "--no-progress", "--loglevel=error")
"""Fetches the page's packages; scripts of packages stay unrun, the page needs none of them."""

Run = Callable[[Sequence[str], Path, str], None]
"""(command, folder, address of the source) -> the page stands in `out`. Raises PageNotBuilt."""


class PageNotBuilt(EcgError):
    """The page could not be built."""

    def __init__(self, output: str, next_step: str = "make frontend") -> None:
        self.output = output
        end = "\n".join(f"  {line}" for line in output.strip().splitlines()[-15:])
        super().__init__(f"building the page failed\n{end}\n  next: {next_step}")


def inline_scripts(root: Path) -> tuple[str, ...]:
    """Sources of a Content-Security-Policy (`sha256-...`) for the scripts of `frontend/inline`, sorted."""
    folder = root / SOURCE / _INLINE
    hashes = [sha256((folder / name).read_bytes()).digest() for name in tracked_files(folder)]
    return tuple(sorted(f"sha256-{base64.b64encode(digest).decode()}" for digest in hashes))


def npm(command: Sequence[str], folder: Path, address: str) -> None:
    """Run npm as a Run. Raises PageNotBuilt where a package is missing or the build fails."""
    if not (folder / "node_modules").is_dir() and tuple(command) != FETCH:
        raise PageNotBuilt(f"{SOURCE}/node_modules is missing", "make frontend/node_modules/.ready")
    surroundings = {**os.environ, "SITE_ADDRESS": address, "NEXT_TELEMETRY_DISABLED": "1"}
    try:
        done = subprocess.run(command, cwd=folder, env=surroundings, capture_output=True, text=True, check=False)
    except OSError as error:
        raise PageNotBuilt(f"{command[0]}: {error.strerror}", "apt-get install nodejs npm") from error
    if done.returncode != 0:
        raise PageNotBuilt(done.stdout + done.stderr)


def page_builder(root: Path, run: Run = npm, revision: str = "") -> BuildSite:
    """A builder of the page; what stands in `frontend/out` is taken where it was built from the same source.

    `revision`: build from this commit, with the packages that it locks. The builder raises SourcesMissing then.
    """

    def build(address: str) -> dict[str, bytes]:
        if _built_from(root / SOURCE / _OUT) == address:
            return _files(root / SOURCE / _OUT)
        with sources(root, revision) as there:
            folder = there / SOURCE
            if revision:
                run(FETCH, folder, address)
            run(("npm", "run", "--silent", "build"), folder, address)
            return _files(folder / _OUT)

    return build


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _built_from(out: Path) -> str | None:
    try:
        address: str = json.loads((out / POINTER).read_text(encoding="utf-8"))["address"]
    except (OSError, ValueError, KeyError):
        return None
    return address
