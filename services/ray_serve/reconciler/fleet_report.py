"""The reports of a fleet's boxes as one `box.json`, so that whoever reads it need not know how many boxes there are.

    observed/{env}/boxes/<instance>.json    each box's own report
    observed/{env}/box.json                 that of the box which is least far along, with a line on each

Each box writes both: its own, then what all the reports come to. All come to the same, so it does not matter who is
last. A deployment is done when the last box says so, and what one box cannot do is seen.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from reconciler.report import stamp
from reconciler.settings import Settings
from reconciler.store import FetchError, Version

SILENT = timedelta(minutes=3)
"""A box that has not reported for so long is gone; its group looks after that."""


class ListedBucket(Protocol):
    """What the report needs of S3. Every method raises FetchError."""

    def get(self, key: str, unless_etag: str | None = None) -> Version | None:
        """The object; None if it still has that tag."""

    def put(self, key: str, content: bytes) -> None:
        """Write a whole JSON object."""

    def keys(self, prefix: str) -> Iterable[str]:
        """The keys that begin with `prefix`."""


def merged(reports: Mapping[str, Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """The fleet's report, from at least one box's, by instance."""
    fresh = {name: one for name, one in reports.items() if now - datetime.fromisoformat(one["updated_at"]) <= SILENT}
    # The writer's own is always among them.
    least = min(sorted(fresh), key=lambda name: _along(fresh[name]))
    boxes = {
        name: {
            "generation": one["generation"]["applied"],
            **{each["type"].lower(): each["status"] == "True" for each in one["conditions"]},
            "updated_at": one["updated_at"],
        }
        for name, one in sorted(fresh.items())
    }
    return {**fresh[least], "box_of": least, "boxes": boxes, "updated_at": stamp(now)}


def _along(report: Mapping[str, Any]) -> int:
    """How far a box is: the less, the sooner somebody should see it."""
    said = {one["type"]: one["status"] == "True" for one in report["conditions"]}
    reasons = {one["type"]: one["reason"] for one in report["conditions"]}
    if said["Degraded"]:
        return 0
    if said["Progressing"] and reasons["Progressing"] != "Canary":
        return 1
    if not said["Ready"]:
        return 2
    return 3 if said["Progressing"] else 4


class FleetReport:
    """A `Bucket` for the agent of one box of a fleet: what it puts as `box.json` becomes the fleet's."""

    def __init__(
        self, bucket: ListedBucket, settings: Settings, instance: Callable[[], str], wall: Callable[[], datetime]
    ) -> None:
        self._bucket, self._instance, self._wall = bucket, instance, wall
        self._observed = settings.observed_key
        self._boxes = f"{settings.observed_key.removesuffix('box.json')}boxes/"
        self._leaving = False

    def leave(self) -> None:
        """The box goes: what it is from now on is nobody's concern."""
        self._leaving = True

    def get(self, key: str, unless_etag: str | None = None) -> Version | None:
        """See `Bucket`."""
        return self._bucket.get(key, unless_etag)

    def put(self, key: str, content: bytes) -> None:
        """See `Bucket`."""
        if key != self._observed:
            self._bucket.put(key, content)
            return
        name = self._instance()
        own = {**json.loads(content), "leaving": self._leaving}
        self._bucket.put(f"{self._boxes}{name}.json", json.dumps(own, indent=1, ensure_ascii=False).encode())
        reports = {**self._others(name), name: own}
        staying = {one: report for one, report in reports.items() if not report.get("leaving")}
        fleet = merged(staying or {name: own}, self._wall())
        self._bucket.put(key, json.dumps(fleet, indent=1, ensure_ascii=False).encode())

    def _others(self, name: str) -> dict[str, Mapping[str, Any]]:
        found = {}
        for key in self._bucket.keys(self._boxes):
            other = key.removeprefix(self._boxes).removesuffix(".json")
            if other == name:
                continue
            version = self._bucket.get(key)
            try:
                report = json.loads(version.content) if version else {}
                if report.get("leaving") or self._wall() - datetime.fromisoformat(report["updated_at"]) > SILENT:
                    continue
                found[other] = report
            except (ValueError, KeyError, TypeError) as error:
                raise FetchError(f"{key} is no report: {error}") from error
        return found
