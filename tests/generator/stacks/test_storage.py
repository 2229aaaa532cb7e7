"""S3-* of docs/specification.md, and the jobs' table and queues."""

import pytest

from generator.model.names import BUCKETS
from tests.generator.stacks.built import Built
from tests.generator.stacks.conftest import Case

PRIVATE = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": True,
    "IgnorePublicAcls": True,
    "RestrictPublicBuckets": True,
}
POLICIES = {
    "FrontendBucket": "cdn",
    "VideoBucket": "cdn",
    "CloudFrontLogsBucket": "cdn",
    "ArtifactsBucket": "cdn",
    "AlbLogsBucket": "storage",
}


def test_s3_1_the_frontend_bucket_is_private_and_read_by_the_distribution_alone(dev: Built) -> None:
    bucket = dev.properties("storage", "FrontendBucket")
    assert bucket["BucketName"] == "ecg-project-pipeline-dev-frontend-{random}"
    assert bucket["PublicAccessBlockConfiguration"] == PRIVATE
    assert "WebsiteConfiguration" not in bucket
    assert _allowed(dev, "FrontendBucket") == [_read_by_distribution("FrontendBucket")]


def test_s3_2_the_video_bucket_is_private_and_versioned(dev: Built) -> None:
    bucket = dev.properties("storage", "VideoBucket")
    assert bucket["BucketName"] == "ecg-project-pipeline-dev-video-storage-{random}"
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["PublicAccessBlockConfiguration"] == PRIVATE
    assert _allowed(dev, "VideoBucket") == [_read_by_distribution("VideoBucket")]


def test_replaced_and_deleted_videos_are_gone_after_30_days_and_current_ones_stay(dev: Built) -> None:
    rules = dev.properties("storage", "VideoBucket")["LifecycleConfiguration"]["Rules"]
    assert [{key: value for key, value in rule.items() if key != "Id"} for rule in rules] == [
        {"Status": "Enabled", "NoncurrentVersionExpiration": {"NoncurrentDays": 30}},
        {"Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
    ]


def test_s3_3_the_cloudfront_log_bucket_is_private_and_keeps_its_logs(dev: Built) -> None:
    bucket = dev.properties("storage", "CloudFrontLogsBucket")
    assert bucket["BucketName"] == "ecg-project-pipeline-dev-cloudfront-logs-{random}"
    assert bucket["PublicAccessBlockConfiguration"] == PRIVATE
    assert "LifecycleConfiguration" not in bucket


def test_cloudfront_may_deliver_logs_because_the_log_bucket_has_acls(built: Built) -> None:
    ownership = built.properties("storage", "CloudFrontLogsBucket")["OwnershipControls"]
    assert ownership == {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}


def test_s3_4_every_bucket_encrypts_with_aes_256_and_without_a_bucket_key(dev: Built) -> None:
    buckets = dev.of_type("AWS::S3::Bucket")
    assert len(buckets) == len(BUCKETS)
    for bucket in buckets.values():
        [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}


def test_s3_5_browsers_may_upload_straight_to_the_video_bucket(dev: Built) -> None:
    assert dev.properties("storage", "VideoBucket")["CorsConfiguration"]["CorsRules"] == [
        {
            "AllowedHeaders": ["*"],
            "AllowedMethods": ["GET", "POST", "PUT", "DELETE"],
            "AllowedOrigins": ["*"],
            "ExposedHeaders": ["ETag"],
            "MaxAge": 3000,
        }
    ]


@pytest.mark.parametrize(("bucket", "stack"), POLICIES.items())
def test_each_bucket_has_one_policy_and_it_refuses_whoever_comes_without_tls(
    every: Case, bucket: str, stack: str
) -> None:
    built = every.built
    arn = f"${{{bucket}.Arn}}" if stack == "storage" else f"${{{bucket}Arn}}"
    assert {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"],
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": False}},
    } in built.statements(stack, f"{bucket}Policy")
    of = f"${{{bucket}}}" if stack == "storage" else f"${{{bucket}Name}}"
    assert built.properties(stack, f"{bucket}Policy")["Bucket"] == of
    targets = [policy["Bucket"] for policy in built.of_type("AWS::S3::BucketPolicy").values()]
    assert len(targets) == len(set(targets)) == len(BUCKETS) + every.settings.storage.access_logs


def test_load_balancers_of_this_account_deliver_their_logs_and_nothing_else_does(built: Built) -> None:
    assert _allowed(built, "AlbLogsBucket") == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": ["s3:PutObject"],
            "Resource": ["${AlbLogsBucket.Arn}/AWSLogs/${AWS::AccountId}/*"],
        }
    ]


def test_what_holds_data_outlives_its_stack_and_its_name_can_be_had_again(built: Built) -> None:
    stateful = {"AWS::S3::Bucket": "BucketName", "AWS::DynamoDB::Table": "TableName"}
    for stack, template in built.templates.items():
        for title, resource in template["Resources"].items():
            if resource["Type"] in stateful:
                assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
                assert built.properties(stack, title)[stateful[resource["Type"]]].endswith("-{random}")


def test_jobs_are_kept_by_owner_and_id_and_expire(built: Built) -> None:
    table = built.properties("data", "JobsTable")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["KeySchema"] == [
        {"AttributeName": "owner", "KeyType": "HASH"},
        {"AttributeName": "id", "KeyType": "RANGE"},
    ]
    assert table["AttributeDefinitions"] == [
        {"AttributeName": "owner", "AttributeType": "S"},
        {"AttributeName": "id", "AttributeType": "S"},
    ]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_a_job_that_fails_five_times_goes_to_the_dead_letters_for_14_days(dev: Built) -> None:
    queue, dead = dev.properties("data", "JobsQueue"), dev.properties("data", "JobsDeadLetterQueue")
    assert queue["VisibilityTimeout"] == 900
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "${JobsDeadLetterQueue.Arn}", "maxReceiveCount": 5}
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    assert queue["SqsManagedSseEnabled"] is dead["SqsManagedSseEnabled"] is True


def _allowed(dev: Built, bucket: str) -> list[dict[str, object]]:
    statements = dev.statements(POLICIES[bucket], f"{bucket}Policy")
    return [statement for statement in statements if statement["Effect"] == "Allow"]


def _read_by_distribution(bucket: str) -> dict[str, object]:
    distribution = "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"
    return {
        "Effect": "Allow",
        "Principal": {"Service": "cloudfront.amazonaws.com"},
        "Action": ["s3:GetObject"],
        "Resource": [f"${{{bucket}Arn}}/*"],
        "Condition": {"StringEquals": {"AWS:SourceArn": distribution}},
    }
