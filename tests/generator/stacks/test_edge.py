"""CDN-* and ALB-* of docs/specification.md."""

import json
from dataclasses import replace
from typing import Any

import pytest
import quickjs

from generator.environments.dev import ENVIRONMENT
from tests.generator.stacks.built import Built, build

# AWS's ids of its managed policies, written down here a second time on purpose.
MANAGED = {
    "658327ea-f89d-4fab-a63d-7e88639e58f6": "Managed-CachingOptimized",
    "4135ea2d-6df8-44a3-9df3-4b5a84be39ad": "Managed-CachingDisabled",
    "b2884449-e4de-46a7-ac36-70bc7f1ddd6d": "Managed-CachingOptimizedForUncompressedObjects",
    "216adef6-5c7f-47e4-b989-5492eafa07d3": "Managed-AllViewer",
}


def _config(dev: Built) -> dict[str, Any]:
    config = dev.properties("cdn", "Distribution")["DistributionConfig"]
    assert isinstance(config, dict)
    return config


def _origin(dev: Built, name: str) -> dict[str, Any]:
    [origin] = [origin for origin in _config(dev)["Origins"] if origin["Id"] == name]
    assert isinstance(origin, dict)
    return origin


def _behaviour(dev: Built, pattern: str) -> dict[str, Any]:
    [behaviour] = [one for one in _config(dev)["CacheBehaviors"] if one["PathPattern"] == pattern]
    assert isinstance(behaviour, dict)
    return behaviour


def test_cdn_1_the_distribution_is_on_cheap_and_speaks_http_2_and_ipv6(built: Built) -> None:
    config = _config(built)
    assert config["Enabled"] is True
    assert config["PriceClass"] == "PriceClass_100"
    assert config["HttpVersion"] == "http2"
    assert config["IPV6Enabled"] is True
    assert config["DefaultRootObject"] == "index.html"


@pytest.mark.parametrize("bucket", ["Frontend", "Video"])
def test_an_s3_origin_uses_the_access_control_and_no_old_identity(built: Built, bucket: str) -> None:
    origin = _origin(built, f"S3-{bucket.lower()}-bucket")
    assert origin["OriginAccessControlId"] == "${OriginAccessControl.Id}"
    assert origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}


def test_cdn_2_the_frontend_bucket_is_the_main_origin(built: Built) -> None:
    assert _origin(built, "S3-frontend-bucket")["DomainName"] == "${FrontendBucketRegionalDomainName}"
    assert _config(built)["DefaultCacheBehavior"]["TargetOriginId"] == "S3-frontend-bucket"


def test_cdn_3_the_video_bucket_is_an_origin(built: Built) -> None:
    assert _origin(built, "S3-video-bucket")["DomainName"] == "${VideoBucketRegionalDomainName}"


def test_cdn_4_the_api_is_reached_over_http_on_80(dev: Built) -> None:
    origin = _origin(dev, "ALB-ecg-project-pipeline-dev-alb")
    assert origin["DomainName"] == "${AlbDnsName}"
    assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "http-only"
    assert origin["CustomOriginConfig"]["HTTPPort"] == 80


def test_cdn_5_pages_are_cached_compressed_and_redirected_to_https(built: Built) -> None:
    pages = _config(built)["DefaultCacheBehavior"]
    assert pages["ViewerProtocolPolicy"] == "redirect-to-https"
    assert pages["AllowedMethods"] == ["GET", "HEAD", "OPTIONS"]
    assert MANAGED[pages["CachePolicyId"]] == "Managed-CachingOptimized"
    assert pages["Compress"] is True


def test_cdn_6_the_api_is_https_only_uncached_and_sees_every_header(dev: Built) -> None:
    api = _behaviour(dev, "/api/*")
    assert api["TargetOriginId"] == "ALB-ecg-project-pipeline-dev-alb"
    assert api["ViewerProtocolPolicy"] == "https-only"
    assert set(api["AllowedMethods"]) == {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}
    assert MANAGED[api["CachePolicyId"]] == "Managed-CachingDisabled"
    assert MANAGED[api["OriginRequestPolicyId"]] == "Managed-AllViewer"


def test_cdn_7_videos_are_read_only_cached_as_they_are_and_redirected_to_https(built: Built) -> None:
    videos = _behaviour(built, "/videos/*")
    assert videos["TargetOriginId"] == "S3-video-bucket"
    assert videos["ViewerProtocolPolicy"] == "redirect-to-https"
    assert videos["AllowedMethods"] == ["GET", "HEAD"]
    assert MANAGED[videos["CachePolicyId"]] == "Managed-CachingOptimizedForUncompressedObjects"
    assert videos["Compress"] is False


def test_videos_need_a_signature_by_a_key_of_the_key_group(built: Built) -> None:
    assert _behaviour(built, "/videos/*")["TrustedKeyGroups"] == ["${VideoKeyGroupId}"]
    assert built.outputs("keys")["VideoKeyGroupId"] == "${VideoKeyGroup.Id}"
    assert built.properties("keys", "VideoKeyGroup")["KeyGroupConfig"]["Items"] == ["${VideoPublicKey}"]
    assert built.properties("keys", "VideoPublicKey")["PublicKeyConfig"]["EncodedKey"] == "${VideoPublicKeyPem}"


def test_cdn_8_requests_are_logged_without_cookies(built: Built) -> None:
    assert _config(built)["Logging"] == {
        "Bucket": "${CloudFrontLogsBucketDomainName}",
        "Prefix": "cloudfront-logs/",
        "IncludeCookies": False,
    }


def test_cdn_9_the_origin_access_control_signs_always(dev: Built) -> None:
    assert dev.properties("cdn", "OriginAccessControl")["OriginAccessControlConfig"] == {
        "Name": "s3-oac",
        "OriginAccessControlOriginType": "s3",
        "SigningBehavior": "always",
        "SigningProtocol": "sigv4",
    }


def test_cdn_10_the_rewriting_function_stands_in_the_template_and_runs_on_pages(built: Built) -> None:
    function = built.properties("cdn", "UrlRewrite")
    assert function["FunctionCode"].rstrip().endswith("}")
    assert function["AutoPublish"] is True
    assert _config(built)["DefaultCacheBehavior"]["FunctionAssociations"] == [
        {"EventType": "viewer-request", "FunctionARN": "${UrlRewrite.FunctionARN}"}
    ]
    assert not [one for one in _config(built)["CacheBehaviors"] if "FunctionAssociations" in one]


REWRITES = {
    "/": "/index.html",
    "/result": "/result.html",
    "/a/b": "/a/b.html",
    "/result/": "/result/index.html",
    "/app/main.3f2a.js": "/app/main.3f2a.js",
    "/v1.2/page": "/v1.2/page.html",
    "/result.html": "/result.html",
}


@pytest.mark.parametrize(("address", "file"), REWRITES.items())
def test_the_rewriting_function_turns_addresses_into_files(built: Built, address: str, file: str) -> None:
    """Run by QuickJS, which is as small as the edge's engine; tests/browser has njs, as old a language."""
    engine = quickjs.Context()
    engine.eval(built.properties("cdn", "UrlRewrite")["FunctionCode"])
    event = json.dumps({"request": {"uri": address, "querystring": {}}})
    assert engine.eval(f"handler({event}).uri") == file


def test_the_rewriting_function_leaves_the_rest_of_a_request_alone(built: Built) -> None:
    engine = quickjs.Context()
    engine.eval(built.properties("cdn", "UrlRewrite")["FunctionCode"])
    request = {"method": "GET", "uri": "/result", "querystring": {"id": {"value": "1"}}, "headers": {}, "cookies": {}}
    answer = json.loads(engine.eval(f"JSON.stringify(handler({json.dumps({'request': request})}))"))
    assert answer == {**request, "uri": "/result.html"}


def _security(dev: Built) -> dict[str, Any]:
    policy = dev.properties("cdn", "PageHeaders")["ResponseHeadersPolicyConfig"]
    found: dict[str, Any] = policy["SecurityHeadersConfig"]
    return found


def test_pages_run_scripts_beside_them_and_those_whose_hash_the_manifest_names(built: Built) -> None:
    policy = _security(built)["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    directives = dict(each.split(" ", 1) for each in policy.split("; "))
    assert directives["script-src"] == "'self' ${PageScripts}"
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy
    assert "*" not in policy.replace("https://*.auth.", "")


def test_pages_may_send_to_themselves_to_the_video_bucket_and_to_the_sign_in_only(built: Built) -> None:
    policy = _security(built)["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    directives = dict(each.split(" ", 1) for each in policy.split("; "))
    bucket = ["https://${VideoBucketName}.s3.amazonaws.com", "https://${VideoBucketRegionalDomainName}"]
    assert directives["connect-src"].split() == ["'self'", *bucket, "https://*.auth.${AWS::Region}.amazoncognito.com"]


def test_pages_carry_the_headers_that_keep_browsers_from_guessing_and_framing(built: Built) -> None:
    assert _config(built)["DefaultCacheBehavior"]["ResponseHeadersPolicyId"] == "${PageHeaders.Id}"
    assert set(_security(built)) == {
        "ContentSecurityPolicy",
        "ContentTypeOptions",
        "FrameOptions",
        "ReferrerPolicy",
        "StrictTransportSecurity",
    }


def test_the_rewriting_function_is_smaller_than_cloudfront_s_10_kb(built: Built) -> None:
    assert len(built.properties("cdn", "UrlRewrite")["FunctionCode"].encode()) <= 10_240


def _attributes(dev: Built) -> dict[str, str]:
    attributes = dev.properties("load-balancer", "Alb")["LoadBalancerAttributes"]
    return {attribute["Key"]: attribute["Value"] for attribute in attributes}


def test_alb_1_the_load_balancer_faces_the_internet_from_both_public_subnets(dev: Built) -> None:
    balancer = dev.properties("load-balancer", "Alb")
    assert balancer["Name"] == "ecg-project-pipeline-dev-alb"
    assert balancer["Scheme"] == "internet-facing"
    assert balancer["IpAddressType"] == "ipv4"
    assert balancer["Subnets"] == ["${PublicSubnet1Id}", "${PublicSubnet2Id}"]
    assert balancer["SecurityGroups"] == ["${AlbSecurityGroupId}"]
    assert _attributes(dev)["deletion_protection.enabled"] == "false"


def test_alb_2_http_is_forwarded_to_the_target_group(dev: Built) -> None:
    [listener] = dev.of_type("AWS::ElasticLoadBalancingV2::Listener").values()
    assert (listener["Protocol"], listener["Port"]) == ("HTTP", 80)
    assert listener["LoadBalancerArn"] == "${Alb}"
    assert listener["DefaultActions"] == [{"Type": "forward", "TargetGroupArn": "${ApiTargetGroup}"}]


def test_alb_3_targets_are_addresses_that_speak_http_1_on_8000(dev: Built) -> None:
    group = dev.properties("load-balancer", "ApiTargetGroup")
    assert group["Name"] == "ecg-project-pipeline-dev-api-tg"
    assert group["TargetType"] == "ip"
    assert (group["Protocol"], group["Port"], group["ProtocolVersion"]) == ("HTTP", 8000, "HTTP1")
    assert group["VpcId"] == "${VpcId}"


def test_alb_4_a_target_is_healthy_while_health_answers_200(dev: Built) -> None:
    group = dev.properties("load-balancer", "ApiTargetGroup")
    assert (group["HealthCheckProtocol"], group["HealthCheckPort"]) == ("HTTP", "8000")
    assert group["HealthCheckPath"] == "/health"
    assert (group["HealthCheckIntervalSeconds"], group["HealthCheckTimeoutSeconds"]) == (30, 5)
    assert (group["HealthyThresholdCount"], group["UnhealthyThresholdCount"]) == (5, 2)
    assert group["Matcher"] == {"HttpCode": "200"}


def test_alb_5_requests_are_logged_to_a_bucket_that_allows_it_before_the_load_balancer_exists(built: Built) -> None:
    assert _attributes(built)["access_logs.s3.enabled"] == "true"
    assert _attributes(built)["access_logs.s3.bucket"] == "${AlbLogsBucketName}"
    assert built.outputs("storage")["AlbLogsBucketName"] == "${AlbLogsBucket}"
    assert "AlbLogsBucketPolicy" in built.templates["storage"]["Resources"]


def generations(*given: int) -> Built:
    return build(replace(ENVIRONMENT, cdn=replace(ENVIRONMENT.cdn, video_keys=given)))


def test_while_a_key_is_exchanged_both_are_trusted_and_the_first_signs() -> None:
    """(1,), then (1, 2), then (2, 1), then (2,): docs/runbooks/rotation.md."""
    for given, trusted, signs, secret in (
        ((1,), ["${VideoPublicKey}"], "${VideoPublicKey.Id}", "video-signing-key"),
        ((1, 2), ["${VideoPublicKey}", "${VideoPublicKey2}"], "${VideoPublicKey.Id}", "video-signing-key"),
        ((2, 1), ["${VideoPublicKey2}", "${VideoPublicKey}"], "${VideoPublicKey2.Id}", "video-signing-key-2"),
        ((2,), ["${VideoPublicKey2}"], "${VideoPublicKey2.Id}", "video-signing-key-2"),
    ):
        made = generations(*given)
        assert made.properties("keys", "VideoKeyGroup")["KeyGroupConfig"]["Items"] == trusted
        assert made.outputs("keys")["VideoPublicKeyId"] == signs
        [container] = made.properties("api", "ApiTaskDefinition")["ContainerDefinitions"]
        variables = {one["Name"]: one["Value"] for one in container["Environment"]}
        assert variables["VIDEO_KEY_SECRET_NAME"] == f"ecg-project-pipeline-dev/{secret}"


def test_no_key_is_changed_in_place_because_cloudfront_refuses_that() -> None:
    one, both = generations(1), generations(1, 2)
    assert one.properties("keys", "VideoPublicKey") == both.properties("keys", "VideoPublicKey")
    names = [key["PublicKeyConfig"]["CallerReference"] for key in both.of_type("AWS::CloudFront::PublicKey").values()]
    assert names == ["ecg-project-pipeline-dev-videos", "ecg-project-pipeline-dev-videos-2"]


def test_tasks_of_before_may_read_their_own_key_until_they_are_gone() -> None:
    [statement] = [
        one
        for one in generations(2, 1).statements("api", "EcsTaskRole")
        if "secretsmanager:GetSecretValue" in one["Action"]
    ]
    assert len(statement["Resource"]) == 2
