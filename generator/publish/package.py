"""Reproducible zips, named by the SHA-256 of their bytes.

Ray decides by a package's name whether its code changed, so the name has to change exactly when the content does:
files sorted, dates and modes fixed, stored uncompressed (two builds of zlib may compress the same bytes differently).
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from generator.model.serve import AppFolder, ServeApp
from generator.publish.tracked import tracked_files

SERVE_ROOT = "services/ray_serve"
AGENT_NAME = "agent"
_AGENT_MEMBERS = ("reconciler", "kit", "requirements.txt")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can say
_PLAIN_FILE = 0o100644 << 16


@dataclass(frozen=True)
class Package:
    """A zip in memory. `address` is `<sha256>.zip`; `files` are the paths inside, sorted."""

    name: str
    address: str
    files: tuple[str, ...]
    content: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The hash of the bytes, 64 hex digits."""
        return self.address.removesuffix(".zip")


def build_package(root: Path, name: str, members: Sequence[str]) -> Package:
    """Zip `members` (files or folders below `root`) as Git sees them, with `root` as the zip's root."""
    files = tracked_files(root, members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file, date_time=_EPOCH)
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = _PLAIN_FILE
            archive.writestr(entry, (root / file).read_bytes())
    content = buffer.getvalue()
    return Package(name, hashlib.sha256(content).hexdigest() + ".zip", files, content)


def app_package(root: Path, app: ServeApp) -> Package | None:
    """The package of one app: its folder and `kit/`. None if the folder holds no `app.py`. `root`: the repository."""
    serve_root = root / SERVE_ROOT
    folder = root / app.folder
    if folder.parent != serve_root / "apps" or not (folder / "app.py").is_file():
        return None
    return build_package(serve_root, app.name, _app_members(folder.name))


def agent_package(root: Path) -> Package:
    """The reconciler, what it needs of `kit/`, and the pinned requirements of the box's Python environment."""
    return build_package(root / SERVE_ROOT, AGENT_NAME, _AGENT_MEMBERS)


def package_of(root: Path, name: str, source: str) -> Package:
    """The package of a manifest's artifact: the agent's by its name, an app's by its folder (`source`)."""
    if name == AGENT_NAME:
        return agent_package(root)
    return build_package(root / SERVE_ROOT, name, _app_members(Path(source).name))


def _app_members(folder: str) -> tuple[str, ...]:
    return ("kit", "apps/__init__.py", f"apps/{folder}")


def app_addresses(root: Path, apps: Sequence[ServeApp]) -> Mapping[str, str]:
    """Address of each app's package, by app name. An app without its folder is missing; `serve_config` says so."""
    return {app.name: package.address for app in apps if (package := app_package(root, app))}


def app_folders(root: Path, apps: Sequence[ServeApp]) -> Mapping[str, AppFolder]:
    """What each app's folder holds besides its code, by app name; as Git sees it, like what is published."""
    return {app.name: _app_folder(root / app.folder) for app in apps if (root / app.folder).is_dir()}


def _app_folder(folder: Path) -> AppFolder:
    files = tracked_files(folder, ("golden", "requirements.txt"))
    golden = any(name.startswith("golden/") and name.endswith("/expected.json") for name in files)
    return AppFolder(golden=golden, requirements="requirements.txt" in files)
