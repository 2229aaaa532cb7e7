"""The folder that answers as S3 does, asked by boto3 as the apps ask."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from generator.workbench.objects import ObjectStore, object_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    with object_store(tmp_path / "objects") as one:
        yield one


@pytest.fixture
def s3(store: ObjectStore) -> Any:
    keys = {"aws_access_key_id": "workbench", "aws_secret_access_key": "workbench", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=store.url, **keys)


def test_what_was_put_from_this_side_is_read_whole(store: ObjectStore, s3: Any) -> None:
    content = bytes(range(256)) * 5000
    store.put("videos", "local/my clip.mp4", content)
    answer = s3.get_object(Bucket="videos", Key="local/my clip.mp4")
    assert (answer["Body"].read(), answer["ContentLength"]) == (content, len(content))


def test_what_an_app_writes_lies_in_the_folder_to_the_byte(store: ObjectStore, s3: Any) -> None:
    s3.put_object(Bucket="videos", Key="local/overlay.png", Body=b"picture" * 1000, ContentType="image/png")
    assert (store.folder / "videos/local/overlay.png").read_bytes() == b"picture" * 1000


def test_what_is_not_there_is_no_such_key(s3: Any) -> None:
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="videos", Key="no")
    assert refused.value.response["Error"]["Code"] == "NoSuchKey"


@pytest.mark.parametrize("path", ["/../secret", "/videos/..%2f..%2fsecret"])
def test_nothing_outside_the_folder_is_read_or_written(store: ObjectStore, path: str) -> None:
    secret = store.folder.parent / "secret"
    secret.write_text("secret")
    with httpx.Client(trust_env=False) as client:
        assert client.get(store.url + path).status_code == 404
        assert client.put(store.url + path, content=b"x").status_code == 403 or secret.read_text() == "secret"
