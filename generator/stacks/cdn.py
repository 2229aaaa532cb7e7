"""The CloudFront distribution (CDN-*), and the policies of the buckets around it.

A bucket has one policy. It names the distribution that may read, so it lives here and not with the bucket.
"""

from pathlib import Path
from typing import Any, Final

from troposphere import GetAtt, Ref, Template
from troposphere.cloudfront import (
    CacheBehavior,
    CustomOriginConfig,
    DefaultCacheBehavior,
    Distribution,
    DistributionConfig,
    Function,
    FunctionAssociation,
    FunctionConfig,
    Logging,
    Origin,
    OriginAccessControl,
    OriginAccessControlConfig,
    OriginCustomHeader,
    ResponseHeadersPolicy,
    S3OriginConfig,
    ViewerCertificate,
)
from troposphere.s3 import BucketPolicy

from generator.model import names
from generator.model.environment import Environment
from generator.parts.policies import document, read_by_distribution, tls_only
from generator.parts.tags import tagged
from generator.parts.wiring import give_out, literal, wired
from generator.stacks.load_balancer import ORIGIN_HEADER, origin_secret
from generator.stacks.page_headers import answer_headers, page_headers
from generator.stacks.web_acl import web_acl

# Ids of AWS's managed policies, the same in every account
# (docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/using-managed-cache-policies.html).
CACHING_OPTIMIZED: Final = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED: Final = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
CACHING_OPTIMIZED_FOR_UNCOMPRESSED_OBJECTS: Final = "b2884449-e4de-46a7-ac36-70bc7f1ddd6d"
ALL_VIEWER: Final = "216adef6-5c7f-47e4-b989-5492eafa07d3"

FRONTEND_ORIGIN: Final = "S3-frontend-bucket"
VIDEO_ORIGIN: Final = "S3-video-bucket"


def cdn(environment: Environment) -> Template:
    """One distribution before the front end, the videos and the API."""
    template = Template(Description=f"{environment.prefix}: distribution and bucket policies")
    access = template.add_resource(
        OriginAccessControl(
            "OriginAccessControl",
            OriginAccessControlConfig=OriginAccessControlConfig(
                Name=names.account_wide(environment, "s3-oac"),
                OriginAccessControlOriginType="s3",
                SigningBehavior="always",
                SigningProtocol="sigv4",
            ),
        )
    )
    api_origin = f"ALB-{names.load_balancer(environment.prefix)}"
    distribution = template.add_resource(
        Distribution(
            "Distribution",
            DistributionConfig=DistributionConfig(
                Comment=environment.prefix,
                Enabled=True,
                PriceClass=environment.cdn.price_class,
                HttpVersion="http2",
                IPV6Enabled=True,
                DefaultRootObject="index.html",
                Origins=[
                    _bucket_origin(template, FRONTEND_ORIGIN, "FrontendBucket", access),
                    _bucket_origin(template, VIDEO_ORIGIN, "VideoBucket", access),
                    _api_origin(template, environment, api_origin),
                ],
                DefaultCacheBehavior=_pages(_url_rewrite(template, environment), page_headers(template, environment)),
                CacheBehaviors=_behaviours(template, environment, api_origin),
                Logging=Logging(
                    Bucket=wired(template, "CloudFrontLogsBucketDomainName"),
                    Prefix="cloudfront-logs/",
                    IncludeCookies=False,
                ),
                **_name_and_guard(template, environment),
            ),
        )
    )
    for bucket in ("FrontendBucket", "VideoBucket"):
        _policy(template, bucket, read_by_distribution(wired(template, f"{bucket}Arn"), Ref(distribution)))
    for bucket in ("CloudFrontLogsBucket", "ArtifactsBucket"):
        _policy(template, bucket)
    # The name by which browsers know it: where there is a site, nobody is to come by CloudFront's own.
    name = GetAtt(distribution, "DomainName")
    give_out(
        template,
        DistributionId=Ref(distribution),
        DistributionDomainName=name if environment.site is None else Ref("SiteDomainName"),
    )
    if environment.site is not None:
        give_out(template, CloudFrontDomainName=name)  # what the site's DNS record points to
    return tagged(template, environment)


def _bucket_origin(template: Template, origin: str, bucket: str, access: OriginAccessControl) -> Origin:
    return Origin(
        Id=origin,
        DomainName=wired(template, f"{bucket}RegionalDomainName"),
        OriginAccessControlId=GetAtt(access, "Id"),
        # An access control instead of an identity still wants the identity, empty.
        S3OriginConfig=S3OriginConfig(OriginAccessIdentity=""),
    )


def _name_and_guard(template: Template, environment: Environment) -> dict[str, Any]:
    """The distribution's name with its certificate, and the web ACL before it."""
    if environment.site is None:
        named: dict[str, Any] = {"ViewerCertificate": ViewerCertificate(CloudFrontDefaultCertificate=True)}
    else:
        certificate = literal(template, "ViewerCertificateArn", "The site's certificate in us-east-1")
        named = {
            "Aliases": [literal(template, "SiteDomainName", "The domain under which people know the site")],
            "ViewerCertificate": ViewerCertificate(
                AcmCertificateArn=certificate, MinimumProtocolVersion="TLSv1.2_2021", SslSupportMethod="sni-only"
            ),
        }
    if environment.cdn.firewall is not None:
        named["WebACLId"] = GetAtt(web_acl(template, environment, environment.cdn.firewall), "Arn")
    return named


def _api_origin(template: Template, environment: Environment, origin: str) -> Origin:
    """The load balancer: over HTTP without a site; else over TLS, for which its certificate names the viewer's host."""
    if environment.site is None:
        return Origin(
            Id=origin,
            DomainName=wired(template, "AlbDnsName"),
            CustomOriginConfig=CustomOriginConfig(OriginProtocolPolicy="http-only", HTTPPort=80),
        )
    return Origin(
        Id=origin,
        DomainName=wired(template, "AlbDnsName"),
        CustomOriginConfig=CustomOriginConfig(
            OriginProtocolPolicy="https-only", HTTPSPort=443, OriginSSLProtocols=["TLSv1.2"]
        ),
        OriginCustomHeaders=[
            OriginCustomHeader(HeaderName=ORIGIN_HEADER, HeaderValue=origin_secret(template, generation))
            for generation in environment.load_balancer.origin_secrets[:1]
        ],
    )


def _behaviours(template: Template, environment: Environment, api_origin: str) -> list[CacheBehavior]:
    behaviours = [_api(api_origin), _videos(wired(template, "VideoKeyGroupId"))]
    if environment.site is not None:
        headers = answer_headers(template, environment)
        for behaviour in behaviours:
            behaviour.ResponseHeadersPolicyId = GetAtt(headers, "Id")
    return behaviours


def _url_rewrite(template: Template, environment: Environment) -> Function:
    """The function with its code inside the template: a file beside it was a known failure (CDN-10)."""
    return template.add_resource(
        Function(
            "UrlRewrite",
            Name=f"{environment.prefix}-url-rewrite",
            AutoPublish=True,
            FunctionConfig=FunctionConfig(Comment="Addresses to exported pages", Runtime="cloudfront-js-2.0"),
            FunctionCode=Path(__file__).with_name("url_rewrite.js").read_text(encoding="utf-8"),
        )
    )


def _pages(rewrite: Function, headers: ResponseHeadersPolicy) -> DefaultCacheBehavior:
    """The front end: whatever no other behaviour matches. CloudFront tries this one last."""
    return DefaultCacheBehavior(
        TargetOriginId=FRONTEND_ORIGIN,
        ViewerProtocolPolicy="redirect-to-https",
        AllowedMethods=["GET", "HEAD", "OPTIONS"],
        CachePolicyId=CACHING_OPTIMIZED,
        Compress=True,
        ResponseHeadersPolicyId=GetAtt(headers, "Id"),
        FunctionAssociations=[
            FunctionAssociation(EventType="viewer-request", FunctionARN=GetAtt(rewrite, "FunctionARN"))
        ],
    )


def _api(origin: str) -> CacheBehavior:
    return CacheBehavior(
        PathPattern="/api/*",
        TargetOriginId=origin,
        ViewerProtocolPolicy="https-only",
        AllowedMethods=["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"],
        CachePolicyId=CACHING_DISABLED,
        OriginRequestPolicyId=ALL_VIEWER,
    )


def _videos(key_group: Any) -> CacheBehavior:
    """Videos and results, for holders of a signed link or cookie only."""
    return CacheBehavior(
        PathPattern="/videos/*",
        TargetOriginId=VIDEO_ORIGIN,
        ViewerProtocolPolicy="redirect-to-https",
        AllowedMethods=["GET", "HEAD"],
        CachePolicyId=CACHING_OPTIMIZED_FOR_UNCOMPRESSED_OBJECTS,
        Compress=False,
        TrustedKeyGroups=[key_group],
    )


def _policy(template: Template, bucket: str, *allowed: Any) -> None:
    template.add_resource(
        BucketPolicy(
            f"{bucket}Policy",
            Bucket=wired(template, f"{bucket}Name"),
            PolicyDocument=document(tls_only(wired(template, f"{bucket}Arn")), *allowed),
        )
    )
