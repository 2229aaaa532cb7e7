"""Drift by hand on the embedded AWS: found, reported, ignored, proposed and taken back, through `ecgctl` itself."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from generator.aws.cloudformation import CloudFormation
from generator.aws.drift import CloudFormationDrift
from generator.checkout import STATE
from generator.commands import keep, observe
from generator.deployment import SystemClock
from generator.local.emulator import Emulator
from generator.model.manifest import Artifact, ArtifactKind, Manifest, ServeManifest, StackManifest
from generator.model.wiring import Wire
from generator.sync.drift.revert import revert
from generator.sync.drift.verdict import EnvironmentDrift, judge
from generator.sync.ports import ChangeSetKind, StackRequest
from generator.sync.run import Options, Target
from tests.conftest import FaultTable
from tests.functional.conftest import Client
from tests.generator.sync.worlds import InMemoryArtifacts

TEMPLATE = """\
Resources:
  Queue: {Type: 'AWS::SQS::Queue', Properties: {QueueName: drifting, VisibilityTimeout: 60}}
  Log: {Type: 'AWS::Logs::LogGroup', Properties: {LogGroupName: /drifting/log, RetentionInDays: 30}}
  Videos:
    Type: AWS::S3::Bucket
    Properties: {BucketName: drifting-videos, VersioningConfiguration: {Status: Enabled}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: drifting
      BillingMode: PAY_PER_REQUEST
      DeletionProtectionEnabled: true
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: drifting
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}]
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: drifting
      Namespace: ECG
      MetricName: Failures
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 5.0
      ComparisonOperator: GreaterThanThreshold
  Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: 10.78.0.0/16}}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupName: drifting
      GroupDescription: Web traffic
      VpcId: !Ref Vpc
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0}]
      SecurityGroupEgress: [{IpProtocol: '-1', CidrIp: 0.0.0.0/0, Description: All}]
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !Ref Group, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}
  # What prod has besides.
  Key:
    Type: AWS::KMS::Key
    Properties:
      EnableKeyRotation: true
      KeyPolicy:
        Version: '2012-10-17'
        Statement: [{Effect: Allow, Principal: {AWS: !Ref AWS::AccountId}, Action: 'kms:*', Resource: '*'}]
  WebAcl:
    Type: AWS::WAFv2::WebACL
    Properties:
      Name: drifting
      Scope: CLOUDFRONT
      DefaultAction: {Allow: {}}
      VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: drifting}
      Rules:
        - Name: limit
          Priority: 0
          Action: {Block: {}}
          Statement: {RateBasedStatement: {Limit: 2000, AggregateKeyType: IP}}
          VisibilityConfig: {SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: limit}
  Vault: {Type: 'AWS::Backup::BackupVault', Properties: {BackupVaultName: drifting}}
  Subnet: {Type: 'AWS::EC2::Subnet', Properties: {VpcId: !Ref Vpc, CidrBlock: 10.78.1.0/24}}
  Flows:
    Type: AWS::EC2::FlowLog
    Properties: {ResourceId: !Ref Vpc, ResourceType: VPC, TrafficType: ALL, LogGroupName: !Ref Log}
  Endpoint:
    Type: AWS::EC2::VPCEndpoint
    Properties:
      VpcId: !Ref Vpc
      VpcEndpointType: Interface
      ServiceName: com.amazonaws.us-east-1.sqs
      PrivateDnsEnabled: true
      SubnetIds: [!Ref Subnet]
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Name: drifting
      LoadBalancerAttributes: [{Key: deletion_protection.enabled, Value: 'true'}]
  Pool:
    Type: AWS::Cognito::UserPool
    Properties: {UserPoolName: drifting, DeletionProtection: ACTIVE, MfaConfiguration: OPTIONAL}
Outputs:
  BucketName: {Value: !Ref Videos}
"""
FILES = {"stacks/all.yaml": TEMPLATE, "serve.yaml": "applications: []\n"}
TAGS = {"Project": "drifting", "Environment": "dev", "ManagedBy": "ecgctl"}
MANIFEST = Manifest(
    name="dev",
    project="drifting",
    region="us-east-1",
    account="unresolved",
    stacks=(StackManifest("all", 0, "stacks/all.yaml", sha256(TEMPLATE.encode()).hexdigest(), MappingProxyType({})),),
    artifacts=(Artifact("agent", ArtifactKind.PACKAGE, "services", "abc.zip", Wire("all", "BucketName")),),
    serve=ServeManifest("serve.yaml", sha256(FILES["serve.yaml"].encode()).hexdigest()),
)
BOOTSTRAP = """\
Resources:
  State: {Type: 'AWS::S3::Bucket', Properties: {BucketName: drifting-dev-state-0}}
Outputs:
  StateBucketName: {Value: !Ref State}
"""


@pytest.fixture(scope="module")
def applied(emulator: Emulator) -> Iterator[Emulator]:
    """The environment, and a bootstrap stack with a state bucket."""
    api = emulator.client("cloudformation")
    stacks = CloudFormation(api)
    for name, template in (("bootstrap", BOOTSTRAP), ("all", TEMPLATE)):
        request = StackRequest(MANIFEST.stack_id(name), template, {}, TAGS)
        stacks.execute(stacks.create_change_set(request, ChangeSetKind.CREATE), f"made-{name}")
        api.get_waiter("stack_create_complete").wait(StackName=request.name, WaiterConfig={"Delay": 1})
    yield emulator
    s3 = emulator.client("s3")
    for bucket in ("drifting-videos", "drifting-dev-state-0"):
        for one in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
            s3.delete_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])
    _unprotect(emulator.client)
    for name in ("all", "bootstrap"):
        api.delete_stack(StackName=MANIFEST.stack_id(name))


def _unprotect(client: Client) -> None:
    _table(client)
    _balancer(client)
    _pool(client)


@pytest.fixture
def checkout(applied: Emulator, tmp_path: Path) -> Path:
    """A clone whose templates_out/dev is this environment, whose local system runs, and whose origin takes pushes."""
    origin, root = tmp_path / "origin.git", tmp_path / "checkout"
    subprocess.run(["git", "init", "--quiet", "--bare", str(origin)], check=True)
    for folder in ("generator/environments", "services", "templates_out/dev/stacks"):
        (root / folder).mkdir(parents=True)
    (root / "generator/environments/dev.py").touch()
    for path, text in {**FILES, "manifest.yaml": yaml.safe_dump(MANIFEST.to_data())}.items():
        (root / "templates_out/dev" / path).write_text(text, encoding="utf-8")
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "--quiet", "--message=all"],
        ["remote", "add", "origin", str(origin)],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
    (root / STATE).symlink_to(applied.state_dir)
    return root


def run(command: click.Command, checkout: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["dev", *arguments, "--local", "--root", str(checkout)], catch_exceptions=False)


@pytest.fixture(scope="module")
def look(applied: Emulator) -> Callable[[], EnvironmentDrift]:
    """What `ecgctl drift` sees, without starting it."""
    reader = CloudFormationDrift(applied.client("cloudformation"))
    names = {"all": MANIFEST.stack_id("all")}
    return lambda: judge(MANIFEST, reader.read_drift(names), (), datetime.now(UTC))


def found(drift: EnvironmentDrift) -> dict[str, str]:
    """Resource -> first property that differs."""
    return {one.logical_id: one.counts[0].difference.path for stack in drift.stacks for one in stack.reverts}


def _queue(client: Client) -> None:
    url = client("sqs").get_queue_url(QueueName="drifting")["QueueUrl"]
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "99"})


def _log(client: Client) -> None:
    client("logs").put_retention_policy(logGroupName="/drifting/log", retentionInDays=3)


def _versions(client: Client) -> None:
    client("s3").put_bucket_versioning(Bucket="drifting-videos", VersioningConfiguration={"Status": "Suspended"})


def _table(client: Client) -> None:
    client("dynamodb").update_table(TableName="drifting", DeletionProtectionEnabled=False)


def _role(client: Client) -> None:
    anyone = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [anyone]}
    client("iam").update_assume_role_policy(RoleName="drifting", PolicyDocument=json.dumps(document))


def _alarm(client: Client) -> None:
    client("cloudwatch").put_metric_alarm(
        AlarmName="drifting",
        Namespace="ECG",
        MetricName="Failures",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=5000,
        ComparisonOperator="GreaterThanThreshold",
    )


def _group(client: Client) -> None:
    ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    client("ec2").authorize_security_group_ingress(GroupId=_id(client, "Group"), IpPermissions=[ssh])


def _rule(client: Client) -> None:
    client("ec2").revoke_security_group_ingress(
        GroupId=_id(client, "Group"), SecurityGroupRuleIds=[_id(client, "Rule")]
    )


def _key(client: Client) -> None:
    client("kms").disable_key_rotation(KeyId=_id(client, "Key"))


def _web_acl(client: Client) -> None:
    waf = client("wafv2")
    name, identity, scope = _id(client, "WebAcl").split("|")
    found = waf.get_web_acl(Name=name, Id=identity, Scope=scope)
    wanted = {each: found["WebACL"][each] for each in ("DefaultAction", "VisibilityConfig")}
    waf.update_web_acl(Name=name, Id=identity, Scope=scope, LockToken=found["LockToken"], Rules=[], **wanted)


def _vault(client: Client) -> None:
    client("backup").delete_backup_vault(BackupVaultName="drifting")


def _flows(client: Client) -> None:
    client("ec2").delete_flow_logs(FlowLogIds=[_id(client, "Flows")])


def _endpoint(client: Client) -> None:
    client("ec2").modify_vpc_endpoint(VpcEndpointId=_id(client, "Endpoint"), RemoveSubnetIds=[_id(client, "Subnet")])


def _balancer(client: Client) -> None:
    client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=_id(client, "Balancer"),
        Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}],
    )


def _pool(client: Client) -> None:
    client("cognito-idp").update_user_pool(UserPoolId=_id(client, "Pool"), DeletionProtection="INACTIVE")


def _id(client: Client, resource: str) -> str:
    told = client("cloudformation").describe_stack_resource(
        StackName=MANIFEST.stack_id("all"), LogicalResourceId=resource
    )
    return str(told["StackResourceDetail"]["PhysicalResourceId"])


BY_HAND: dict[str, tuple[Callable[[Client], None], str]] = {
    "Queue": (_queue, "/VisibilityTimeout"),
    "Log": (_log, "/RetentionInDays"),
    "Videos": (_versions, "/VersioningConfiguration/Status"),
    "Table": (_table, "/DeletionProtectionEnabled"),
    "Role": (_role, "/AssumeRolePolicyDocument/Statement/0/Principal/Service"),
    "Alarm": (_alarm, "/Threshold"),
    "Group": (_group, "/SecurityGroupIngress/1"),
    "Rule": (_rule, "deleted"),
    "Key": (_key, "/EnableKeyRotation"),
    "WebAcl": (_web_acl, "/Rules/0"),
    "Vault": (_vault, "deleted"),
    "Flows": (_flows, "deleted"),
    "Endpoint": (_endpoint, "/SubnetIds/0"),
    "Balancer": (_balancer, "/LoadBalancerAttributes/0/Value"),
    "Pool": (_pool, "/DeletionProtection"),
}


@pytest.fixture(scope="module")
def back(applied: Emulator, look: Callable[[], EnvironmentDrift]) -> Callable[[], None]:
    """Take all drift back, without starting `ecgctl`."""
    target = Target(CloudFormation(applied.client("cloudformation")), InMemoryArtifacts(), SystemClock())
    return lambda: revert(MANIFEST, FILES, look(), target, lambda _: None, Options()) and None


@pytest.fixture(autouse=True)
def taken_back(back: Callable[[], None]) -> Iterator[None]:
    """Whatever a test does by hand is taken back before the next one."""
    yield
    back()


def test_what_was_just_applied_has_not_drifted_and_says_how_much_was_looked_at(checkout: Path) -> None:
    done = run(keep.drift, checkout)
    assert done.exit_code == 0, done.output
    assert "drift     none" in done.stdout
    assert "resources were compared with what is there" in done.stdout
    assert "unchecked: CloudFormation did not look at 2: AWS::EC2::Subnet (1), AWS::EC2::VPC (1)" in done.stdout


@pytest.mark.fault
@pytest.mark.parametrize("resource", BY_HAND)
def test_a_change_by_hand_is_found_and_taken_back(
    resource: str, client: Client, look: Callable[[], EnvironmentDrift], back: Callable[[], None], faults: FaultTable
) -> None:
    by_hand, path = BY_HAND[resource]
    by_hand(client)
    assert found(look()) == {resource: path}
    back()
    assert found(look()) == {}
    faults.add("a resource changed or deleted by hand, kind by kind")


def test_all_of_it_at_once_goes_back_in_one_change_set(
    checkout: Path, client: Client, look: Callable[[], EnvironmentDrift]
) -> None:
    for by_hand, _ in BY_HAND.values():
        by_hand(client)
    assert found(look()).keys() == BY_HAND.keys()
    done = run(keep.drift, checkout, "--on-drift", "revert")
    assert done.exit_code == 0, done.output
    assert f"all: {len(BY_HAND)} changes" in done.stderr
    assert "looked again: no drift" in done.stderr


def test_status_shows_drift_and_when_it_was_looked_for(checkout: Path, client: Client) -> None:
    _queue(client)
    assert run(keep.drift, checkout).exit_code == 1
    assert "drifted (" in run(observe.status, checkout).stdout


def test_an_ignored_difference_is_told_with_its_reason_and_does_not_count(checkout: Path, client: Client) -> None:
    _queue(client)
    (checkout / "generator/environments/dev.drift.yaml").write_text(
        "ignore:\n  - {stack: all, resource: Queue, property: /VisibilityTimeout, reason: a long study, owner: lead, "
        "expires: 2099-01-01}\n",
        encoding="utf-8",
    )
    done = run(keep.drift, checkout)
    assert done.exit_code == 0
    assert "ignored: all.Queue /VisibilityTimeout is 99: a long study (lead, until 2099-01-01)" in done.stdout


def test_a_proposal_is_pushed_once_as_a_branch_and_leaves_the_working_tree_alone(
    checkout: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")  # no gh
    _queue(client)
    first = run(keep.drift, checkout, "--on-drift", "pr")
    again = run(keep.drift, checkout, "--on-drift", "pr")
    assert "gh is not installed: open the pull request on GitHub" in first.stderr
    assert "proposes this already" in again.stderr
    origin = checkout.parent / "origin.git"
    branches = subprocess.run(["git", "branch"], cwd=origin, capture_output=True, text=True, check=True).stdout.split()
    assert [name.startswith("drift-dev-") for name in branches] == [True]
    path = f"{branches[0]}:generator/environments/dev.drift.yaml"
    text = subprocess.run(["git", "show", path], cwd=origin, capture_output=True, text=True, check=True).stdout
    assert 'property: "/VisibilityTimeout"' in text
    status = subprocess.run(["git", "status", "--porcelain"], cwd=checkout, capture_output=True, text=True, check=True)
    assert [line for line in status.stdout.splitlines() if ".local" not in line] == []


def test_a_look_tells_alarms_how_much_has_drifted(checkout: Path, client: Client) -> None:
    _queue(client)
    _log(client)
    assert run(keep.drift, checkout).exit_code == 1
    now = datetime.now(UTC)
    told = client("cloudwatch").get_metric_statistics(
        Namespace="drifting-dev",
        MetricName="DriftedResources",
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=3600,
        Statistics=["Maximum"],
    )
    assert max(one["Maximum"] for one in told["Datapoints"]) == 2


def test_while_suspended_nothing_is_taken_back_and_status_says_so(checkout: Path, client: Client) -> None:
    _queue(client)
    said = run(keep.suspend, checkout, "--until", "2h", "--reason", "the box runs hot")
    assert "the box runs hot" in said.stdout
    refused = CliRunner().invoke(keep.drift, ["dev", "--on-drift", "revert", "--local", "--root", str(checkout)])
    assert "the box runs hot" in str(refused.exception)
    assert "suspended until" in run(observe.status, checkout).stdout
    assert run(keep.resume, checkout).stdout.startswith("resumed")
    assert "suspended until" not in run(observe.status, checkout).stdout
    assert run(keep.resume, checkout).stdout == "dev is not suspended\n"


@pytest.mark.parametrize("until", ["soon", "2001-01-01T00:00"])
def test_a_suspension_ends_at_a_moment_to_come(until: str, checkout: Path) -> None:
    assert run(keep.suspend, checkout, "--until", until, "--reason", "x").exit_code == 2


def test_the_status_object_holds_status_and_drift_with_their_times(checkout: Path, client: Client) -> None:
    _queue(client)
    run(keep.drift, checkout)
    kept: dict[str, Any] = json.loads(
        client("s3").get_object(Bucket="drifting-videos", Key="status/dev.json")["Body"].read()
    )
    assert (kept["kind"], kept["environment"]) == ("EnvironmentStatus", "dev")
    assert [one["resource"] for one in kept["drift"]["resources"]] == ["Queue"]
    assert kept["drift"]["at"] <= kept["at"]
    assert kept["monthly_cost_usd"] >= 0
    assert all(one["began"] <= kept["at"] for one in kept["deployments"])
