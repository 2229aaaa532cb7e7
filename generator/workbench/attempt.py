"""One video of this machine through one app, in Ray's local testing mode."""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.model.serve import ServeApp
from generator.workbench.declaration import FILE
from generator.workbench.errors import AttemptFailed, CannotTry
from generator.workbench.objects import object_store
from generator.workbench.offline import Subject, declared
from generator.workbench.serve_python import ServePython, unpacked

_BUCKET, _FOLDER = "try", "local"


@dataclass(frozen=True)
class Attempt:
    """What came of it: the result, and the files that were written, `result.json` first."""

    result: Mapping[str, Any]
    files: tuple[Path, ...]


def attempt(root: Path, app: ServeApp, video: Path, out: Path, options: Mapping[str, Any]) -> Attempt:
    """Run the app on the video; write the result, and whatever the app wrote beside its video, below `out`.

    Raises CannotTry where the declaration is wrong, NoServePython, AttemptFailed.
    """
    python, subject = ServePython.of(root), Subject.of(root, app)
    packed = [app.name] if subject.package else []
    proof = declared(subject, [app], packed)
    if not proof.passed or subject.package is None:
        raise CannotTry(app.name, proof.words, FILE)
    with tempfile.TemporaryDirectory(prefix="ecg-try-") as folder, object_store(Path(folder)) as objects:
        key = f"{_FOLDER}/{video.name}"
        objects.put(_BUCKET, key, video.read_bytes())
        (application,) = subject.config["applications"]
        given = {"application": application, "bucket": _BUCKET, "key": key, "options": dict(options)}
        with unpacked(subject.package) as code:
            done = python.run(python.command("analyze.py"), code, given=given, endpoint=objects.url)
        result = _result(app.name, video, done.out, done.err)
        out.mkdir(parents=True, exist_ok=True)
        document = out / "result.json"
        document.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return Attempt(result, (document, *_written(objects.folder / _BUCKET / _FOLDER, video.name, out)))


def _result(app: str, video: Path, said: str, log: str) -> Mapping[str, Any]:
    events = [json.loads(line) for line in said.splitlines() if line.strip()]
    last = events[-1] if events else {}
    match last.get("event"):
        case "result":
            result: Mapping[str, Any] = last["result"]
            return result
        case "error":
            raise AttemptFailed(app, video, str(last["error"]["code"]), str(last["error"]["message"]), log)
        case _:
            raise AttemptFailed(app, video, "internal", "it ended with neither result nor error", log)


def _written(folder: Path, video: str, out: Path) -> tuple[Path, ...]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.name != video:
            (out / path.name).write_bytes(path.read_bytes())
            found.append(out / path.name)
    return tuple(found)
