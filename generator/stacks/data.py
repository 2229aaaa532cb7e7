"""Jobs: their table, their queue, and the queue for those that keep failing. None of it is in the specification."""

from typing import Any

from troposphere import GetAtt, Ref, Template
from troposphere.dynamodb import (
    AttributeDefinition,
    KeySchema,
    PointInTimeRecoverySpecification,
    SSESpecification,
    Table,
    TimeToLiveSpecification,
)
from troposphere.sqs import Queue, QueuePolicy, RedrivePolicy

from generator.model.environment import Environment
from generator.parts.policies import document, tls_only_queue
from generator.parts.tags import tagged
from generator.parts.unique import unique
from generator.parts.wiring import give_out, wired
from generator.stacks.backups import backups

DAY = 24 * 60 * 60
LONGEST_POLL = 20  # seconds; SQS allows no more


def data(environment: Environment) -> Template:
    """A table by owner and id; a queue whose messages fail at most so many times."""
    template = Template(Description=f"{environment.prefix}: jobs table and queues")
    _table(template, environment)
    _queues(template, environment)
    if environment.jobs.backup_days is not None:
        backups(template, environment, environment.jobs.backup_days)
    return tagged(template, environment)


def _table(template: Template, environment: Environment) -> None:
    settings = environment.jobs
    table = template.add_resource(
        Table(
            "JobsTable",
            TableName=unique(environment, "jobs"),  # retained, hence not in the way of the next one
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                AttributeDefinition(AttributeName="owner", AttributeType="S"),
                AttributeDefinition(AttributeName="id", AttributeType="S"),
            ],
            KeySchema=[
                KeySchema(AttributeName="owner", KeyType="HASH"),
                KeySchema(AttributeName="id", KeyType="RANGE"),
            ],
            TimeToLiveSpecification=TimeToLiveSpecification(AttributeName="expires_at", Enabled=True),
            PointInTimeRecoverySpecification=PointInTimeRecoverySpecification(
                PointInTimeRecoveryEnabled=settings.point_in_time_recovery
            ),
            DeletionProtectionEnabled=settings.deletion_protection,
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
        )
    )
    if "jobs" in environment.hardening.customer_keys:
        table.SSESpecification = SSESpecification(
            SSEEnabled=True, SSEType="KMS", KMSMasterKeyId=wired(template, "JobsKeyArn")
        )
    give_out(template, JobsTableName=Ref(table), JobsTableArn=GetAtt(table, "Arn"))


def _encryption(template: Template, environment: Environment) -> dict[str, Any]:
    """A queue's: by SQS, or by a key of our own, which SQS asks KMS for once in five minutes."""
    if "jobs" not in environment.hardening.customer_keys:
        return {"SqsManagedSseEnabled": True}
    return {"KmsMasterKeyId": wired(template, "JobsKeyArn"), "KmsDataKeyReusePeriodSeconds": 300}


def _queues(template: Template, environment: Environment) -> None:
    settings = environment.jobs
    # SQS refuses a deleted queue's name for a minute: the suffix lets a new stack follow at once.
    dead_letters = template.add_resource(
        Queue(
            "JobsDeadLetterQueue",
            QueueName=unique(environment, "jobs-dead-letters"),
            MessageRetentionPeriod=settings.dead_letter_retention_days * DAY,
            **_encryption(template, environment),
        )
    )
    queue = template.add_resource(
        Queue(
            "JobsQueue",
            QueueName=unique(environment, "jobs"),
            VisibilityTimeout=settings.visibility_timeout,
            ReceiveMessageWaitTimeSeconds=LONGEST_POLL,
            RedrivePolicy=RedrivePolicy(
                deadLetterTargetArn=GetAtt(dead_letters, "Arn"), maxReceiveCount=settings.max_receive_count
            ),
            **_encryption(template, environment),
        )
    )
    for made in (queue, dead_letters):
        template.add_resource(
            QueuePolicy(
                f"{made.title}Policy",
                Queues=[Ref(made)],
                PolicyDocument=document(tls_only_queue(GetAtt(made, "Arn"))),
            )
        )
        give_out(
            template,
            **{
                f"{made.title}Url": Ref(made),
                f"{made.title}Arn": GetAtt(made, "Arn"),
                f"{made.title}Name": GetAtt(made, "QueueName"),
            },
        )
