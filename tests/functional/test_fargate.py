"""Fargate's stand-in: a deployed service really runs, is really healthy, and really fails where it should."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from generator.local.emulator import Emulator
from generator.local.fargate import Fargate
from generator.local.viewer import open_url
from generator.publish.image import push_tree
from tests.functional.conftest import Client, StackFailed, Stacks

VENV = Path(__file__).resolve().parents[2] / ".venv"

SERVER = """
import http.server, json, os, sys
import boto3

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/health":
            body = b"ok"
        elif self.path == "/who":
            body = boto3.client("sts").get_caller_identity()["Arn"].encode()
        elif self.path == "/denied":
            try:
                boto3.client("s3").list_buckets()
                body = b"allowed"
            except Exception as error:
                body = type(error).__name__.encode() + b" " + str(error).encode()
        else:
            body = json.dumps({"version": VERSION, "greeting": os.environ["GREETING"]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

print("serving", flush=True)
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def fargate(emulator: Emulator) -> Iterator[Fargate]:
    running = Fargate(emulator.connection, emulator.state_dir, VENV)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def repository(emulator: Emulator) -> str:
    ecr = emulator.client("ecr")
    uri: str = ecr.create_repository(repositoryName="greeter")["repository"]["repositoryUri"]
    push_tree(ecr, "greeter", "v1", {"server.py": f"VERSION = 1\n{SERVER}".encode()})
    push_tree(ecr, "greeter", "v2", {"server.py": f"VERSION = 2\n{SERVER}".encode()})
    return uri


def _role(*policies: dict[str, Any], managed: tuple[str, ...] = ()) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "ManagedPolicyArns": list(managed),
            "Policies": [
                {"PolicyName": f"p{n}", "PolicyDocument": {"Version": "2012-10-17", "Statement": [each]}}
                for n, each in enumerate(policies)
            ],
        },
    }


def _service(image: str) -> dict[str, Any]:
    pull = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    return {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.8.0.0/16"}},
        "Subnet": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.8.1.0/24"},
        },
        "Balancer": {
            "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "Properties": {"Name": "greeter-alb", "Subnets": [{"Ref": "Subnet"}]},
        },
        "Targets": {
            "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
            "Properties": {
                "TargetType": "ip",
                "Port": 8000,
                "Protocol": "HTTP",
                "VpcId": {"Ref": "Vpc"},
                "HealthCheckPath": "/health",
            },
        },
        "Listener": {
            "Type": "AWS::ElasticLoadBalancingV2::Listener",
            "Properties": {
                "LoadBalancerArn": {"Ref": "Balancer"},
                "Port": 80,
                "Protocol": "HTTP",
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": {"Ref": "Targets"}}],
            },
        },
        "Execution": _role(managed=(pull,)),
        "TaskRole": _role(),
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/greeter", "RetentionInDays": 7}},
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "greeter"}},
        "Definition": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Family": "greeter",
                "NetworkMode": "awsvpc",
                "RequiresCompatibilities": ["FARGATE"],
                "Cpu": "256",
                "Memory": "512",
                "ExecutionRoleArn": {"Fn::GetAtt": ["Execution", "Arn"]},
                "TaskRoleArn": {"Fn::GetAtt": ["TaskRole", "Arn"]},
                "ContainerDefinitions": [
                    {
                        "Name": "greeter",
                        "Image": image,
                        "Command": ["python", "server.py", "0.0.0.0", "8000"],
                        "PortMappings": [{"ContainerPort": 8000}],
                        "StopTimeout": 5,
                        "Environment": [{"Name": "GREETING", "Value": "hello"}],
                        "HealthCheck": {"Command": ["CMD-SHELL", "curl -f http://localhost:8000/health"]},
                        "LogConfiguration": {
                            "LogDriver": "awslogs",
                            "Options": {
                                "awslogs-group": {"Ref": "Logs"},
                                "awslogs-region": "us-east-1",
                                "awslogs-stream-prefix": "greeter",
                            },
                        },
                    }
                ],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "DependsOn": "Listener",
            "Properties": {
                "ServiceName": "greeter",
                "Cluster": {"Ref": "Cluster"},
                "TaskDefinition": {"Ref": "Definition"},
                "LaunchType": "FARGATE",
                "DesiredCount": "2",
                "DeploymentConfiguration": {
                    "MinimumHealthyPercent": 50,
                    "MaximumPercent": 200,
                    "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
                },
                "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": [{"Ref": "Subnet"}]}},
                "LoadBalancers": [
                    {"ContainerName": "greeter", "ContainerPort": 8000, "TargetGroupArn": {"Ref": "Targets"}}
                ],
            },
        },
    }


OUTPUTS = {"Dns": {"Fn::GetAtt": ["Balancer", "DNSName"]}, "Targets": {"Ref": "Targets"}}


def _through_balancer(emulator: Emulator, dns: str, path: str) -> str:
    url = f"{emulator.endpoint_url}/_alb/greeter-alb{path}"
    with open_url(url, emulator.ca_bundle) as answer:
        return str(answer.read(), "utf-8")


def _described(ecs: Any) -> dict[str, Any]:
    service: dict[str, Any] = ecs.describe_services(cluster="greeter", services=["greeter"])["services"][0]
    return service


def test_a_service_runs_rolls_over_and_survives_a_broken_image(
    fargate: Fargate, emulator: Emulator, repository: str, stacks: Stacks, client: Client
) -> None:
    """One story, since each step takes seconds: deploy, serve, roll, fail and roll back, stop."""
    ecs, elb = client("ecs"), client("elbv2")
    made = stacks.put("service", _service(f"{repository}:v1"), OUTPUTS)

    service = _described(ecs)
    assert (service["runningCount"], service["deployments"][0]["rolloutState"]) == (2, "COMPLETED")
    health = elb.describe_target_health(TargetGroupArn=made["Targets"])["TargetHealthDescriptions"]
    assert [each["TargetHealth"]["State"] for each in health] == ["healthy", "healthy"]
    assert len({each["Target"]["Id"] for each in health}) == 2
    assert json.loads(_through_balancer(emulator, made["Dns"], "/")) == {"version": 1, "greeting": "hello"}
    assert ":assumed-role/" in _through_balancer(emulator, made["Dns"], "/who")
    assert "AccessDenied" in _through_balancer(emulator, made["Dns"], "/denied"), "the task role allows nothing"

    stacks.put("service", _service(f"{repository}:v2"), OUTPUTS)
    assert json.loads(_through_balancer(emulator, made["Dns"], "/"))["version"] == 2

    with pytest.raises(StackFailed, match="CannotPullContainerError"):
        stacks.put("service", _service(f"{repository}:v3"), OUTPUTS)
    stopped = ecs.describe_tasks(
        cluster="greeter", tasks=ecs.list_tasks(cluster="greeter", desiredStatus="STOPPED")["taskArns"]
    )["tasks"]
    assert any("CannotPullContainerError" in each["stoppedReason"] for each in stopped)
    assert json.loads(_through_balancer(emulator, made["Dns"], "/"))["version"] == 2, "the old tasks still serve"

    time.sleep(1.2)  # the log driver's batch
    events = client("logs").filter_log_events(logGroupName="/greeter")["events"]
    assert "serving" in {each["message"] for each in events}
