"""Large templates as objects that are written once."""

from hashlib import sha256

import pytest

from generator.aws.templates import AlteredTemplate, S3Templates
from tests.generator.aws.buckets import Bucket

TEXT = "Resources: {}\n"
KEY = f"templates/{sha256(TEXT.encode()).hexdigest()}.yaml"


def test_a_template_lies_under_the_hash_of_its_text() -> None:
    bucket = Bucket()
    assert S3Templates(bucket, "state").put(TEXT) == f"https://s3.example/state/{KEY}"
    assert bucket.objects == {KEY: TEXT.encode()}


def test_the_same_template_is_uploaded_once() -> None:
    bucket = Bucket()
    templates = S3Templates(bucket, "state")
    assert templates.put(TEXT) == templates.put(TEXT)
    assert bucket.writes == [KEY]


def test_what_someone_altered_is_neither_used_nor_overwritten() -> None:
    bucket = Bucket()
    bucket.objects[KEY] = b"Resources: {Door: {}}"
    with pytest.raises(AlteredTemplate, match=f"aws s3 rm s3://state/{KEY}"):
        S3Templates(bucket, "state").put(TEXT)
    assert bucket.objects[KEY] == b"Resources: {Door: {}}"
