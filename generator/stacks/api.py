"""The API on Fargate (ECS-2 to ECS-9) and what it may do (IAM-1, IAM-2)."""

from typing import Final

import awacs.cloudfront as cloudfront
import awacs.dynamodb as dynamodb
import awacs.s3 as s3
import awacs.secretsmanager as secretsmanager
import awacs.sqs as sqs
from troposphere import GetAtt, Join, Ref, Region, Sub, Template
from troposphere.ecs import (
    AwsvpcConfiguration,
    CapacityProviderStrategyItem,
    Cluster,
    ClusterConfiguration,
    ClusterSetting,
    ContainerDefinition,
    DeploymentAlarms,
    DeploymentCircuitBreaker,
    DeploymentConfiguration,
    ExecuteCommandConfiguration,
    ExecuteCommandLogConfiguration,
    HealthCheck,
    LoadBalancer,
    LogConfiguration,
    NetworkConfiguration,
    PortMapping,
    RuntimePlatform,
    Service,
    TaskDefinition,
)
from troposphere.ecs import Environment as Variable
from troposphere.iam import Policy, Role
from troposphere.logs import LogGroup

from generator.model import names
from generator.model.environment import Environment
from generator.parts.model_server import host
from generator.parts.policies import (
    allow,
    distribution,
    inline,
    objects,
    secret_named,
    secrets_below,
    trusts,
    use_keys,
)
from generator.parts.ports import API_PORT, MODEL_SERVER_PORT
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, literal, wired, wired_each, wired_text
from generator.stacks.api_guards import deployment_alarm, scale

CONTAINER = "api"
TASKS = "ecs-tasks.amazonaws.com"
ANALYSIS_APP = "ecg_rhythm"


def api(environment: Environment) -> Template:
    """A cluster, one service of one container, and its two roles."""
    template = Template(Description=f"{environment.prefix}: API service")
    cluster = _cluster(template, environment)
    task = template.add_resource(
        TaskDefinition(
            "ApiTaskDefinition",
            Family=f"{environment.prefix}-api",
            RequiresCompatibilities=["FARGATE"],
            NetworkMode="awsvpc",
            RuntimePlatform=RuntimePlatform(OperatingSystemFamily="LINUX", CpuArchitecture="X86_64"),
            Cpu=str(environment.api.cpu),
            Memory=str(environment.api.memory),
            ExecutionRoleArn=GetAtt(_execution_role(template, environment), "Arn"),
            TaskRoleArn=GetAtt(_task_role(template, environment), "Arn"),
            ContainerDefinitions=[_container(template, environment)],
        )
    )
    service = _service(template, environment, cluster, task)
    if environment.api.scaling is not None:
        scale(template, environment.api.scaling, cluster, service)
    give_out(
        template,
        ClusterName=Ref(cluster),
        ApiServiceName=GetAtt(service, "Name"),
        ApiTaskDefinitionArn=Ref(task),
    )
    return tagged(template, environment)


def _log_group(template: Template, environment: Environment, title: str, name: str) -> LogGroup:
    return template.add_resource(
        LogGroup(
            title,
            LogGroupName=names.log_group(environment.prefix, "ecs", name),
            RetentionInDays=environment.api.log_retention_days,
        )
    )


def _cluster(template: Template, environment: Environment) -> Cluster:
    commands = _log_group(template, environment, "ExecuteCommandLogGroup", "execute-command")
    insights = environment.api.container_insights
    return template.add_resource(
        Cluster(
            "Cluster",
            ClusterName=names.cluster(environment.prefix),
            CapacityProviders=["FARGATE"],
            DefaultCapacityProviderStrategy=[CapacityProviderStrategyItem(CapacityProvider="FARGATE", Weight=1)],
            Configuration=ClusterConfiguration(
                ExecuteCommandConfiguration=ExecuteCommandConfiguration(
                    Logging="OVERRIDE",
                    LogConfiguration=ExecuteCommandLogConfiguration(CloudWatchLogGroupName=Ref(commands)),
                )
            ),
            **({"ClusterSettings": [ClusterSetting(Name="containerInsights", Value="enhanced")]} if insights else {}),
        )
    )


def _execution_role(template: Template, environment: Environment) -> Role:
    """What ECS itself does for a task: pull the image, write logs, read secrets (IAM-1)."""
    return template.add_resource(
        Role(
            "EcsTaskExecutionRole",
            RoleName=names.account_wide(environment, "ecs-task-execution-role"),
            AssumeRolePolicyDocument=trusts(TASKS),
            ManagedPolicyArns=[
                Sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
            ],
            Policies=[
                inline(  # The managed policy pulls images and writes logs, but reads no secrets.
                    "secrets",
                    allow("ReadSecrets", [secretsmanager.GetSecretValue], [secrets_below(environment.prefix)]),
                )
            ],
        )
    )


def _task_role(template: Template, environment: Environment) -> Role:
    """What the API's own code does."""
    video = wired(template, "VideoBucketArn")
    return template.add_resource(
        Role(
            "EcsTaskRole",
            RoleName=names.account_wide(environment, "ecs-task-role"),
            AssumeRolePolicyDocument=trusts(TASKS),
            Policies=[
                inline(  # IAM-2, as written
                    "video-bucket",
                    allow(
                        "VideoBucket",
                        [s3.GetObject, s3.PutObject, s3.DeleteObject, s3.ListBucket],
                        [video, objects(video)],
                    ),
                ),
                inline(
                    "uploads",
                    allow(
                        "MultipartUploads",
                        [s3.AbortMultipartUpload],
                        [objects(video, "videos/")],
                    ),
                ),
                inline(
                    "jobs",
                    allow(
                        "JobsTable",
                        [
                            dynamodb.GetItem,
                            dynamodb.PutItem,
                            dynamodb.UpdateItem,
                            dynamodb.Query,
                            dynamodb.Scan,  # the sweep looks at every job
                        ],
                        [wired(template, "JobsTableArn")],
                    ),
                    allow(
                        "JobsQueue",
                        [
                            sqs.SendMessage,
                            sqs.ReceiveMessage,
                            sqs.DeleteMessage,
                            sqs.ChangeMessageVisibility,
                            sqs.GetQueueAttributes,
                        ],
                        [wired(template, "JobsQueueArn")],
                    ),
                    allow(
                        "DeadLetters",
                        [sqs.GetQueueAttributes, sqs.ReceiveMessage, sqs.DeleteMessage],
                        [wired(template, "JobsDeadLetterQueueArn")],
                    ),
                ),
                inline(
                    "reports",
                    allow(
                        "Reports",
                        [s3.GetObject],
                        [
                            Join("", [wired(template, "ArtifactsBucketArn"), f"/{key}"])
                            for key in (f"observed/{environment.name}/box.json", f"status/{environment.name}.json")
                        ],
                    ),
                ),
                inline(
                    "edge",
                    # The API reads it when it signs, not ECS when a task starts: an exchanged key needs no new task.
                    allow(
                        "SignForVideos",
                        [secretsmanager.GetSecretValue],
                        [
                            # All generations: a task of before reads its own until it is gone.
                            secret_named(names.video_key_secret(environment.prefix, generation))
                            for generation in environment.cdn.video_keys
                        ],
                    ),
                    allow(
                        "ForgetVideos",
                        [cloudfront.CreateInvalidation],
                        [distribution(wired(template, "DistributionId"))],
                    ),
                ),
                *_keys(template, environment),
            ],
        )
    )


_UNDER_KEYS: Final = {"videos": ("s3",), "jobs": ("dynamodb", "sqs")}
"""Services that encrypt for a task, by the key that they do it under."""


def _keys(template: Template, environment: Environment) -> list[Policy]:
    asked = [key for key in _UNDER_KEYS if key in environment.hardening.customer_keys]
    services = [service for key in asked for service in _UNDER_KEYS[key]]
    return (
        [inline("keys", use_keys(services, [wired(template, f"{key.title()}KeyArn") for key in asked]))]
        if asked
        else []
    )


def _container(template: Template, environment: Environment) -> ContainerDefinition:
    literal(template, "ImageTag", "The content address of services/api")
    log_group = _log_group(template, environment, "ApiLogGroup", "api")
    variables = {
        "ENVIRONMENT": environment.name,
        "AWS_DEFAULT_REGION": environment.region,
        "S3_BUCKET_NAME": wired(template, "VideoBucketName"),
        "MODEL_SERVER_URL": wired_text(template, f"http://${{{host(environment)}}}:{MODEL_SERVER_PORT}"),
        "JOBS_TABLE_NAME": wired(template, "JobsTableName"),
        "JOBS_QUEUE_URL": wired(template, "JobsQueueUrl"),
        "JOBS_DEAD_LETTER_QUEUE_URL": wired(template, "JobsDeadLetterQueueUrl"),
        "ARTIFACTS_BUCKET_NAME": wired(template, "ArtifactsBucketName"),
        "OIDC_ISSUER": Sub(
            "https://cognito-idp.${AWS::Region}.amazonaws.com/${Pool}", Pool=wired(template, "UserPoolId")
        ),
        "OIDC_CLIENT_ID": wired(template, "UserPoolClientId"),
        "OIDC_AUDIENCES": wired_text(template, "${UserPoolClientId} ${ProofClientId}"),
        "ANALYSIS_APP": ANALYSIS_APP,
        "DISTRIBUTION_ID": wired(template, "DistributionId"),
        "DISTRIBUTION_DOMAIN_NAME": wired(template, "DistributionDomainName"),
        "VIDEO_KEY_ID": wired(template, "VideoPublicKeyId"),
        "VIDEO_KEY_SECRET_NAME": names.video_key_secret(environment.prefix, environment.cdn.video_keys[0]),
        "METRICS_NAMESPACE": environment.prefix,
    }
    return ContainerDefinition(
        Name=CONTAINER,
        Image=wired_text(template, "${ApiRepositoryUri}:${ImageTag}"),
        Command=[
            "uvicorn",
            "ecg_api.main:create_app",
            "--factory",
            "--host",
            "0.0.0.0",  # noqa: S104 - every address of the task's own network interface
            "--port",
            str(API_PORT),
        ],
        Cpu=0,
        MemoryReservation=environment.api.memory_reservation,
        Essential=True,
        **({"ReadonlyRootFilesystem": True} if environment.api.read_only_root else {}),
        PortMappings=[PortMapping(ContainerPort=API_PORT, Protocol="tcp")],
        Environment=[Variable(Name=name, Value=value) for name, value in variables.items()],
        HealthCheck=HealthCheck(
            Command=["CMD-SHELL", f"curl -f http://localhost:{API_PORT}/health"],
            Interval=30,
            Timeout=5,
            Retries=3,
            StartPeriod=0,
        ),
        LogConfiguration=LogConfiguration(
            LogDriver="awslogs",
            Options={
                "awslogs-group": Ref(log_group),
                "awslogs-region": Region,
                "awslogs-stream-prefix": CONTAINER,
            },
        ),
    )


def _service(template: Template, environment: Environment, cluster: Cluster, task: TaskDefinition) -> Service:
    settings = environment.api
    # An update that states a count puts back what scaling did.
    count = {"DesiredCount": settings.desired_count} if settings.scaling is None else {}
    watched = {}
    if settings.rollback_errors is not None:
        alarm = deployment_alarm(template, environment, settings.rollback_errors)
        watched["Alarms"] = DeploymentAlarms(AlarmNames=[Ref(alarm)], Enable=True, Rollback=True)
    return template.add_resource(
        Service(
            "ApiService",
            ServiceName=f"{environment.prefix}-api",
            Cluster=Ref(cluster),
            TaskDefinition=Ref(task),
            LaunchType="FARGATE",
            PlatformVersion="LATEST",
            **count,
            DeploymentConfiguration=DeploymentConfiguration(
                MinimumHealthyPercent=settings.minimum_healthy_percent,
                MaximumPercent=settings.maximum_percent,
                # Without it CloudFormation waits three hours for a task that can never start.
                DeploymentCircuitBreaker=DeploymentCircuitBreaker(Enable=True, Rollback=True),
                **watched,
            ),
            NetworkConfiguration=NetworkConfiguration(
                AwsvpcConfiguration=AwsvpcConfiguration(
                    Subnets=wired_each(template, "PrivateSubnet{}Id", len(environment.network.private_subnets)),
                    SecurityGroups=[wired(template, "EcsSecurityGroupId")],
                    AssignPublicIp="DISABLED",
                )
            ),
            LoadBalancers=[
                LoadBalancer(
                    ContainerName=CONTAINER,
                    ContainerPort=API_PORT,
                    TargetGroupArn=wired(template, "ApiTargetGroupArn"),
                )
            ],
        )
    )
