"""ECS-* and GPU-* of docs/specification.md."""

import re
from pathlib import Path
from typing import Any

from tests.generator.stacks.built import Built

UPDATER = Path(__file__).parents[3] / "services" / "ray_serve" / "updater"


def test_ecs_1_the_repository_is_mutable_scanned_and_keeps_every_image(dev: Built) -> None:
    repository = dev.properties("registry", "ApiRepository")
    assert repository["RepositoryName"] == "ecg-project-pipeline-dev-api"
    assert repository["ImageTagMutability"] == "MUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert "LifecyclePolicy" not in repository


def test_ecs_2_the_cluster_is_fargate_and_logs_executed_commands_to_cloudwatch(dev: Built) -> None:
    cluster = dev.properties("api", "Cluster")
    assert cluster["ClusterName"] == "ecg-project-pipeline-dev-cluster"
    assert cluster["CapacityProviders"] == ["FARGATE"]
    assert cluster["Configuration"]["ExecuteCommandConfiguration"] == {
        "Logging": "OVERRIDE",
        "LogConfiguration": {"CloudWatchLogGroupName": "${ExecuteCommandLogGroup}"},
    }


def test_ecs_3_a_task_has_half_a_cpu_a_gigabyte_and_two_roles(dev: Built) -> None:
    task = dev.properties("api", "ApiTaskDefinition")
    assert (task["Cpu"], task["Memory"]) == ("512", "1024")
    assert task["NetworkMode"] == "awsvpc"
    assert task["RequiresCompatibilities"] == ["FARGATE"]
    assert task["RuntimePlatform"] == {"OperatingSystemFamily": "LINUX", "CpuArchitecture": "X86_64"}
    assert task["ExecutionRoleArn"] == "${EcsTaskExecutionRole.Arn}"
    assert task["TaskRoleArn"] == "${EcsTaskRole.Arn}"


def _container(dev: Built) -> dict[str, Any]:
    [container] = dev.properties("api", "ApiTaskDefinition")["ContainerDefinitions"]
    assert isinstance(container, dict)
    return container


def test_ecs_4_the_container_is_essential_on_8000_with_a_soft_memory_limit(dev: Built) -> None:
    container = _container(dev)
    assert container["Name"] == "api"
    assert container["PortMappings"] == [{"ContainerPort": 8000, "Protocol": "tcp"}]
    assert container["Cpu"] == 0
    assert container["MemoryReservation"] == 1024
    assert "Memory" not in container
    assert container["Essential"] is True


def test_ecs_5_the_container_knows_region_video_bucket_and_model_server(dev: Built) -> None:
    variables = {variable["Name"]: variable["Value"] for variable in _container(dev)["Environment"]}
    assert variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert variables["S3_BUCKET_NAME"] == "${VideoBucketName}"
    assert variables["MODEL_SERVER_URL"] == "http://${ModelServerPrivateIp}:8080"


def test_the_container_knows_its_name_its_jobs_its_reports_its_app_and_its_public_address(dev: Built) -> None:
    variables = {variable["Name"]: variable["Value"] for variable in _container(dev)["Environment"]}
    assert variables["JOBS_TABLE_NAME"] == "${JobsTableName}"
    assert variables["JOBS_QUEUE_URL"] == "${JobsQueueUrl}"
    assert variables["JOBS_DEAD_LETTER_QUEUE_URL"] == "${JobsDeadLetterQueueUrl}"
    assert variables["ARTIFACTS_BUCKET_NAME"] == "${ArtifactsBucketName}"
    assert variables["ENVIRONMENT"] == "dev"
    assert variables["ANALYSIS_APP"] == "ecg_rhythm"
    assert variables["DISTRIBUTION_DOMAIN_NAME"] == "${DistributionDomainName}"
    assert variables["DISTRIBUTION_ID"] == "${DistributionId}"
    assert variables["VIDEO_KEY_ID"] == "${VideoPublicKeyId}"
    assert variables["VIDEO_KEY_SECRET_NAME"] == "ecg-project-pipeline-dev/video-signing-key"
    assert variables["METRICS_NAMESPACE"] == "ecg-project-pipeline-dev"
    assert len(variables) == 17


def test_the_container_knows_whose_tokens_to_take_and_that_nobody_goes_without(built: Built) -> None:
    variables = {variable["Name"]: variable["Value"] for variable in _container(built)["Environment"]}
    assert variables["OIDC_ISSUER"] == "https://cognito-idp.${AWS::Region}.amazonaws.com/${UserPoolId}"
    assert variables["OIDC_CLIENT_ID"] == "${UserPoolClientId}"
    assert variables["OIDC_AUDIENCES"] == "${UserPoolClientId} ${ProofClientId}"
    assert "SIGN_IN" not in variables


def test_the_container_runs_the_image_of_its_content_address_with_the_documented_command(built: Built) -> None:
    container = _container(built)
    assert container["Image"] == "${ApiRepositoryUri}:${ImageTag}"
    command = "uvicorn ecg_api.main:create_app --factory --host 0.0.0.0 --port 8000"
    assert container["Command"] == command.split()


def test_ecs_6_the_container_is_healthy_while_curl_gets_its_health(built: Built) -> None:
    assert _container(built)["HealthCheck"] == {
        "Command": ["CMD-SHELL", "curl -f http://localhost:8000/health"],
        "Interval": 30,
        "Timeout": 5,
        "Retries": 3,
        "StartPeriod": 0,
    }


def test_ecs_7_two_private_tasks_are_replaced_between_50_and_200_percent(dev: Built) -> None:
    service = dev.properties("api", "ApiService")
    assert (service["Cluster"], service["TaskDefinition"]) == ("${Cluster}", "${ApiTaskDefinition}")
    assert service["LaunchType"] == "FARGATE"
    assert service["PlatformVersion"] == "LATEST"
    assert service["DesiredCount"] == 2
    assert service["DeploymentConfiguration"]["MaximumPercent"] == 200
    assert service["DeploymentConfiguration"]["MinimumHealthyPercent"] == 50
    assert service["NetworkConfiguration"]["AwsvpcConfiguration"] == {
        "Subnets": ["${PrivateSubnet1Id}", "${PrivateSubnet2Id}"],
        "SecurityGroups": ["${EcsSecurityGroupId}"],
        "AssignPublicIp": "DISABLED",
    }


def test_a_deployment_whose_tasks_never_start_is_rolled_back(built: Built) -> None:
    deployment = built.properties("api", "ApiService")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}


def test_ecs_8_tasks_register_on_8000_with_the_api_target_group(built: Built) -> None:
    assert built.properties("api", "ApiService")["LoadBalancers"] == [
        {"ContainerName": "api", "ContainerPort": 8000, "TargetGroupArn": "${ApiTargetGroupArn}"}
    ]
    assert built.properties("load-balancer", "ApiTargetGroup")["Protocol"] == "HTTP"


def test_ecs_9_the_containers_logs_are_kept_7_days(dev: Built) -> None:
    logging = _container(dev)["LogConfiguration"]
    assert logging["LogDriver"] == "awslogs"
    assert logging["Options"]["awslogs-group"] == "${ApiLogGroup}"
    assert logging["Options"]["awslogs-region"] == "${AWS::Region}"
    assert {group["RetentionInDays"] for group in dev.of_type("AWS::Logs::LogGroup").values()} == {7}


def _box(dev: Built) -> dict[str, Any]:
    return dev.properties("model-server", "ModelServer")


def test_gpu_1_the_box_is_a_private_g4dn_with_basic_monitoring(dev: Built) -> None:
    box = _box(dev)
    assert box["InstanceType"] == "g4dn.xlarge"
    assert box["SubnetId"] == "${PrivateSubnet1Id}"
    assert dev.properties("network", "PrivateSubnet1")["AvailabilityZone"] == "us-east-1a"
    assert dev.properties("network", "PrivateSubnet1")["MapPublicIpOnLaunch"] is False
    assert "NetworkInterfaces" not in box  # where a public address could be asked for
    assert box["SecurityGroupIds"] == ["${ModelServerSecurityGroupId}"]
    assert box["Monitoring"] is False
    assert box["KeyName"] == "model-server-key"


def test_gpu_2_the_ami_is_a_locked_deep_learning_ami_with_pytorch(dev: Built) -> None:
    assert _box(dev)["ImageId"] == "${ModelServerImageId}"
    parameter = dev.templates["model-server"]["Parameters"]["ModelServerImageId"]
    assert parameter["Type"] == "AWS::EC2::Image::Id"
    assert "/aws/service/deeplearning/ami/x86_64/" in parameter["Description"]
    assert "gpu-pytorch" in parameter["Description"]


def _root_volume(dev: Built) -> dict[str, Any]:
    launch = dev.properties("model-server", "ModelServerLaunchTemplate")
    assert _box(dev)["LaunchTemplate"] == {
        "LaunchTemplateName": launch["LaunchTemplateName"],
        "Version": "${ModelServerLaunchTemplate.LatestVersionNumber}",
    }
    assert "BlockDeviceMappings" not in _box(dev)  # which would stand above the launch template's
    [device] = launch["LaunchTemplateData"]["BlockDeviceMappings"]
    assert device["DeviceName"] == "/dev/xvda"
    volume = device["Ebs"]
    assert isinstance(volume, dict)
    return volume


def test_gpu_3_the_root_volume_is_50_gb_of_gp3_and_goes_with_the_box(dev: Built) -> None:
    volume = _root_volume(dev)
    assert volume["VolumeType"] == "gp3"
    assert volume["VolumeSize"] == 50
    assert volume["Iops"] == 3000
    assert volume["Throughput"] == 125
    assert volume["DeleteOnTermination"] is True


def test_gpu_4_the_root_volume_is_encrypted_with_the_aws_managed_key(dev: Built) -> None:
    assert _root_volume(dev)["Encrypted"] is True
    assert "KmsKeyId" not in _root_volume(dev)


def test_gpu_5_the_instance_profile_carries_the_model_server_role(dev: Built) -> None:
    profile = dev.properties("model-server", "ModelServerInstanceProfile")
    assert profile["InstanceProfileName"] == "model-server-role"
    assert profile["Roles"] == ["${ModelServerRole}"]
    assert _box(dev)["IamInstanceProfile"] == "${ModelServerInstanceProfile}"


def test_gpu_6_user_data_installs_the_updater_as_a_systemd_service(dev: Built) -> None:
    text = _box(dev)["UserData"]
    assert text.startswith("#!/bin/bash\n")
    for name in ("updater.py", "ecg-updater.service"):
        assert (UPDATER / name).read_text(encoding="utf-8").replace("${", "${!") in text
    assert "systemctl enable --now ecg-updater" in text
    assert "#include" not in text


def test_user_data_leaves_nothing_for_cloudformation_to_fill_in_but_bucket_and_region(dev: Built) -> None:
    text = _box(dev)["UserData"]
    assert set(re.findall(r"\$\{([^!}][^}]*)\}", text)) == {"ArtifactsBucketName", "AWS::Region"}
    assert 'ENVIRONMENT="dev"' in text


def test_user_data_fits_into_the_16_kib_that_ec2_takes(dev: Built) -> None:
    assert len(_box(dev)["UserData"].encode()) <= 16 * 1024
