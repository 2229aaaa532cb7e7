"""The embedded AWS itself: what is kept, what is refused, and that it never outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from generator.local.connection import Connection, Credentials
from generator.local.emulator import Emulator
from generator.local.errors import NotRunning, StateDirectoryBusy
from tests.functional.conftest import Client


def test_a_clean_stop_keeps_everything_and_the_address(tmp_path: Path) -> None:
    with Emulator(tmp_path) as first:
        endpoint, credentials = first.endpoint_url, first.credentials
        first.client("s3").create_bucket(Bucket="kept-bucket")
        first.client("s3").put_object(Bucket="kept-bucket", Key="a/b", Body=b"bytes")
        first.client("sqs").create_queue(QueueName="kept-queue")
        with pytest.raises(StateDirectoryBusy, match=str(os.getpid())):
            Emulator(tmp_path).start()
        assert Connection.running(tmp_path).endpoint_url == endpoint
    with pytest.raises(NotRunning):
        Connection.running(tmp_path)
    with Emulator(tmp_path) as second:
        assert (second.endpoint_url, second.credentials) == (endpoint, credentials)
        assert second.client("s3").get_object(Bucket="kept-bucket", Key="a/b")["Body"].read() == b"bytes"
        assert second.client("sqs").get_queue_url(QueueName="kept-queue")


_HOLDER = """
import sys, time
from pathlib import Path
from generator.local.emulator import Emulator
emulator = Emulator(Path(sys.argv[1]))
emulator.start()
print(emulator._process.pid, flush=True)
time.sleep(60)
"""


def test_killing_the_parent_stops_the_emulator(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not Path(f"/proc/{child}").exists()


def test_a_user_may_do_what_its_policy_allows_and_nothing_else(emulator: Emulator, client: Client) -> None:
    iam, s3 = client("iam"), client("s3")
    s3.create_bucket(Bucket="policy-bucket")
    s3.put_object(Bucket="policy-bucket", Key="open/x", Body=b"x")
    s3.put_object(Bucket="policy-bucket", Key="closed/x", Body=b"x")
    iam.create_user(UserName="reader")
    iam.put_user_policy(
        UserName="reader",
        PolicyName="read",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject",'
        '"Resource":"arn:aws:s3:::policy-bucket/open/*"}]}',
    )
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    credentials = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    reader = replace(emulator.connection, credentials=credentials).client("s3")
    assert reader.get_object(Bucket="policy-bucket", Key="open/x")["Body"].read() == b"x"
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.get_object(Bucket="policy-bucket", Key="closed/x")
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.put_object(Bucket="policy-bucket", Key="open/x", Body=b"y")


def test_a_wrong_secret_is_refused(emulator: Emulator) -> None:
    forged = Credentials(emulator.credentials.access_key_id, "not-the-secret")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        replace(emulator.connection, credentials=forged).client("s3").list_buckets()


def test_a_role_is_assumed_only_as_the_service_that_it_trusts(emulator: Emulator, client: Client) -> None:
    iam, sts = client("iam"), client("sts")
    iam.create_role(
        RoleName="for-ec2",
        AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Allow",'
        '"Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}',
    )
    arn = iam.get_role(RoleName="for-ec2")["Role"]["Arn"]
    assert sts.assume_role(RoleArn=arn, RoleSessionName="box", ExternalId="service:ec2.amazonaws.com")["Credentials"]
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=arn, RoleSessionName="task", ExternalId="service:ecs-tasks.amazonaws.com")
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=arn, RoleSessionName="user")
