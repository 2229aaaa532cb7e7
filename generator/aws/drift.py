"""CloudFormation's drift detection as `sync.drift.reading.DriftReader`."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import AwsRefused, aws, drift_detection_runs, no_such_stack
from generator.sync.drift.reading import CheckedResource, Difference, DriftReading, ResourceDriftStatus
from generator.sync.drift.reading import StackDriftReading as Reading
from generator.sync.health.verdict import Unreadable

SIDE_BY_SIDE = 4
"""Stacks at once. CloudFormation itself reads their resources, and shares each service's own throttling."""
_POLL_S = 2.0
_PATIENCE_S = 900.0
"""A detection takes minutes on a large stack (CloudFormation user guide, read 2026-11)."""


class CloudFormationDrift:
    """Implements DriftReader over a boto3 client. Detecting changes nothing but CloudFormation's own records."""

    def __init__(
        self,
        client: Any,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client, self._sleep, self._monotonic = client, sleep, monotonic

    def read_drift(self, names: Mapping[str, str]) -> Mapping[str, DriftReading]:
        """See DriftReader."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return dict(zip(names, pool.map(self._reading, names.values()), strict=True))

    def _reading(self, stack: str) -> DriftReading:
        try:
            with aws(f"detecting drift of stack {stack}"):
                try:
                    self._detect(stack)
                    return self._found(stack)
                except ClientError as error:
                    if no_such_stack(error):
                        return None
                    raise
        except AwsRefused as error:
            return Unreadable(f"{error.code}: {error.message}")

    def _detect(self, stack: str) -> None:
        """Have it looked at, by us or by whoever has just begun; what cannot be read is told of each resource."""
        until = self._monotonic() + _PATIENCE_S
        while True:
            try:
                detection = self._client.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
                break
            except ClientError as error:
                if not drift_detection_runs(error) or self._monotonic() > until:
                    raise
                self._sleep(_POLL_S)
        while self._runs(detection):
            if self._monotonic() > until:
                raise AwsRefused(f"detecting drift of stack {stack}", "Timeout", f"not done after {_PATIENCE_S:g} s")
            self._sleep(_POLL_S)

    def _runs(self, detection: str) -> bool:
        found = self._client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        return bool(found["DetectionStatus"] == "DETECTION_IN_PROGRESS")

    def _found(self, stack: str) -> Reading:
        drifts = {one["LogicalResourceId"]: one for one in self._drifts(stack)}
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack)
        listed = [one for page in pages for one in page["StackResourceSummaries"]]
        checked = [
            _checked(one, drifts.get(one["LogicalResourceId"], {}))
            for one in listed
            if one["ResourceStatus"] != "DELETE_COMPLETE"
        ]
        return Reading(datetime.now(UTC), tuple(sorted(checked, key=lambda one: one.logical_id)))

    def _drifts(self, stack: str) -> Iterator[Mapping[str, Any]]:
        # botocore has no paginator for this one.
        more: dict[str, str] = {}
        while True:
            page = self._client.describe_stack_resource_drifts(StackName=stack, **more)
            yield from page["StackResourceDrifts"]
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}


def _checked(listed: Mapping[str, Any], drift: Mapping[str, Any]) -> CheckedResource:
    """A resource that is not among the drifts is of a type that CloudFormation cannot check."""
    return CheckedResource(
        logical_id=listed["LogicalResourceId"],
        type=listed["ResourceType"],
        physical_id=listed.get("PhysicalResourceId", ""),
        status=ResourceDriftStatus(drift.get("StackResourceDriftStatus", "NOT_CHECKED")),
        differences=tuple(
            Difference(one["PropertyPath"], one["DifferenceType"], one["ExpectedValue"], one["ActualValue"])
            for one in drift.get("PropertyDifferences", ())
        ),
        declared=len(json.loads(drift.get("ExpectedProperties") or "{}")),
        reason=drift.get("DriftStatusReason", ""),
    )
