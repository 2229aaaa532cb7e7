"""What MiniStack's own types would drop or misreport is there: read back from each service's API."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.conftest import Client, StackFailed, Stacks


def test_a_bucket_keeps_lifecycle_ownership_encryption_and_tags(stacks: Stacks, client: Client) -> None:
    def resources(days: int) -> dict[str, Any]:
        rule = {
            "Id": "old",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": {"NoncurrentDays": days},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
        encryption = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
        properties: dict[str, Any] = {
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [encryption]},
            "Tags": [{"Key": "project", "Value": "ecg"}],
        }
        if days:
            properties["LifecycleConfiguration"] = {"Rules": [rule]}
        return {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}

    s3 = client("s3")
    name = stacks.put("bucket", resources(30), {"Name": {"Ref": "Bucket"}})["Name"]
    stacks.put("bucket", resources(60), {"Name": {"Ref": "Bucket"}})
    rules = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rules[0]["NoncurrentVersionExpiration"]["NoncurrentDays"] == 60
    ownership = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    encryption = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert s3.get_bucket_tagging(Bucket=name)["TagSet"] == [{"Key": "project", "Value": "ecg"}]
    stacks.put("bucket", resources(0), {"Name": {"Ref": "Bucket"}})
    with pytest.raises(ClientError, match="NoSuchLifecycleConfiguration"):
        s3.get_bucket_lifecycle_configuration(Bucket=name)


def test_a_bucket_with_data_is_not_deleted(stacks: Stacks, client: Client) -> None:
    s3 = client("s3")
    outputs = {"Name": {"Ref": "Bucket"}}
    name = stacks.put("full", {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {}}}, outputs)["Name"]
    s3.put_object(Bucket=name, Key="video", Body=b"precious")
    with pytest.raises(StackFailed, match="BucketNotEmpty"):
        stacks.delete("full")
    assert s3.get_object(Bucket=name, Key="video")["Body"].read() == b"precious"
    s3.delete_object(Bucket=name, Key="video")
    stacks.delete("full")


def test_a_table_expires_items_and_can_be_recovered(stacks: Stacks, client: Client) -> None:
    properties = {
        "TableName": "jobs",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    }
    stacks.put("table", {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": properties}})
    dynamodb = client("dynamodb")
    ttl = dynamodb.describe_time_to_live(TableName="jobs")["TimeToLiveDescription"]
    assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires_at")
    backups = dynamodb.describe_continuous_backups(TableName="jobs")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_names_come_in_the_form_that_aws_gives_them(stacks: Stacks) -> None:
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}}
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Profile": {
            "Type": "AWS::IAM::InstanceProfile",
            "Properties": {"InstanceProfileName": "box-profile", "Roles": [{"Ref": "Role"}]},
        },
        "Targets": {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {"Name": "api", "TargetType": "ip", "Port": 8000, "Protocol": "HTTP", "VpcId": "vpc-1"},
        },
    }
    outputs = {"Profile": {"Ref": "Profile"}, "Targets": {"Fn::GetAtt": ["Targets", "TargetGroupFullName"]}}
    made = stacks.put("names", resources, outputs)
    assert made["Profile"] == "box-profile"
    assert made["Targets"].startswith("targetgroup/api/")
