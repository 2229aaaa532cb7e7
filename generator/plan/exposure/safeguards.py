"""Encryption, logging and history: the scales of what guards data, and of what tells afterwards.

Defaults are those of the services (read 2026-11): S3 encrypts every object with its own keys and DynamoDB every table;
SQS encrypts new queues; a volume is encrypted only if it says so, or the account does, which no template tells.
"""

from typing import Final

from generator.plan.exposure.scales import Level, Properties, Scale, attribute, flag, present
from generator.plan.exposure.world import each, get, is_true
from generator.plan.facts import ExposureKind

ENCRYPTION, LOGGING = ExposureKind.ENCRYPTION, ExposureKind.LOGGING
FOR_EVER: Final = 10**6
"""The rank of logs that are never deleted, in days."""

TLS_VERSIONS: Final = (
    "SSLv3",
    "TLSv1",
    "TLSv1_2016",
    "TLSv1.1_2016",
    "TLSv1.2_2018",
    "TLSv1.2_2019",
    "TLSv1.2_2021",
    "TLSv1.2_2025",
    "TLSv1.3_2025",
)
"""CloudFront's security policies from old to new."""


def _bucket_encryption(properties: Properties) -> Level:
    levels = [Level(0, "asks for no encryption of its own (S3 still encrypts with its own keys)")]
    for rule in each(get(properties, "BucketEncryption", "ServerSideEncryptionConfiguration")):
        match get(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm"):
            case "AES256":
                levels.append(Level(1, "is encrypted with S3's own keys (AES256)"))
            case "aws:kms" | "aws:kms:dsse" as algorithm:
                key = get(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID")
                whose = "a KMS key of our own" if key is not None else "the account's KMS key"
                levels.append(
                    Level(2 + (key is not None) + (algorithm == "aws:kms:dsse"), f"is encrypted with {whose}")
                )
    return max(levels, key=lambda level: level.rank)


def _volumes(properties: Properties) -> Level | None:
    """The block devices of an instance or a launch template: as weak as the weakest."""
    data = properties.get("LaunchTemplateData", properties)
    devices = [get(device, "Ebs") for device in each(get(data, "BlockDeviceMappings"))]
    devices = [device for device in devices if device is not None]
    if not devices:
        return None
    return _encrypted(min(_rank(device) for device in devices), "has volumes that are")


def _volume(properties: Properties) -> Level:
    return _encrypted(_rank(properties), "is")


def _rank(properties: Properties) -> int:
    return (2 if properties.get("KmsKeyId") is not None else 1) if is_true(properties.get("Encrypted")) else 0


def _encrypted(rank: int, verb: str) -> Level:
    how = ("not encrypted", "encrypted with AWS's key", "encrypted with a KMS key of our own")
    return Level(rank, f"{verb} {how[rank]}")


def _stored(properties: Properties) -> Level:
    rank = (2 if properties.get("KmsKeyId") is not None else 1) if is_true(properties.get("StorageEncrypted")) else 0
    return _encrypted(rank, "is")


def _queue(properties: Properties) -> Level:
    if properties.get("KmsMasterKeyId") not in (None, ""):
        return _encrypted(2, "is")
    return _encrypted(1 if is_true(properties.get("SqsManagedSseEnabled", True)) else 0, "is")


def _table(properties: Properties) -> Level:
    rank = 1 + is_true(get(properties, "SSESpecification", "SSEEnabled"))
    rank += rank == 2 and get(properties, "SSESpecification", "KMSMasterKeyId") is not None
    how = ("", "DynamoDB's own key", "the account's KMS key", "a KMS key of our own")
    return Level(rank, f"is encrypted with {how[rank]}")


def _log_retention(properties: Properties) -> Level:
    value = properties.get("RetentionInDays")
    if value is None:
        return Level(FOR_EVER, "keeps its logs for ever")
    return Level(
        int(value) if str(value).isdecimal() else 0, f"keeps its logs for {value} day{'' if str(value) == '1' else 's'}"
    )


def _backups(properties: Properties) -> Level:
    value = properties.get("BackupRetentionPeriod", 1)
    days = int(value) if str(value).isdecimal() else 0
    return Level(days, f"keeps its backups for {days} days" if days else "keeps no backups")


def _versions(properties: Properties) -> Level:
    if get(properties, "VersioningConfiguration", "Status") == "Enabled":
        return Level(1, "keeps old versions of its objects")
    return Level(0, "keeps only the last version of its objects")


def _access_logs(properties: Properties) -> Level:
    on = is_true(attribute(properties, "access_logs.s3.enabled"))
    return Level(int(on), "writes access logs" if on else "writes no access logs")


def _point_in_time(properties: Properties) -> Level:
    on = is_true(get(properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"))
    return Level(int(on), f"can{'' if on else 'not'} be restored to a point in time")


def _container_logs(properties: Properties) -> Level | None:
    containers = list(each(properties.get("ContainerDefinitions")))
    silent = [one for one in containers if get(one, "LogConfiguration") is None]
    if not containers:
        return None
    return Level(len(containers) and -len(silent), "has containers without logs" if silent else "logs what it prints")


def _command_logs(properties: Properties) -> Level:
    logging = get(properties, "Configuration", "ExecuteCommandConfiguration", "Logging") or "DEFAULT"
    return Level(0 if logging == "NONE" else 1, "logs no commands run in it" if logging == "NONE" else "logs commands")


def _minimum_tls(properties: Properties) -> Level | None:
    version = get(properties, "DistributionConfig", "ViewerCertificate", "MinimumProtocolVersion")
    if version not in TLS_VERSIONS:
        return None
    return Level(TLS_VERSIONS.index(version), f"takes viewers from {version} on")


SCALES: Final = (
    Scale(("AWS::S3::Bucket",), ENCRYPTION, _bucket_encryption),
    Scale(("AWS::EC2::Volume",), ENCRYPTION, _volume, expected=1),
    Scale(("AWS::EC2::Instance", "AWS::EC2::LaunchTemplate"), ENCRYPTION, _volumes, expected=1),
    Scale(
        ("AWS::RDS::DBInstance", "AWS::RDS::DBCluster", "AWS::Neptune::DBCluster", "AWS::DocDB::DBCluster"),
        ENCRYPTION,
        _stored,
        expected=1,
    ),
    Scale(("AWS::EFS::FileSystem", "AWS::Redshift::Cluster"), ENCRYPTION, _volume, expected=1),
    Scale(("AWS::SQS::Queue",), ENCRYPTION, _queue, expected=1),
    Scale(("AWS::DynamoDB::Table",), ENCRYPTION, _table),
    Scale(
        ("AWS::SNS::Topic",),
        ENCRYPTION,
        present("is encrypted with a KMS key", "is not encrypted with a KMS key", "KmsMasterKeyId"),
    ),
    Scale(
        ("AWS::Logs::LogGroup", "AWS::SecretsManager::Secret"),
        ENCRYPTION,
        present("is encrypted with a KMS key of our own", "is encrypted with AWS's key", "KmsKeyId"),
    ),
    Scale(
        ("AWS::Kinesis::Stream",),
        ENCRYPTION,
        present("is encrypted", "is not encrypted", "StreamEncryption"),
        expected=1,
    ),
    Scale(
        ("AWS::ElastiCache::ReplicationGroup",),
        ENCRYPTION,
        flag("is encrypted at rest", "is not encrypted at rest", "AtRestEncryptionEnabled"),
        expected=1,
    ),
    Scale(
        ("AWS::ElastiCache::ReplicationGroup",),
        ENCRYPTION,
        flag("is encrypted in transit", "is not encrypted in transit", "TransitEncryptionEnabled"),
        expected=1,
    ),
    Scale(
        ("AWS::OpenSearchService::Domain",),
        ENCRYPTION,
        flag("is encrypted at rest", "is not encrypted at rest", "EncryptionAtRestOptions", "Enabled"),
        expected=1,
    ),
    Scale(
        ("AWS::KMS::Key",),
        ENCRYPTION,
        flag("is rotated every year", "is not rotated", "EnableKeyRotation"),
    ),
    Scale(("AWS::CloudFront::Distribution",), ENCRYPTION, _minimum_tls),
    Scale(("AWS::S3::Bucket",), LOGGING, _versions),
    Scale(
        ("AWS::S3::Bucket",),
        LOGGING,
        present("logs who reads and writes it", "logs nobody's access", "LoggingConfiguration"),
    ),
    Scale(("AWS::ElasticLoadBalancingV2::LoadBalancer",), LOGGING, _access_logs),
    Scale(
        ("AWS::CloudFront::Distribution",),
        LOGGING,
        present("logs its requests", "logs no requests", "DistributionConfig", "Logging"),
    ),
    Scale(("AWS::DynamoDB::Table",), LOGGING, _point_in_time),
    Scale(("AWS::Logs::LogGroup",), LOGGING, _log_retention),
    Scale(("AWS::RDS::DBInstance", "AWS::RDS::DBCluster"), LOGGING, _backups),
    Scale(("AWS::ECS::TaskDefinition",), LOGGING, _container_logs),
    Scale(("AWS::ECS::Cluster",), LOGGING, _command_logs),
    Scale(
        ("AWS::CloudTrail::Trail",),
        LOGGING,
        flag("records calls", "records no calls", "IsLogging", default=True),
    ),
    Scale(
        ("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage"),
        LOGGING,
        lambda properties: (
            Level(1, "logs its requests")
            if get(properties, "AccessLogSetting") or get(properties, "AccessLogSettings")
            else Level(0, "logs no requests")
        ),
    ),
)
