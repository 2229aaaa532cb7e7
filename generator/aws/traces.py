"""Recent stack events, and lines of CloudWatch Logs."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from generator.aws.errors import aws, error_code
from generator.sync.ports import StackEvent
from generator.sync.traces import LogLine, StackMoment

_SIDE_BY_SIDE = 8


class StackHistory:
    """Events of several stacks as one story."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def recent(self, stacks: Mapping[str, str], limit: int) -> Sequence[StackMoment]:
        """The last `limit` events, oldest first. `stacks`: name in the manifest -> CloudFormation's name or id.

        Raises AwsRefused. A stack that does not exist has no events.
        """
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            parts = list(pool.map(lambda item: self._of(item[0], item[1], limit), stacks.items()))
        return sorted((one for part in parts for one in part), key=lambda moment: moment.event.time)[-limit:]

    def _of(self, stack: str, name: str, limit: int) -> list[StackMoment]:
        """Newest first within a page, and for events of one instant; so reversed before they are sorted by time."""
        found: list[StackMoment] = []
        with aws(f"reading the events of {name}"):
            try:
                for page in self._client.get_paginator("describe_stack_events").paginate(StackName=name):
                    found += [StackMoment(stack, _event(event)) for event in page["StackEvents"]]
                    if len(found) >= limit:
                        break
            except ClientError as error:
                if error_code(error) != "ValidationError":
                    raise
        return found[:limit][::-1]


class LogGroup:
    """One log group."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self.name = client, name

    def lines(self, since: datetime) -> Iterator[LogLine]:
        """Lines from `since` (aware) on, oldest first; none where the group does not exist. Raises AwsRefused."""
        start = int(since.timestamp() * 1000)
        with aws(f"reading log group {self.name}"):
            try:
                pages = self._client.get_paginator("filter_log_events")
                for page in pages.paginate(logGroupName=self.name, startTime=start):
                    yield from (_line(event) for event in page["events"])
            except ClientError as error:
                if error_code(error) != "ResourceNotFoundException":
                    raise


def _event(event: dict[str, Any]) -> StackEvent:
    return StackEvent(
        id=event["EventId"],
        time=event["Timestamp"],
        logical_id=event["LogicalResourceId"],
        type=event["ResourceType"],
        status=event["ResourceStatus"],
        reason=event.get("ResourceStatusReason", ""),
    )


def _line(event: dict[str, Any]) -> LogLine:
    # Not fromtimestamp(ms / 1000): a float loses the millisecond now and then.
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event["timestamp"])
    return LogLine(event["eventId"], time, event["logStreamName"], event["message"].rstrip("\n"))
