"""The bucket of what applying needs to remember: the lease, the ledger, deployed trees, large templates.

It is not in a stack that `apply` makes and `destroy` deletes, and it outlives its own stack too.
"""

from troposphere import GetAtt, Ref, Template
from troposphere.s3 import (
    AbortIncompleteMultipartUpload,
    Bucket,
    BucketEncryption,
    BucketPolicy,
    LifecycleConfiguration,
    LifecycleRule,
    NoncurrentVersionExpiration,
    OwnershipControls,
    OwnershipControlsRule,
    PublicAccessBlockConfiguration,
    ServerSideEncryptionByDefault,
    ServerSideEncryptionRule,
    VersioningConfiguration,
)

from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import document, tls_only
from generator.parts.unique import unique

STATE_BUCKET = "state"
NONCURRENT_DAYS = 90
"""A quarter: long enough to look up what an overwritten lease or status said during an incident."""

TEMPLATE_DAYS = 30
"""CloudFormation reads a template once, when a change set is asked for; apply uploads it again where it is gone."""


def state_bucket(template: Template, environment: Environment) -> Bucket:
    """Private, versioned, over TLS only, and kept."""
    bucket = template.add_resource(
        Bucket(
            "StateBucket",
            BucketName=unique(environment, STATE_BUCKET),
            BucketEncryption=BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    ServerSideEncryptionRule(
                        ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                    )
                ]
            ),
            OwnershipControls=OwnershipControls(Rules=[OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
            PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            VersioningConfiguration=VersioningConfiguration(Status="Enabled"),
            LifecycleConfiguration=LifecycleConfiguration(
                Rules=[
                    LifecycleRule(
                        Id="forget-noncurrent-versions",
                        Status="Enabled",
                        NoncurrentVersionExpiration=NoncurrentVersionExpiration(NoncurrentDays=NONCURRENT_DAYS),
                    ),
                    LifecycleRule(
                        Id="forget-incomplete-uploads",
                        Status="Enabled",
                        AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
                    ),
                    LifecycleRule(
                        Id="forget-large-templates",
                        Status="Enabled",
                        Prefix=names.LARGE_TEMPLATES,
                        ExpirationInDays=TEMPLATE_DAYS,
                    ),
                ]
            ),
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
        )
    )
    template.add_resource(
        BucketPolicy("StateBucketPolicy", Bucket=Ref(bucket), PolicyDocument=document(tls_only(GetAtt(bucket, "Arn"))))
    )
    return bucket
