"""MiniStack's own CloudFormation types, where they drop a property or misreport one.

Each correction runs after MiniStack's handler and applies what it left out through the service's public API.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import ec2, ecs, iam, s3
from ministack.services.cloudformation import provisioners

from .in_process import client
from .resources import Made, Properties, on_worker_thread, tags, truth

_Apply = Callable[[str, Properties, Properties], None]


def _after(name: str, apply: _Apply) -> None:
    """Have `apply(physical id, old properties, new properties)` follow each create and update of type `name`."""
    kind = provisioners._RESOURCE_HANDLERS[name]
    create, update = kind["create"], kind["update"]

    def created(logical_id: str, properties: Properties, stack: str) -> Made:
        made: Made = create(logical_id, properties, stack)
        apply(made[0], {}, properties)
        return made

    def updated(physical_id: str, old: Properties, new: Properties, *more: Any) -> Made:
        made: Made = update(physical_id, old, new, *more)
        apply(made[0], old, new)
        return made

    kind |= {"create": created, "update": updated}
    on_worker_thread(name)


def _int_or_none(value: object) -> int | None:
    return None if value is None else int(str(value))


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    noncurrent = rule.get("NoncurrentVersionExpiration") or {}
    if "NoncurrentVersionExpirationInDays" in rule:
        noncurrent = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    abort = rule.get("AbortIncompleteMultipartUpload")
    expiration = _present(
        Days=_int_or_none(rule.get("ExpirationInDays")),
        Date=rule.get("ExpirationDate"),
        ExpiredObjectDeleteMarker=truth(rule.get("ExpiredObjectDeleteMarker")) or None,
    )
    transitions = [
        _present(
            Days=_int_or_none(each.get("TransitionInDays")),
            Date=each.get("TransitionDate"),
            StorageClass=each["StorageClass"],
        )
        for each in rule.get("Transitions", ())
    ]
    return _present(
        ID=rule.get("Id"),
        Status=rule["Status"],
        Filter={"Prefix": rule.get("Prefix", "")},
        Expiration=expiration or None,
        NoncurrentVersionExpiration=_present(
            NoncurrentDays=_int_or_none(noncurrent.get("NoncurrentDays")),
            NewerNoncurrentVersions=_int_or_none(noncurrent.get("NewerNoncurrentVersions")),
        )
        or None,
        AbortIncompleteMultipartUpload={"DaysAfterInitiation": int(abort["DaysAfterInitiation"])} if abort else None,
        Transitions=transitions or None,
    )


def _bucket(name: str, old: Properties, new: Properties) -> None:
    """Lifecycle, ownership, encryption, logging, tags and suspended versioning, which MiniStack drops."""
    api = client("s3")
    if wanted := new.get("LifecycleConfiguration"):
        rules = [_lifecycle_rule(rule) for rule in wanted["Rules"]]
        api.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})
    elif "LifecycleConfiguration" in old:
        api.delete_bucket_lifecycle(Bucket=name)
    if wanted := new.get("OwnershipControls"):
        rules = [{"ObjectOwnership": rule["ObjectOwnership"]} for rule in wanted["Rules"]]
        api.put_bucket_ownership_controls(Bucket=name, OwnershipControls={"Rules": rules})
    elif "OwnershipControls" in old:
        api.delete_bucket_ownership_controls(Bucket=name)
    if wanted := new.get("BucketEncryption"):
        rules = [
            _present(
                ApplyServerSideEncryptionByDefault=dict(rule["ServerSideEncryptionByDefault"]),
                BucketKeyEnabled=truth(rule["BucketKeyEnabled"]) if "BucketKeyEnabled" in rule else None,
            )
            for rule in wanted["ServerSideEncryptionConfiguration"]
        ]
        api.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})
    elif "BucketEncryption" in old:
        api.delete_bucket_encryption(Bucket=name)
    if wanted := new.get("LoggingConfiguration"):
        target = {"TargetBucket": wanted["DestinationBucketName"], "TargetPrefix": wanted.get("LogFilePrefix", "")}
        api.put_bucket_logging(Bucket=name, BucketLoggingStatus={"LoggingEnabled": target})
    if wanted := tags(new):
        api.put_bucket_tagging(Bucket=name, Tagging={"TagSet": wanted})
    elif tags(old):
        api.delete_bucket_tagging(Bucket=name)
    versioning = new.get("VersioningConfiguration", {}).get("Status")
    if versioning == "Suspended" or (versioning is None and "VersioningConfiguration" in old):
        api.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Suspended"})


def _keep_full_buckets() -> None:
    """A bucket that holds anything is not deleted, as on AWS; MiniStack would take the data with it."""
    kind = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]
    delete = kind["delete"]

    def deleted(name: str, properties: Properties) -> None:
        if name in s3._buckets:
            held = client("s3").list_object_versions(Bucket=name, MaxKeys=1)
            if held.get("Versions") or held.get("DeleteMarkers"):
                raise ValueError(f"BucketNotEmpty: the bucket {name} is not empty; all versions must be deleted first")
        delete(name, properties)

    kind["delete"] = deleted


def _table(name: str, old: Properties, new: Properties) -> None:
    """Time to live, which MiniStack drops, and point-in-time recovery."""
    api = client("dynamodb")
    if old.get("TimeToLiveSpecification") != (wanted := new.get("TimeToLiveSpecification")):
        before = old.get("TimeToLiveSpecification", {})
        attribute = (wanted or before)["AttributeName"]
        enabled = bool(wanted) and truth((wanted or {}).get("Enabled", True))
        api.update_time_to_live(
            TableName=name, TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute}
        )
    if old.get("PointInTimeRecoverySpecification") != (recovery := new.get("PointInTimeRecoverySpecification")):
        enabled = truth((recovery or {}).get("PointInTimeRecoveryEnabled"))
        api.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": enabled}
        )


def _target_groups() -> None:
    """`TargetGroupFullName` with its `targetgroup/` prefix, which CloudWatch's dimension needs."""
    kind = provisioners._RESOURCE_HANDLERS["AWS::ElasticLoadBalancingV2::TargetGroup"]

    def named(handler: Callable[..., Made]) -> Callable[..., Made]:
        def provision(*arguments: Any) -> Made:
            arn, attributes = handler(*arguments)
            return arn, attributes | {"TargetGroupFullName": arn.rpartition(":")[2]}

        return provision

    kind |= {"create": named(kind["create"]), "update": named(kind["update"])}


def _instance_profiles() -> None:
    """`Ref` of an instance profile is its name; MiniStack's is its ARN."""
    kind = provisioners._RESOURCE_HANDLERS["AWS::IAM::InstanceProfile"]
    create, update, delete = kind["create"], kind["update"], kind["delete"]

    def named(made: Made) -> Made:
        return made[0].rpartition("/")[2], made[1]

    def arn(name: str) -> str:
        return str(iam._instance_profiles.get(name, {}).get("Arn", name))

    kind |= {
        "create": lambda *arguments: named(create(*arguments)),
        "update": lambda name, *arguments: named(update(arn(name), *arguments)),
        "delete": lambda name, properties: delete(arn(name), properties),
    }


_NUMBERS = frozenset(
    {
        *("cpu", "memory", "memoryReservation", "containerPort", "hostPort", "interval", "timeout", "retries"),
        *("startPeriod", "startTimeout", "stopTimeout", "softLimit", "hardLimit"),
    }
)


def _camel(value: Any) -> Any:
    """A template's container definitions in the API's spelling and types, at every depth."""
    if isinstance(value, list):
        return [_camel(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    made: dict[str, Any] = {}
    for name, each in value.items():
        key = name[:1].lower() + name[1:]
        if key in _NUMBERS:
            made[key] = int(each)
        elif key in ("options", "dockerLabels"):
            made[key] = dict(each)  # their keys are the user's own
        elif key in ("essential", "privileged", "readonlyRootFilesystem"):
            made[key] = truth(each)
        else:
            made[key] = _camel(each)
    return made


def _task_definition(arn: str, _: Properties, new: Properties) -> None:
    """Health checks and platform, which MiniStack keeps in the template's spelling or drops, and numbers as text."""
    definition = ecs._task_defs[ecs._resolve_td_key(arn)]
    definition["containerDefinitions"] = _camel(new.get("ContainerDefinitions", []))
    for container in definition["containerDefinitions"]:
        container.setdefault("essential", True)
        check = container.get("healthCheck")
        if check:
            container["healthCheck"] = {"interval": 30, "timeout": 5, "retries": 3, **check}
    if "RuntimePlatform" in new:
        definition["runtimePlatform"] = _camel(new["RuntimePlatform"])


def _services() -> None:
    """`DesiredCount` and the percentages as numbers, and what MiniStack's create leaves out."""
    kind = provisioners._RESOURCE_HANDLERS["AWS::ECS::Service"]
    create, update = kind["create"], kind["update"]

    def typed(properties: Properties) -> dict[str, Any]:
        made = dict(properties)
        for name in ("DesiredCount", "HealthCheckGracePeriodSeconds"):
            if name in made:
                made[name] = int(made[name])
        if configuration := made.get("DeploymentConfiguration"):
            breaker = configuration.get("DeploymentCircuitBreaker")
            percents = {key: int(configuration[key]) for key in _PERCENTS if key in configuration}
            switches = {key: truth(each) for key, each in breaker.items()} if breaker else None
            made["DeploymentConfiguration"] = configuration | percents | _present(DeploymentCircuitBreaker=switches)
        if "LoadBalancers" in made:
            made["LoadBalancers"] = [
                each | {"ContainerPort": int(each["ContainerPort"])} for each in made["LoadBalancers"]
            ]
        return made

    def created(logical_id: str, properties: Properties, stack: str) -> Made:
        given = typed(properties)
        made: Made = create(logical_id, given, stack)
        record = ecs._services[made[0].split(":service/", 1)[1]]
        record["healthCheckGracePeriodSeconds"] = given.get("HealthCheckGracePeriodSeconds", 0)
        record["enableExecuteCommand"] = truth(given.get("EnableExecuteCommand"))
        record["platformVersion"] = given.get("PlatformVersion", "LATEST")
        record["propagateTags"] = given.get("PropagateTags", "NONE")
        return made

    kind["create"] = created
    kind["update"] = lambda identity, old, new, *more: update(identity, typed(old), typed(new), *more)
    on_worker_thread("AWS::ECS::Service")


_PERCENTS = ("MaximumPercent", "MinimumHealthyPercent")


def _user_data() -> None:
    """DescribeInstanceAttribute answers the user data; MiniStack answers none."""
    original = ec2._describe_instance_attribute

    def describe(parameters: dict[str, Any]) -> Any:
        instance = ec2._instances.get(ec2._p(parameters, "InstanceId"))
        if instance is None or ec2._p(parameters, "Attribute") != "userData":
            return original(parameters)
        value = instance.get("UserData", "")
        base64.b64decode(value, validate=True)
        inner = f"<value>{value}</value>" if value else ""
        return ec2._xml(
            200,
            "DescribeInstanceAttributeResponse",
            f"<instanceId>{instance['InstanceId']}</instanceId><userData>{inner}</userData>",
        )

    ec2._ACTION_MAP["DescribeInstanceAttribute"] = describe


def install() -> None:
    """Put every correction in place."""
    _after("AWS::S3::Bucket", _bucket)
    _keep_full_buckets()
    _after("AWS::DynamoDB::Table", _table)
    _target_groups()
    _instance_profiles()
    _after("AWS::ECS::TaskDefinition", _task_definition)
    _services()
    _user_data()
