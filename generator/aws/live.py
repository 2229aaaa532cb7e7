"""Live payloads of things, as `sync.health.HealthReader` wants them: read side by side, bounded, never raising."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, assert_never

from botocore.exceptions import ClientError

from generator.aws.errors import AwsRefused, aws, error_code
from generator.sync.health import (
    Box,
    Distribution,
    Instance,
    Payload,
    Queue,
    Reading,
    Service,
    TargetGroup,
    Thing,
    Unreadable,
)

SIDE_BY_SIDE = 8
_STOPPED_TASKS = 20
"""The last stopped tasks that are described; DescribeTasks takes 100."""
_AGE_WINDOW = timedelta(minutes=10)
"""SQS reports its age metric every minute, some minutes late."""
_ABSENT = {
    "ClusterNotFoundException",
    "InvalidInstanceID.NotFound",
    "NoSuchDistribution",
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
    "TargetGroupNotFound",
}
_NO_OBJECT = {"NoSuchKey", "404"}


class LiveReader:
    """Implements HealthReader over boto3 clients, which `make` gives by the service's name."""

    def __init__(self, make: Callable[[str], Any], now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        # Made here, in one thread: boto3's clients can be shared between threads, making them can not.
        self._ecs, self._elb, self._ec2 = make("ecs"), make("elbv2"), make("ec2")
        self._edge, self._sqs, self._metrics, self._s3 = (
            make("cloudfront"),
            make("sqs"),
            make("cloudwatch"),
            make("s3"),
        )
        self._now = now

    def read(self, things: Sequence[Thing]) -> Mapping[Thing, Reading]:
        """See HealthReader."""
        if not things:
            return {}
        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            return dict(zip(things, pool.map(self._reading, things), strict=True))

    def document(self, bucket: str, key: str) -> Reading:
        """A JSON object of a bucket; None where there is none."""
        try:
            with aws(f"reading {key} from {bucket}"):
                return self._object(bucket, key)
        except AwsRefused as error:
            return Unreadable(f"{error.code}: {error.message}")

    def _reading(self, thing: Thing) -> Reading:
        try:
            with aws(f"reading {thing.label}"):
                try:
                    return self._payload(thing)
                except ClientError as error:
                    if error_code(error) in _ABSENT:
                        return None
                    raise
        except AwsRefused as error:
            return Unreadable(f"{error.code}: {error.message}")

    def _payload(self, thing: Thing) -> Reading:
        match thing:
            case Service():
                return self._service(thing)
            case TargetGroup():
                found: Payload = self._elb.describe_target_health(TargetGroupArn=thing.arn)
                return found
            case Instance():
                return self._instance(thing)
            case Distribution():
                distribution: Payload = self._edge.get_distribution(Id=thing.id)["Distribution"]
                return distribution
            case Queue():
                return self._queue(thing)
            case Box():
                return self._box(thing)
        assert_never(thing)

    def _service(self, thing: Service) -> Payload:
        found = self._ecs.describe_services(cluster=thing.cluster, services=[thing.arn])["services"]
        arns: list[str] = []
        if found:
            # Asked at each reading: ECS forgets stopped tasks after about an hour.
            arns = self._ecs.list_tasks(
                cluster=thing.cluster,
                serviceName=found[0]["serviceName"],
                desiredStatus="STOPPED",
                maxResults=_STOPPED_TASKS,
            )["taskArns"]
        tasks = self._ecs.describe_tasks(cluster=thing.cluster, tasks=arns)["tasks"] if arns else []
        stopped = [task for task in tasks if task.get("lastStatus") == "STOPPED"]
        return {"service": found[0] if found else None, "stopped": stopped}

    def _instance(self, thing: Instance) -> Payload:
        reservations = self._ec2.describe_instances(InstanceIds=[thing.id])["Reservations"]
        instances = [each for reservation in reservations for each in reservation["Instances"]]
        statuses = self._ec2.describe_instance_status(InstanceIds=[thing.id])["InstanceStatuses"]
        return {"instance": next(iter(instances), None), "status": next(iter(statuses), None)}

    def _queue(self, thing: Queue) -> Payload:
        return {
            "queue": self._attributes(thing.url),
            "dead_letters": self._attributes(thing.dead_letters) if thing.dead_letters else None,
            "oldest_s": self._oldest(thing.url.rpartition("/")[2]),
        }

    def _attributes(self, url: str) -> dict[str, str]:
        found: dict[str, str] = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return found

    def _oldest(self, name: str) -> float | None:
        """Seconds that the oldest message has waited, as CloudWatch knows it."""
        metric = {
            "Namespace": "AWS/SQS",
            "MetricName": "ApproximateAgeOfOldestMessage",
            "Dimensions": [{"Name": "QueueName", "Value": name}],
        }
        results = self._metrics.get_metric_data(
            MetricDataQueries=[{"Id": "oldest", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}],
            StartTime=self._now() - _AGE_WINDOW,
            EndTime=self._now(),
            ScanBy="TimestampDescending",
        )["MetricDataResults"]
        values = results[0]["Values"] if results else ()
        return float(values[0]) if values else None

    def _box(self, thing: Box) -> Reading:
        report, desired = (self._object(thing.bucket, key) for key in (thing.report_key, thing.pointer_key))
        if isinstance(report, Unreadable):
            return report
        if isinstance(desired, Unreadable):
            return desired
        # The pointer is what a program wrote, not what it should have written.
        named = desired.get("serve") if desired else None
        key = named.get("key") if isinstance(named, dict) else None
        config = self._text(thing.bucket, key) if isinstance(key, str) else None
        return {"report": report, "desired": desired, "config": config}

    def _object(self, bucket: str, key: str) -> Reading:
        content = self._text(bucket, key)
        if content is None:
            return None
        try:
            data = json.loads(content)
        except ValueError as error:
            return Unreadable(f"s3://{bucket}/{key} is no JSON: {error}")
        return data if isinstance(data, dict) else Unreadable(f"s3://{bucket}/{key} holds no object")

    def _text(self, bucket: str, key: str) -> str | None:
        try:
            content: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) in _NO_OBJECT:
                return None
            raise
        return content.decode(errors="replace")
