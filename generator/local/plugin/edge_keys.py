"""AWS::CloudFront::PublicKey and AWS::CloudFront::KeyGroup."""

from __future__ import annotations

from typing import Any

from .in_process import client
from .resources import Made, Properties, ResourceType


def _key_config(properties: Properties) -> dict[str, Any]:
    return dict(properties["PublicKeyConfig"])


def _key_create(_: str, properties: Properties, __: str) -> Made:
    made = client("cloudfront").create_public_key(PublicKeyConfig=_key_config(properties))["PublicKey"]
    return made["Id"], {"Id": made["Id"], "CreatedTime": str(made["CreatedTime"])}


def _key_update(key: str, old: Properties, new: Properties, stack: str) -> Made:
    before, after = _key_config(old), _key_config(new)
    if any(before.get(name) != after.get(name) for name in ("CallerReference", "EncodedKey", "Name")):
        # All but the comment is create-only (schema of AWS::CloudFront::PublicKey); the engine deletes the old key.
        return _key_create("", new, stack)
    cloudfront = client("cloudfront")
    etag = cloudfront.get_public_key(Id=key)["ETag"]
    made = cloudfront.update_public_key(Id=key, IfMatch=etag, PublicKeyConfig=after)["PublicKey"]
    return key, {"Id": key, "CreatedTime": str(made["CreatedTime"])}


def _key_delete(key: str, _: Properties) -> None:
    cloudfront = client("cloudfront")
    cloudfront.delete_public_key(Id=key, IfMatch=cloudfront.get_public_key(Id=key)["ETag"])


def _group_create(_: str, properties: Properties, __: str) -> Made:
    made = client("cloudfront").create_key_group(KeyGroupConfig=dict(properties["KeyGroupConfig"]))["KeyGroup"]
    return made["Id"], {"Id": made["Id"], "LastModifiedTime": str(made["LastModifiedTime"])}


def _group_update(group: str, _: Properties, new: Properties, __: str) -> Made:
    cloudfront = client("cloudfront")
    etag = cloudfront.get_key_group(Id=group)["ETag"]
    made = cloudfront.update_key_group(Id=group, IfMatch=etag, KeyGroupConfig=dict(new["KeyGroupConfig"]))["KeyGroup"]
    return group, {"Id": group, "LastModifiedTime": str(made["LastModifiedTime"])}


def _group_delete(group: str, _: Properties) -> None:
    cloudfront = client("cloudfront")
    cloudfront.delete_key_group(Id=group, IfMatch=cloudfront.get_key_group(Id=group)["ETag"])


TYPES = (
    ResourceType("AWS::CloudFront::PublicKey", _key_create, _key_update, _key_delete),
    ResourceType("AWS::CloudFront::KeyGroup", _group_create, _group_update, _group_delete),
)
