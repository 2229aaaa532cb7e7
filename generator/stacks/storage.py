"""The buckets (S3-*), and two that the specification needs but does not list: artifacts and load balancer logs.

Where an environment asks for it there is a sixth, which the others' access logs go to.

The policies of the first four live in `cdn`, beside the distribution that they name. The load balancer's log bucket
brings its own: delivery must be allowed before the load balancer may be told to log there (ALB-5).
"""

from typing import Any

from troposphere import GetAtt, Ref, Sub, Template
from troposphere.s3 import (
    AbortIncompleteMultipartUpload,
    Bucket,
    BucketEncryption,
    BucketPolicy,
    CorsConfiguration,
    CorsRules,
    LifecycleConfiguration,
    LifecycleRule,
    LifecycleRuleTransition,
    LoggingConfiguration,
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
from generator.parts.policies import document, tls_only, written_by_access_logs, written_by_load_balancers
from generator.parts.tags import tagged
from generator.parts.unique import unique
from generator.parts.wiring import give_out, literal, wired

VISITS_KEPT_DAYS = 30


def storage(environment: Environment) -> Template:
    """Private, encrypted buckets that outlive their stack."""
    template = Template(Description=f"{environment.prefix}: buckets")
    frontend = _bucket(template, environment, "FrontendBucket", names.FRONTEND_BUCKET)
    video = _bucket(template, environment, "VideoBucket", names.VIDEO_BUCKET)
    _keep_videos(template, video, environment)
    cloudfront_logs = _bucket(template, environment, "CloudFrontLogsBucket", names.CLOUDFRONT_LOGS_BUCKET)
    # CloudFront's standard logging grants itself access through the bucket's ACL, which new buckets have disabled.
    cloudfront_logs.OwnershipControls = OwnershipControls(
        Rules=[OwnershipControlsRule(ObjectOwnership="BucketOwnerPreferred")]
    )
    artifacts = _bucket(template, environment, "ArtifactsBucket", names.ARTIFACTS_BUCKET)
    if environment.storage.version_all:
        for bucket in (frontend, artifacts):
            _keep_versions(bucket, environment)
    if environment.alarms.visit_minutes is not None:
        _forget_visits(artifacts)
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
    logs = [cloudfront_logs, alb_logs]
    if environment.storage.access_logs:
        logs.append(_log_access(template, environment, [frontend, video, artifacts, *logs]))
    if environment.storage.log_days is not None:
        _forget_logs(logs, environment.storage.log_days)
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
            BucketEncryption=_encryption(),
            PublicAccessBlockConfiguration=PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            DeletionPolicy="Retain",
            UpdateReplacePolicy="Retain",
        )
    )


def _encryption(key: Any = None) -> BucketEncryption:
    """With S3's own key, the only kind to whose buckets load balancers and S3 itself deliver logs; or with `key`."""
    by = (
        ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
        if key is None
        else ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=key)
    )
    # A bucket key saves a call of KMS for each object, each of which costs money.
    rule = ServerSideEncryptionRule(ServerSideEncryptionByDefault=by, BucketKeyEnabled=key is not None)
    return BucketEncryption(ServerSideEncryptionConfiguration=[rule])


def _site(template: Template) -> Sub:
    """The origin of our own pages."""
    literal(template, "SiteDomainName", "The domain under which people know the site")
    return Sub("https://${SiteDomainName}")


def _log_access(template: Template, environment: Environment, buckets: list[Bucket]) -> Bucket:
    """One bucket for what the others are asked. It logs nothing of itself: each line would be followed by another."""
    logs = _bucket(template, environment, "AccessLogsBucket", names.ACCESS_LOGS_BUCKET)
    template.add_resource(
        BucketPolicy(
            "AccessLogsBucketPolicy",
            Bucket=Ref(logs),
            PolicyDocument=document(tls_only(GetAtt(logs, "Arn")), written_by_access_logs(GetAtt(logs, "Arn"))),
        )
    )
    for bucket in buckets:
        bucket.DependsOn = ["AccessLogsBucketPolicy"]
        bucket.LoggingConfiguration = LoggingConfiguration(
            DestinationBucketName=Ref(logs), LogFilePrefix=f"{bucket.title}/"
        )
    return logs


def _forget_logs(buckets: list[Bucket], days: int) -> None:
    for bucket in buckets:
        bucket.LifecycleConfiguration = LifecycleConfiguration(
            Rules=[LifecycleRule(Id="forget-logs", Status="Enabled", ExpirationInDays=days)]
        )


def _forget_visits(bucket: Bucket) -> None:
    """Reports of visits are read while something is broken, and not a month later."""
    rule = LifecycleRule(
        Id="forget-visits", Status="Enabled", Prefix=f"{names.VISITS}/", ExpirationInDays=VISITS_KEPT_DAYS
    )
    before = bucket.properties.get("LifecycleConfiguration")
    bucket.LifecycleConfiguration = LifecycleConfiguration(Rules=[*(before.Rules if before else ()), rule])


def _keep_versions(bucket: Bucket, environment: Environment) -> None:
    """Versions with an end, and an end of uploads that have none."""
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


def _keep_videos(template: Template, bucket: Bucket, environment: Environment) -> None:
    """Versions, cheaper storage for what is old, a key of our own, and uploads straight from the browser."""
    settings = environment.storage
    _keep_versions(bucket, environment)
    tiers = [
        LifecycleRuleTransition(StorageClass=tier, TransitionInDays=days)
        for tier, days in (("STANDARD_IA", settings.infrequent_access_days), ("GLACIER_IR", settings.archive_days))
        if days is not None
    ]
    if tiers:
        bucket.LifecycleConfiguration.Rules.append(
            LifecycleRule(Id="move-old-videos", Status="Enabled", Prefix="videos/", Transitions=tiers)
        )
    if "videos" in environment.hardening.customer_keys:
        bucket.BucketEncryption = _encryption(wired(template, "VideosKeyArn"))
    bucket.CorsConfiguration = CorsConfiguration(
        CorsRules=[
            CorsRules(
                AllowedHeaders=["*"],  # *: a browser signs what it sends, S3 checks the signature
                AllowedMethods=list(settings.cors_methods),
                AllowedOrigins=list(settings.cors_origins) or [_site(template)],
                ExposedHeaders=["ETag"],  # which the browser needs to complete a multipart upload
                MaxAge=settings.cors_max_age,
            )
        ]
    )
