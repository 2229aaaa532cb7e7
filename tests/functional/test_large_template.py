"""A template over the limit of a call, deployed by someone who has the deploy role's rights and no others."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from generator.account.bootstrapping import Bootstrapped, ensure_local
from generator.aws.cloudformation import CloudFormation
from generator.aws.session import Clients
from generator.aws.templates import AlteredTemplate, S3Templates
from generator.environments.dev import ENVIRONMENT
from generator.local.emulator import Emulator
from generator.model import names
from generator.sync.ports import ChangeSetKind, StackRequest
from generator.sync.snapshot import Seen
from tests.generator.sync.worlds import FakeClock

NAME = f"{ENVIRONMENT.prefix}-large"
TAGS = {"Project": ENVIRONMENT.project, "Environment": ENVIRONMENT.name, "ManagedBy": "ecgctl"}
DEPLOYER = "someone-with-the-deploy-role"


def template(text: str) -> str:
    """Of 60,000 bytes and more, most of them said about a queue."""
    return f"""Metadata:
  Padding: {"0123456789" * 6_000}
Resources:
  Large:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: {NAME}
      Tags:
        - {{Key: Text, Value: {text}}}
"""


def request(text: str) -> StackRequest:
    return StackRequest(NAME, template(text), {}, TAGS)


@dataclass
class Deployer:
    """An IAM user with the deploy role's policies."""

    boot: Bootstrapped
    clients: Clients

    @property
    def stacks(self) -> CloudFormation:
        large = S3Templates(self.clients.make("s3"), self.boot.state_bucket)
        return CloudFormation(self.clients.make("cloudformation"), role_arn=self.boot.service_role, large=large)

    def apply(self, text: str) -> None:
        stacks = self.stacks
        kind = ChangeSetKind.UPDATE if stacks.describe(NAME) else ChangeSetKind.CREATE
        stacks.execute(stacks.create_change_set(request(text), kind), f"token-{text}")
        while (live := stacks.describe(NAME)) is None or live.in_progress:
            time.sleep(0.1)
        assert not live.failed, live


@pytest.fixture(scope="module")
def deployer(emulator: Emulator) -> Iterator[Deployer]:
    boot = ensure_local(ENVIRONMENT, Clients("us-east-1", emulator.environment()), FakeClock())
    iam = emulator.client("iam")
    role = boot.deploy_role.rpartition("/")[2]
    iam.create_user(UserName=DEPLOYER)
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        iam.put_user_policy(UserName=DEPLOYER, PolicyName=policy, PolicyDocument=json.dumps(document))
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        iam.attach_user_policy(UserName=DEPLOYER, PolicyArn=attached["PolicyArn"])
    key = iam.create_access_key(UserName=DEPLOYER)["AccessKey"]
    own = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    yield Deployer(boot, Clients("us-east-1", {**emulator.environment(), **own}))
    api = emulator.client("cloudformation")
    for name in (NAME, f"{ENVIRONMENT.prefix}-bootstrap"):
        api.delete_stack(StackName=name)
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])


def uploads(deployer: Deployer) -> list[str]:
    found = deployer.clients.make("s3").list_objects_v2(Bucket=deployer.boot.state_bucket, Prefix=names.LARGE_TEMPLATES)
    return [one["Key"] for one in found.get("Contents", ())]


def test_it_is_created_and_updated_through_the_state_bucket_and_recognised_when_it_stands(deployer: Deployer) -> None:
    deployer.apply("one")
    deployer.apply("two")
    stacks = deployer.stacks
    live = stacks.describe(NAME)
    assert live is not None
    seen = Seen(live, stacks.template(live))
    assert seen.is_already(request("two"))
    assert not seen.is_already(request("one"))
    assert len(uploads(deployer)) == 2
    # Going back asks for the first text again: it is there.
    deployer.apply("one")
    assert len(uploads(deployer)) == 2


def test_a_call_takes_no_such_template(emulator: Emulator) -> None:
    """Else the emulator would not notice if the bucket were passed by."""
    with pytest.raises(ClientError, match="51200"):
        emulator.client("cloudformation").create_change_set(
            StackName="inline", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=template("inline")
        )


def test_the_deployer_can_delete_no_template_and_an_altered_one_stops_the_apply(
    deployer: Deployer, emulator: Emulator
) -> None:
    url = S3Templates(deployer.clients.make("s3"), deployer.boot.state_bucket).put(template("three"))
    place: dict[str, Any] = {
        "Bucket": deployer.boot.state_bucket,
        "Key": url.partition(f"{deployer.boot.state_bucket}/")[2],
    }
    with pytest.raises(ClientError, match="AccessDenied"):
        deployer.clients.make("s3").delete_object(**place)
    emulator.client("s3").put_object(**place, Body=b"Resources: {}")
    with pytest.raises(AlteredTemplate):
        deployer.stacks.create_change_set(request("three"), ChangeSetKind.UPDATE)
