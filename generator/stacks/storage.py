"""The buckets (S3-*), and two that the specification needs but does not list: artifacts and load balancer logs.

The policies of the first four live in `cdn`, beside the distribution that they name. The load balancer's log bucket
brings its own: delivery must be allowed before the load balancer may be told to log there (ALB-5).
"""

from troposphere import GetAtt, Ref, Template
from troposphere.s3 import (
    AbortIncompleteMultipartUpload,
    Bucket,
    BucketEncryption,
    BucketPolicy,
    CorsConfiguration,
    CorsRules,
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
from generator.parts.policies import document, tls_only, written_by_load_balancers
from generator.parts.tags import tagged
from generator.parts.unique import unique
from generator.parts.wiring import give_out


def storage(environment: Environment) -> Template:
    """Five private, encrypted buckets that outlive their stack."""
    template = Template(Description=f"{environment.prefix}: buckets")
    frontend = _bucket(template, environment, "FrontendBucket", names.FRONTEND_BUCKET)
    video = _bucket(template, environment, "VideoBucket", names.VIDEO_BUCKET)
    _keep_videos(video, environment)
    cloudfront_logs = _bucket(template, environment, "CloudFrontLogsBucket", names.CLOUDFRONT_LOGS_BUCKET)
    # CloudFront's standard logging grants itself access through the bucket's ACL, which new buckets have disabled.
    cloudfront_logs.OwnershipControls = OwnershipControls(
        Rules=[OwnershipControlsRule(ObjectOwnership="BucketOwnerPreferred")]
    )
    artifacts = _bucket(template, environment, "ArtifactsBucket", names.ARTIFACTS_BUCKET)
    alb_logs = _bucket(template, environment, "AlbLogsBucket", names.ALB_LOGS_BUCKET)
    template.add_resource(
        BucketPolicy(
            "AlbLogsBucketPolicy",
            Bucket=Ref(alb_logs),
            PolicyDocument=document(
                tls_only(GetAtt(alb_logs, "Arn")), written_by_load_balancers(GetAtt(alb_logs, "Arn"))
            ),
        )
    )
    for origin in (frontend, video):
        give_out(
            template,
            **{
                f"{origin.title}Name": Ref(origin),
                f"{origin.title}Arn": GetAtt(origin, "Arn"),
                f"{origin.title}RegionalDomainName": GetAtt(origin, "RegionalDomainName"),
            },
        )
    give_out(
        template,
        CloudFrontLogsBucketName=Ref(cloudfront_logs),
        CloudFrontLogsBucketArn=GetAtt(cloudfront_logs, "Arn"),
        CloudFrontLogsBucketDomainName=GetAtt(cloudfront_logs, "DomainName"),
        ArtifactsBucketName=Ref(artifacts),
        ArtifactsBucketArn=GetAtt(artifacts, "Arn"),
        AlbLogsBucketName=Ref(alb_logs),
    )
    return tagged(template, environment)


def _bucket(template: Template, environment: Environment, title: str, suffix: str) -> Bucket:
    """A bucket with what they all have in common (S3-1 to S3-4)."""
    return template.add_resource(
        Bucket(
            title,
            BucketName=unique(environment, suffix),
            BucketEncryption=BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    ServerSideEncryptionRule(
                        # Load balancers deliver logs to buckets with this kind of key only.
                        ServerSideEncryptionByDefault=ServerSideEncryptionByDefault(SSEAlgorithm="AES256"),
                        BucketKeyEnabled=False,
                    )
                ]
            ),
            PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
        )
    )


def _keep_videos(bucket: Bucket, environment: Environment) -> None:
    """Versions with an end, and uploads straight from the browser."""
    settings = environment.storage
    bucket.VersioningConfiguration = VersioningConfiguration(Status="Enabled")
    bucket.LifecycleConfiguration = LifecycleConfiguration(
        Rules=[
            LifecycleRule(
                Id="forget-noncurrent-versions",
                Status="Enabled",
                NoncurrentVersionExpiration=NoncurrentVersionExpiration(
                    NoncurrentDays=settings.noncurrent_version_days
                ),
            ),
            LifecycleRule(
                Id="forget-incomplete-uploads",
                Status="Enabled",
                AbortIncompleteMultipartUpload=AbortIncompleteMultipartUpload(
                    DaysAfterInitiation=settings.incomplete_upload_days
                ),
            ),
        ]
    )
    bucket.CorsConfiguration = CorsConfiguration(
        CorsRules=[
            CorsRules(
                AllowedHeaders=["*"],  # *: a browser signs what it sends, S3 checks the signature
                AllowedMethods=["GET", "POST", "PUT", "DELETE"],
                AllowedOrigins=list(settings.cors_origins),
                ExposedHeaders=["ETag"],  # which the browser needs to complete a multipart upload
                MaxAge=settings.cors_max_age,
            )
        ]
    )
