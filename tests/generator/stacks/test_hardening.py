"""What the settings of `Hardening` and their like ask for holds in every environment that asks, and in no other."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.environments import prod as prod_settings
from generator.model.environment import Environment
from generator.model.manifest import parse
from tests.generator.stacks.built import Built, build
from tests.generator.stacks.conftest import Case

PROD = prod_settings.ENVIRONMENT


def _each(built: Built, kind: str) -> dict[str, dict[str, Any]]:
    """Every resource of a type by logical id; there is one."""
    found = built.of_type(kind)
    assert found, kind
    return found


def test_every_log_group_and_topic_is_under_the_key_for_operation_where_keys_are_ours(every: Case) -> None:
    key = "${OperationKeyArn}" if "operation" in every.settings.hardening.customer_keys else None
    assert {group.get("KmsKeyId") for group in _each(every.built, "AWS::Logs::LogGroup").values()} == {key}
    assert {topic.get("KmsMasterKeyId") for topic in _each(every.built, "AWS::SNS::Topic").values()} == {key}


def test_images_are_under_the_key_for_operation_where_keys_are_ours(every: Case) -> None:
    wanted = {"EncryptionType": "KMS", "KmsKey": "${OperationKeyArn}"}
    repository = every.built.properties("registry", "ApiRepository")
    assert repository.get("EncryptionConfiguration") == (
        wanted if "images" in every.settings.hardening.customer_keys else None
    )


def test_table_and_queues_are_under_the_jobs_key_where_keys_are_ours(every: Case) -> None:
    ours = "jobs" in every.settings.hardening.customer_keys
    table = every.built.properties("data", "JobsTable")
    wanted = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": "${JobsKeyArn}"}
    assert table.get("SSESpecification") == (wanted if ours else None)
    for queue in _each(every.built, "AWS::SQS::Queue").values():
        assert queue.get("KmsMasterKeyId") == ("${JobsKeyArn}" if ours else None)
        assert queue.get("SqsManagedSseEnabled") is (None if ours else True)


def _algorithm(bucket: dict[str, Any]) -> str:
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    return str(rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"])


def test_videos_are_under_their_key_where_keys_are_ours_and_logs_are_delivered_to_buckets_of_s3s_own(
    every: Case,
) -> None:
    videos = every.built.properties("storage", "VideoBucket")
    assert _algorithm(videos) == ("aws:kms" if "videos" in every.settings.hardening.customer_keys else "AES256")
    for title, bucket in _each(every.built, "AWS::S3::Bucket").items():
        if title.endswith("LogsBucket"):
            assert _algorithm(bucket) == "AES256"


def test_keys_of_our_own_are_rotated_outlive_their_stack_and_are_three(prod: Built) -> None:
    keys = _each(prod, "AWS::KMS::Key")
    assert set(keys) == {"VideosKey", "JobsKey", "OperationKey"}
    assert all(key["EnableKeyRotation"] is True for key in keys.values())
    assert {prod.resource("keys", title)["DeletionPolicy"] for title in keys} == {"Retain"}
    assert {alias["AliasName"] for alias in _each(prod, "AWS::KMS::Alias").values()} == {
        f"alias/ecg-project-pipeline-prod-{name}" for name in ("videos", "jobs", "operation")
    }


def test_a_key_is_used_by_services_for_this_account_only(prod: Built) -> None:
    """A key's policy that names a service without a condition would serve whoever that service serves."""
    for key in _each(prod, "AWS::KMS::Key").values():
        for statement in key["KeyPolicy"]["Statement"]:
            if "Service" in statement["Principal"]:
                assert "${AWS::AccountId}" in str(statement["Condition"])
            else:
                assert statement["Principal"] == {"AWS": "arn:${AWS::Partition}:iam::${AWS::AccountId}:root"}


def _used_keys(built: Built, stack: str, role: str) -> set[str]:
    return {
        key
        for statement in built.statements(stack, role)
        if "kms:Decrypt" in statement["Action"]
        for key in statement["Resource"]
    }


def test_roles_use_the_keys_of_what_they_handle_through_its_service_only(prod: Built) -> None:
    assert _used_keys(prod, "api", "EcsTaskRole") == {"${VideosKeyArn}", "${JobsKeyArn}"}
    assert _used_keys(prod, "model-server", "ModelServerRole") == {"${VideosKeyArn}"}
    assert _used_keys(prod, "identity", "EraserRole") == {"${JobsKeyArn}"}
    for stack, role in (("api", "EcsTaskRole"), ("model-server", "ModelServerRole"), ("identity", "EraserRole")):
        for statement in prod.statements(stack, role):
            if "kms:Decrypt" in statement["Action"]:
                assert all(
                    re.fullmatch(r"(s3|sqs|dynamodb)\.\$\{AWS::Region\}\.amazonaws\.com", service)
                    for service in statement["Condition"]["StringEquals"]["kms:ViaService"]
                )


def test_every_role_carries_the_boundary_where_it_is_asked_for(every: Case) -> None:
    boundary = f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:policy/{every.settings.prefix}-boundary"
    asked = every.settings.hardening.permissions_boundary
    held = {role.get("PermissionsBoundary") for role in _each(every.built, "AWS::IAM::Role").values()}
    assert held == {boundary if asked else None}


def test_every_name_that_an_account_holds_once_begins_with_the_environments_in_prod(prod: Built) -> None:
    for role in _each(prod, "AWS::IAM::Role").values():
        assert role["RoleName"].startswith("ecg-project-pipeline-prod-")
        assert len(role["RoleName"]) <= 64


def test_instances_ask_for_a_token_where_it_is_asked_for(every: Case) -> None:
    options = {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1}
    for launch in _each(every.built, "AWS::EC2::LaunchTemplate").values():
        wanted = options if every.settings.hardening.imdsv2_only else None
        assert launch["LaunchTemplateData"].get("MetadataOptions") == wanted


def test_nobody_comes_in_by_ssh_where_there_is_no_key_pair(every: Case) -> None:
    ports = [rule["FromPort"] for rule in _ingress(every.built, "ModelServerSecurityGroup")]
    assert (22 in ports) is bool(every.settings.security.ssh_cidrs)
    boxes = [
        *every.built.of_type("AWS::EC2::Instance").values(),
        *(one["LaunchTemplateData"] for one in every.built.of_type("AWS::EC2::LaunchTemplate").values()),
    ]
    assert {box.get("KeyName") for box in boxes} - {None} == {every.settings.model_server.key_name} - {None}


def test_operators_get_a_shell_through_session_manager_where_it_is_asked_for(every: Case) -> None:
    actions = {one for each in every.built.statements("model-server", "ModelServerRole") for one in each["Action"]}
    assert ("ssmmessages:OpenDataChannel" in actions) is every.settings.model_server.session_manager
    assert "ssm:GetParameter" not in actions


def _ingress(built: Built, group: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = built.properties("security", group).get("SecurityGroupIngress", [])
    return found


def test_the_load_balancer_is_open_to_cloudfronts_addresses_alone_where_it_is_asked_for(every: Case) -> None:
    rules = _ingress(every.built, "AlbSecurityGroup")
    lists = [(rule["FromPort"], rule["SourcePrefixListId"]) for rule in rules if "SourcePrefixListId" in rule]
    cidrs = {rule["CidrIp"] for rule in rules if "CidrIp" in rule}
    assert lists == ([(443, "${CloudFrontPrefixListId}")] if every.settings.security.cloudfront_only else [])
    assert cidrs == set(every.settings.security.http_cidrs)


def test_groups_reach_out_to_what_they_need_where_it_is_asked_for(every: Case) -> None:
    out = {
        title: [(rule["IpProtocol"], rule.get("FromPort"), rule["CidrIp"]) for rule in group["SecurityGroupEgress"]]
        for title, group in every.built.of_type("AWS::EC2::SecurityGroup", "security").items()
    }
    if every.settings.security.open_egress:
        assert {rules[0] for rules in out.values()} == {("-1", None, "0.0.0.0/0")}
        assert not every.built.of_type("AWS::EC2::SecurityGroupEgress")
        return
    tls = [("tcp", 443, "0.0.0.0/0")]
    assert out == {
        "AlbSecurityGroup": [("-1", None, "127.0.0.1/32")],
        "EcsSecurityGroup": tls,
        "ModelServerSecurityGroup": tls,
    }


def test_each_rule_between_groups_has_both_halves_where_egress_is_closed(prod: Built) -> None:
    """A rule that lets one group in is of no use while the other may not go out."""
    ways_in = {
        (rule["SourceSecurityGroupId"], rule["GroupId"], rule["FromPort"])
        for rule in _each(prod, "AWS::EC2::SecurityGroupIngress").values()
    }
    ways_out = {
        (rule["GroupId"], rule["DestinationSecurityGroupId"], rule["FromPort"])
        for rule in _each(prod, "AWS::EC2::SecurityGroupEgress").values()
    }
    # The balancer before the boxes is in no circle with another group: its rules stand in it.
    for name, group in _each(prod, "AWS::EC2::SecurityGroup").items():
        own = f"${{{name}}}"
        ways_in |= {
            (rule["SourceSecurityGroupId"], own, rule["FromPort"])
            for rule in group.get("SecurityGroupIngress", ())
            if "SourceSecurityGroupId" in rule
        }
        ways_out |= {
            (own, rule["DestinationSecurityGroupId"], rule["FromPort"])
            for rule in group.get("SecurityGroupEgress", ())
            if "DestinationSecurityGroupId" in rule
        }
    assert ways_in == ways_out
    assert ("${EcsSecurityGroupId}", "${ModelBalancerSecurityGroup}", 8080) in ways_in


def test_flows_of_the_vpc_are_written_down_where_it_is_asked_for(every: Case) -> None:
    flows = every.built.of_type("AWS::EC2::FlowLog")
    assert bool(flows) is (every.settings.network.flow_log_days is not None)
    for flow in flows.values():
        assert (flow["ResourceId"], flow["TrafficType"]) == ("${Vpc}", "ALL")
        assert every.built.properties("network", "FlowLogGroup")["RetentionInDays"] == (
            every.settings.network.flow_log_days
        )


def test_each_endpoint_that_is_asked_for_is_in_every_private_subnet(every: Case) -> None:
    endpoints = every.built.of_type("AWS::EC2::VPCEndpoint")
    names = {one["ServiceName"].split("}.", 1)[1] for one in endpoints.values()}
    assert names == set(every.settings.network.endpoints)
    zones = range(1, len(every.settings.network.private_subnets) + 1)
    for endpoint in endpoints.values():
        if endpoint["VpcEndpointType"] == "Gateway":
            assert endpoint["RouteTableIds"] == [f"${{PrivateRouteTable{number}}}" for number in zones]
        else:
            assert endpoint["SubnetIds"] == [f"${{PrivateSubnet{number}}}" for number in zones]
            assert endpoint["PrivateDnsEnabled"] is True
            assert endpoint["SecurityGroupIds"] == ["${EndpointSecurityGroup.GroupId}"]


def test_endpoints_take_calls_from_the_vpc_and_make_none(prod: Built) -> None:
    group = prod.properties("network", "EndpointSecurityGroup")
    [way_in] = group["SecurityGroupIngress"]
    assert (way_in["FromPort"], way_in["ToPort"], way_in["CidrIp"]) == (443, 443, "10.1.0.0/16")
    assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["127.0.0.1/32"]


def test_every_bucket_but_the_last_says_what_it_was_asked_where_access_is_logged(every: Case) -> None:
    buckets = _each(every.built, "AWS::S3::Bucket")
    logging = {title for title, bucket in buckets.items() if "LoggingConfiguration" in bucket}
    assert logging == (set(buckets) - {"AccessLogsBucket"} if every.settings.storage.access_logs else set())
    prefixes = [buckets[title]["LoggingConfiguration"]["LogFilePrefix"] for title in logging]
    assert len(prefixes) == len(set(prefixes))


def test_s3_may_write_access_logs_for_this_account_and_tls_is_asked_for(prod: Built) -> None:
    deny, allow = prod.statements("storage", "AccessLogsBucketPolicy")
    assert deny["Condition"] == {"Bool": {"aws:SecureTransport": False}}
    assert allow["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": "${AWS::AccountId}"}}


def _rules(built: Built, bucket: str) -> dict[str, dict[str, Any]]:
    rules = built.properties("storage", bucket).get("LifecycleConfiguration", {}).get("Rules", [])
    return {rule["Id"]: rule for rule in rules}


def test_versions_end_and_old_videos_move_to_cheaper_tiers(every: Case) -> None:
    settings, rules = every.settings.storage, _rules(every.built, "VideoBucket")
    days = {"NoncurrentDays": settings.noncurrent_version_days}
    assert rules["forget-noncurrent-versions"]["NoncurrentVersionExpiration"] == days
    moves = rules.get("move-old-videos", {}).get("Transitions", [])
    assert [(move["StorageClass"], move["TransitionInDays"]) for move in moves] == [
        (tier, after)
        for tier, after in (("STANDARD_IA", settings.infrequent_access_days), ("GLACIER_IR", settings.archive_days))
        if after is not None
    ]


def test_everything_has_versions_where_it_is_asked_for(every: Case) -> None:
    versioned = {
        title
        for title, bucket in _each(every.built, "AWS::S3::Bucket").items()
        if bucket.get("VersioningConfiguration", {}).get("Status") == "Enabled"
    }
    everything = {"FrontendBucket", "VideoBucket", "ArtifactsBucket"}
    assert versioned == (everything if every.settings.storage.version_all else {"VideoBucket"})


def test_logs_in_buckets_end_where_it_is_asked_for(every: Case) -> None:
    for title in _each(every.built, "AWS::S3::Bucket"):
        if title.endswith("LogsBucket"):
            days = _rules(every.built, title).get("forget-logs", {}).get("ExpirationInDays")
            assert days == every.settings.storage.log_days


def test_the_table_can_be_had_back_where_it_is_asked_for(every: Case) -> None:
    jobs, table = every.settings.jobs, every.built.properties("data", "JobsTable")
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": jobs.point_in_time_recovery}
    assert table["DeletionProtectionEnabled"] is jobs.deletion_protection
    plans = every.built.of_type("AWS::Backup::BackupPlan").values()
    kept = [rule["Lifecycle"]["DeleteAfterDays"] for plan in plans for rule in plan["BackupPlan"]["BackupPlanRule"]]
    assert kept == ([] if jobs.backup_days is None else [jobs.backup_days])


def test_copies_are_of_the_table_alone_for_files_must_be_forgotten_when_asked(prod: Built) -> None:
    [selection] = _each(prod, "AWS::Backup::BackupSelection").values()
    assert selection["BackupSelection"]["Resources"] == ["${JobsTable.Arn}"]


def test_what_must_not_be_deleted_by_mistake_is_protected_where_it_is_asked_for(every: Case) -> None:
    balancer = {
        one["Key"]: one["Value"] for one in every.built.properties("load-balancer", "Alb")["LoadBalancerAttributes"]
    }
    protected = str(every.settings.load_balancer.deletion_protection).lower()
    assert balancer["deletion_protection.enabled"] == protected
    pool = every.built.properties("identity", "UserPool")
    assert pool["DeletionProtection"] == ("ACTIVE" if every.settings.identity.deletion_protection else "INACTIVE")


def test_every_stack_is_protected_from_termination_where_it_is_asked_for(every: Case) -> None:
    root = Path(__file__).parents[3]
    text = (root / f"templates_out/{every.settings.name}/manifest.yaml").read_text(encoding="utf-8")
    stacks = parse(text, "manifest.yaml").stacks
    assert {stack.protected for stack in stacks} == {every.settings.hardening.termination_protection}


def test_images_are_as_immutable_as_the_environment_says(every: Case) -> None:
    repository = every.built.properties("registry", "ApiRepository")
    assert repository["ImageTagMutability"] == every.settings.registry.image_tag_mutability


def test_a_container_cannot_change_its_own_files_where_it_is_asked_for(every: Case) -> None:
    [container] = every.built.properties("api", "ApiTaskDefinition")["ContainerDefinitions"]
    assert container.get("ReadonlyRootFilesystem", False) is every.settings.api.read_only_root


def test_the_service_counts_its_tasks_itself_where_it_scales(every: Case) -> None:
    service, scaling = every.built.properties("api", "ApiService"), every.settings.api.scaling
    assert service.get("DesiredCount") == (every.settings.api.desired_count if scaling is None else None)
    targets = every.built.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert [(one["MinCapacity"], one["MaxCapacity"]) for one in targets] == (
        [] if scaling is None else [(scaling.minimum, scaling.maximum)]
    )


def test_tasks_scale_by_cpu_and_by_requests(prod: Built) -> None:
    tracked = {
        policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]["PredefinedMetricType"]
        for policy in _each(prod, "AWS::ApplicationAutoScaling::ScalingPolicy").values()
    }
    assert tracked == {"ECSServiceAverageCPUUtilization", "ALBRequestCountPerTarget"}
    requests = prod.properties("api", "ApiScalesByRequests")["TargetTrackingScalingPolicyConfiguration"]
    assert requests["PredefinedMetricSpecification"]["ResourceLabel"] == "${AlbFullName}/${ApiTargetGroupFullName}"


def test_prod_has_a_task_for_each_of_three_zones(prod: Built) -> None:
    subnets = prod.properties("api", "ApiService")["NetworkConfiguration"]["AwsvpcConfiguration"]["Subnets"]
    assert len(subnets) == 3
    assert prod.properties("api", "ApiScalableTarget")["MinCapacity"] >= len(subnets)


def test_errors_take_a_deployment_back_where_it_is_asked_for(every: Case) -> None:
    deployment = every.built.properties("api", "ApiService")["DeploymentConfiguration"]
    errors = every.settings.api.rollback_errors
    wanted = {"AlarmNames": ["${DeploymentErrors}"], "Enable": True, "Rollback": True}
    assert deployment.get("Alarms") == (None if errors is None else wanted)
    if errors is not None:
        assert every.built.properties("api", "DeploymentErrors")["Threshold"] == errors


def test_the_sign_in_is_as_strict_as_the_environment_says(every: Case) -> None:
    settings, pool = every.settings.identity, every.built.properties("identity", "UserPool")
    assert pool["MfaConfiguration"] == settings.mfa
    assert pool["Policies"]["PasswordPolicy"]["RequireSymbols"] is settings.password_symbols
    assert pool["UserPoolTier"] == ("PLUS" if settings.threat_protection else "ESSENTIALS")
    assert ("UserPoolAddOns" in pool) is settings.threat_protection


@pytest.mark.parametrize("without", ["keys", "boundary", "site", "flow logs", "scaling"])
def test_each_switch_can_be_turned_alone(without: str) -> None:
    """Settings are independent: prod without one of them still builds, with every wire in place."""
    hardening = PROD.hardening
    other: Environment = {
        "keys": replace(PROD, hardening=replace(hardening, customer_keys=())),
        "boundary": replace(PROD, hardening=replace(hardening, permissions_boundary=False)),
        "site": replace(
            PROD,
            site=None,
            load_balancer=replace(PROD.load_balancer, origin_secrets=()),
            storage=replace(PROD.storage, cors_origins=("https://ecg.example.org",)),
        ),
        "flow logs": replace(PROD, network=replace(PROD.network, flow_log_days=None)),
        "scaling": replace(PROD, api=replace(PROD.api, scaling=None)),
    }[without]
    from tests.generator.stacks.wires import waves_of

    assert len(waves_of(build(other), other)) == len(build(PROD).templates)
