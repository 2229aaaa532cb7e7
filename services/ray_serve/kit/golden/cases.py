"""The golden cases of an app's folder."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from kit.contract import AppError, ErrorCode, GoldenRequest, VideoObject
from kit.golden.expectations import Expectations
from kit.storage import PACKAGE

FOLDER = "golden"
_EXPECTED = "expected.json"
_BUCKET = "golden"


class GoldenUnreadable(AppError):
    """A case's folder is not as it must be; the message names file and mistake."""

    def __init__(self, where: str, what: str) -> None:
        self.where, self.what = where, what
        super().__init__(ErrorCode.GOLDEN_UNREADABLE, f"{where}: {what}")


@dataclass(frozen=True)
class Case:
    """One input, and what must come out. `folder`: from the package's root."""

    name: str
    folder: str
    input: str
    expectations: Expectations

    @property
    def request(self) -> GoldenRequest:
        """What the app is asked."""
        video = VideoObject(bucket=_BUCKET, key=self.input)
        return GoldenRequest(job_id=f"golden-{self.name}", video=video, folder=self.folder)


def cases(app_folder: Path, package: Path = PACKAGE) -> tuple[Case, ...]:
    """Every case of the app, by name; empty where it has no `golden/`. Raises GoldenUnreadable."""
    folders = sorted(path for path in (app_folder / FOLDER).glob("*") if path.is_dir())
    return tuple(_case(folder, folder.resolve().relative_to(package).as_posix()) for folder in folders)


def _case(folder: Path, where: str) -> Case:
    inputs = sorted(path.name for path in folder.glob("input.*"))
    if len(inputs) != 1:
        raise GoldenUnreadable(where, f"it must hold one input.* (input.mp4) and holds {', '.join(inputs) or 'none'}")
    try:
        expected = Expectations.model_validate(json.loads((folder / _EXPECTED).read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise GoldenUnreadable(where, f"there is no {_EXPECTED} beside {inputs[0]}") from error
    except ValidationError as error:
        mistakes = (f"{'.'.join(map(str, one['loc']))} {one['msg']}".strip() for one in error.errors())
        raise GoldenUnreadable(f"{where}/{_EXPECTED}", "; ".join(mistakes)) from error
    except ValueError as error:
        raise GoldenUnreadable(f"{where}/{_EXPECTED}", f"it is not JSON: {error}") from error
    return Case(folder.name, where, inputs[0], expected)
