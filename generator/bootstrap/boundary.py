"""The permissions boundary: the most that any role made by our stacks can ever do, whatever its policies say.

Without it, who may change a role's policy may give itself anything through that role. It allows what a part of this
pipeline may sensibly want, on this environment's resources; a role still has only what its own policies allow as well.
"""

import awacs.cloudfront as cloudfront
import awacs.dynamodb as dynamodb
import awacs.ecr as ecr
import awacs.logs as logs
import awacs.s3 as s3
import awacs.secretsmanager as secretsmanager
import awacs.sqs as sqs
from awacs.aws import Action, Allow, Deny, PolicyDocument, Statement
from troposphere import Sub

from generator.bootstrap.fleet import at_most
from generator.bootstrap.hardened_boundary import hardened
from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import allow, document, in_region, secrets_below


def boundary(environment: Environment) -> PolicyDocument:
    """The boundary as a policy."""
    prefix = environment.prefix
    return document(
        *hardened(environment),
        allow(
            "Objects",
            [s3.GetObject, s3.PutObject, s3.DeleteObject, s3.AbortMultipartUpload, s3.ListBucket, s3.GetObjectVersion],
            [Sub(f"arn:${{AWS::Partition}}:s3:::{prefix}-*")],
        ),
        Statement(
            Sid="NotTheState",
            Effect=Deny,
            Action=[Action("s3", "*")],  # *: a refusal has no exceptions
            Resource=[Sub(f"arn:${{AWS::Partition}}:s3:::{prefix}-state-*")],
        ),
        allow(
            "Jobs",
            [
                dynamodb.GetItem,
                dynamodb.PutItem,
                dynamodb.UpdateItem,
                dynamodb.DeleteItem,
                dynamodb.Query,
                dynamodb.Scan,
                dynamodb.ConditionCheckItem,
                dynamodb.DescribeTable,
            ],
            [in_region("dynamodb", f"table/{prefix}-*")],
        ),
        allow(
            "Queues",
            [
                sqs.SendMessage,
                sqs.ReceiveMessage,
                sqs.DeleteMessage,
                sqs.ChangeMessageVisibility,
                sqs.GetQueueAttributes,
                sqs.GetQueueUrl,
            ],
            [in_region("sqs", f"{prefix}-*")],
        ),
        allow(
            "Invalidate",
            [cloudfront.CreateInvalidation],
            [Sub("arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/*")],  # *: AWS gives the id
        ),
        allow("Secrets", [secretsmanager.GetSecretValue], [secrets_below(prefix)]),
        allow(
            "Logs",
            [logs.CreateLogStream, logs.PutLogEvents],
            [in_region("logs", f"log-group:/ecs/{prefix}-*"), in_region("logs", f"log-group:/ec2/{prefix}-*")],
        ),
        allow(
            "PullImages",
            [ecr.BatchCheckLayerAvailability, ecr.GetDownloadUrlForLayer, ecr.BatchGetImage],
            [in_region("ecr", f"repository/{names.repository(prefix)}")],
        ),
        *at_most(environment),
        Statement(
            Sid="NoResource",
            Effect=Allow,
            Action=[ecr.GetAuthorizationToken, Action("cloudwatch", "PutMetricData")],
            Resource=["*"],  # *: these calls know no resources
        ),
    )
