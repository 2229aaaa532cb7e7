"""The way in on a site of our own: TLS on both sides of CloudFront, a header that nobody else has, the web ACL."""

from dataclasses import replace
from typing import Any

from generator.environments import prod as prod_settings
from tests.generator.stacks.built import Built, build
from tests.generator.stacks.conftest import Case

PROD = prod_settings.ENVIRONMENT


def _listener(built: Built, title: str) -> dict[str, Any]:
    return built.properties("load-balancer", title)


def test_http_is_forwarded_without_a_site_and_redirected_with_one(every: Case) -> None:
    [action] = _listener(every.built, "HttpListener")["DefaultActions"]
    if every.settings.site is None:
        assert action["Type"] == "forward"
    else:
        assert action["RedirectConfig"] == {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}


def test_the_load_balancer_speaks_tls_1_2_and_later_with_the_sites_certificate(prod: Built) -> None:
    https = _listener(prod, "HttpsListener")
    assert (https["Port"], https["Protocol"]) == (443, "HTTPS")
    assert https["SslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-")
    assert https["Certificates"] == [{"CertificateArn": "${OriginCertificateArn}"}]


def _secret(generation: int) -> str:
    return f"{{{{resolve:secretsmanager:${{OriginHeader{generation}Arn}}:SecretString}}}}"


def test_whoever_does_not_come_through_our_distribution_is_refused(prod: Built) -> None:
    [otherwise] = _listener(prod, "HttpsListener")["DefaultActions"]
    assert otherwise["FixedResponseConfig"]["StatusCode"] == "403"
    rule = _listener(prod, "FromDistribution")
    assert rule["ListenerArn"] == "${HttpsListener}"
    assert rule["Conditions"] == [
        {
            "Field": "http-header",
            "HttpHeaderConfig": {"HttpHeaderName": "x-origin-secret", "Values": [_secret(1)]},
        }
    ]
    assert [action["Type"] for action in rule["Actions"]] == ["forward"]


def _api_origin(built: Built) -> dict[str, Any]:
    config = built.properties("cdn", "Distribution")["DistributionConfig"]
    [origin] = [one for one in config["Origins"] if one["Id"].startswith("ALB-")]
    found: dict[str, Any] = origin
    return found


def test_cloudfront_asks_the_load_balancer_over_tls_1_2_and_says_who_it_is(prod: Built) -> None:
    origin = _api_origin(prod)
    assert origin["CustomOriginConfig"] == {
        "OriginProtocolPolicy": "https-only",
        "HTTPSPort": 443,
        "OriginSSLProtocols": ["TLSv1.2"],
    }
    assert origin["OriginCustomHeaders"] == [{"HeaderName": "x-origin-secret", "HeaderValue": _secret(1)}]


def test_a_secret_is_exchanged_while_both_are_taken_and_the_new_one_is_sent() -> None:
    """(1,) -> (2, 1) -> (2,): the load balancer's stack is deployed before the distribution's, which it feeds."""
    both = build(replace(PROD, load_balancer=replace(PROD.load_balancer, origin_secrets=(2, 1))))
    [condition] = _listener(both, "FromDistribution")["Conditions"]
    assert condition["HttpHeaderConfig"]["Values"] == [_secret(2), _secret(1)]
    assert [header["HeaderValue"] for header in _api_origin(both)["OriginCustomHeaders"]] == [_secret(2)]
    assert set(both.of_type("AWS::SecretsManager::Secret")) == {"OriginSecret1", "OriginSecret2"}


def test_the_secrets_value_stands_nowhere(prod: Built) -> None:
    secret = prod.properties("keys", "OriginSecret1")
    assert "SecretString" not in secret
    assert secret["GenerateSecretString"]["PasswordLength"] >= 32


def test_browsers_get_tls_1_2_by_the_sites_name(prod: Built) -> None:
    config = prod.properties("cdn", "Distribution")["DistributionConfig"]
    assert config["Aliases"] == ["${SiteDomainName}"]
    assert config["ViewerCertificate"] == {
        "AcmCertificateArn": "${ViewerCertificateArn}",
        "MinimumProtocolVersion": "TLSv1.2_2021",
        "SslSupportMethod": "sni-only",
    }


def test_every_answer_tells_browsers_to_come_by_tls_for_a_year(prod: Built) -> None:
    config = prod.properties("cdn", "Distribution")["DistributionConfig"]
    used = {one["ResponseHeadersPolicyId"] for one in (config["DefaultCacheBehavior"], *config["CacheBehaviors"])}
    assert used == {"${PageHeaders.Id}", "${AnswerHeaders.Id}"}
    for title in ("PageHeaders", "AnswerHeaders"):
        headers = prod.properties("cdn", title)["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]
        assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] == 31_536_000


def test_everything_goes_by_the_name_that_browsers_know(every: Case) -> None:
    """The sign-in takes people back to it, the API's cookies are for it, the proof of a release asks it."""
    name = "${Distribution.DomainName}" if every.settings.site is None else "${SiteDomainName}"
    assert every.built.outputs("cdn")["DistributionDomainName"] == name
    assert ("CloudFrontDomainName" in every.built.outputs("cdn")) is (every.settings.site is not None)


def test_uploads_come_from_the_sites_own_pages_and_only_put(prod: Built) -> None:
    [rule] = prod.properties("storage", "VideoBucket")["CorsConfiguration"]["CorsRules"]
    assert rule["AllowedOrigins"] == ["https://${SiteDomainName}"]
    assert rule["AllowedMethods"] == ["PUT"]


def test_a_web_acl_stands_before_the_distribution_where_it_is_asked_for(every: Case) -> None:
    config = every.built.properties("cdn", "Distribution")["DistributionConfig"]
    wanted = None if every.settings.cdn.firewall is None else "${WebAcl.Arn}"
    assert config.get("WebACLId") == wanted


def test_the_web_acl_has_awss_rules_and_a_limit_for_each_address(prod: Built) -> None:
    acl = prod.properties("cdn", "WebAcl")
    assert acl["Scope"] == "CLOUDFRONT"
    rate, *managed = acl["Rules"]
    limit = rate["Statement"]["RateBasedStatement"]
    assert (limit["Limit"], limit["EvaluationWindowSec"], limit["AggregateKeyType"]) == (2000, 300, "IP")
    assert rate["Action"] == {"Block": {}}
    assert [rule["Statement"]["ManagedRuleGroupStatement"]["Name"] for rule in managed] == [
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
    ]
    assert [rule["Priority"] for rule in acl["Rules"]] == [0, 1, 2, 3]
    assert all(rule["OverrideAction"] == {"None": {}} for rule in managed)


def test_the_only_managed_rule_that_merely_counts_is_the_one_for_large_bodies(prod: Built) -> None:
    counting = [
        (one["Name"], one["ActionToUse"])
        for rule in prod.properties("cdn", "WebAcl")["Rules"][1:]
        for one in rule["Statement"]["ManagedRuleGroupStatement"].get("RuleActionOverrides", [])
    ]
    assert counting == [("SizeRestrictions_BODY", {"Count": {}})]


def test_what_the_web_acl_saw_is_written_down_without_tokens_and_cookies(prod: Built) -> None:
    log = prod.properties("cdn", "WebAclLog")
    group = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${WebAclLogGroup}"
    assert log["LogDestinationConfigs"] == [group]
    assert prod.properties("cdn", "WebAclLogGroup")["LogGroupName"].startswith("aws-waf-logs-")
    assert [field["SingleHeader"]["Name"] for field in log["RedactedFields"]] == ["authorization", "cookie"]


def test_headers_that_are_none_are_dropped_where_it_is_asked_for(every: Case) -> None:
    attributes = {
        one["Key"]: one["Value"] for one in every.built.properties("load-balancer", "Alb")["LoadBalancerAttributes"]
    }
    wanted = "true" if every.settings.load_balancer.drop_invalid_headers else None
    assert attributes.get("routing.http.drop_invalid_header_fields.enabled") == wanted


def test_origins_and_certificates_are_asked_for_by_apply_until_somebody_gives_them() -> None:
    from generator.stacks import literals

    assert literals(PROD) == {
        "model-server": {"ModelServerImageId": "unresolved"},
        "keys": {"VideoPublicKeyPem": "unresolved"},
        "security": {"CloudFrontPrefixListId": "unresolved"},
        "load-balancer": {"OriginCertificateArn": "unresolved"},
        "cdn": {"SiteDomainName": "unresolved", "ViewerCertificateArn": "unresolved"},
        "storage": {"SiteDomainName": "unresolved"},
    }
