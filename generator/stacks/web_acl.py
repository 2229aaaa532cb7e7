"""The web ACL before the distribution, a part of the stack `cdn`: AWS's managed rules and a limit for each address.

Rules go in the order of their priority, the cheap and certain ones first. What AWS's rules refuse is counted in
CloudWatch and written down with its headers, but for those that would let a reader in.
"""

from typing import Any, Final

from troposphere import GetAtt, Ref, Sub, Template
from troposphere.logs import LogGroup
from troposphere.wafv2 import (
    AllowAction,
    BlockAction,
    CountAction,
    DefaultAction,
    LoggingConfiguration,
    LoggingConfigurationFieldToMatch,
    ManagedRuleGroupStatement,
    OverrideAction,
    RateBasedStatement,
    RuleAction,
    RuleActionOverride,
    SingleHeader,
    Statement,
    VisibilityConfig,
    WebACL,
    WebACLRule,
)

from generator.model.environment import Environment, Firewall

MANAGED: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("AWSManagedRulesAmazonIpReputationList", ()),
    # A completed upload lists its parts: up to 10,000, more than the 8 KB that this rule lets through. The API has a
    # limit of its own (413 above 2 MiB).
    ("AWSManagedRulesCommonRuleSet", ("SizeRestrictions_BODY",)),
    ("AWSManagedRulesKnownBadInputsRuleSet", ()),
)
"""AWS's rule groups in order, each with the rules that only count."""


def web_acl(template: Template, environment: Environment, firewall: Firewall) -> WebACL:
    """Add the ACL and its log."""
    acl = template.add_resource(
        WebACL(
            "WebAcl",
            Name=f"{environment.prefix}-edge",
            Scope="CLOUDFRONT",
            DefaultAction=DefaultAction(Allow=AllowAction()),
            VisibilityConfig=_counted(f"{environment.prefix}-edge"),
            Rules=[
                _rate(firewall),
                *(_managed(number, *group) for number, group in enumerate(MANAGED, start=1)),
            ],
        )
    )
    group = template.add_resource(
        LogGroup(
            "WebAclLogGroup",
            # WAF writes to groups of this beginning only.
            LogGroupName=f"aws-waf-logs-{environment.prefix}",
            RetentionInDays=firewall.log_days,
        )
    )
    template.add_resource(
        LoggingConfiguration(
            "WebAclLog",
            ResourceArn=GetAtt(acl, "Arn"),
            # Written out: the group's own attribute ends in `:*`, which WAF does not take for a log group.
            LogDestinationConfigs=[
                Sub("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${Group}", Group=Ref(group))
            ],
            RedactedFields=[
                LoggingConfigurationFieldToMatch(SingleHeader=SingleHeader(Name=name))
                for name in ("authorization", "cookie")
            ],
        )
    )
    return acl


def _rate(firewall: Firewall) -> WebACLRule:
    return WebACLRule(
        Name="rate",
        Priority=0,
        Statement=Statement(
            RateBasedStatement=RateBasedStatement(
                AggregateKeyType="IP", EvaluationWindowSec=300, Limit=firewall.requests_in_five_minutes
            )
        ),
        Action=RuleAction(Block=BlockAction()),
        VisibilityConfig=_counted("rate"),
    )


def _managed(priority: int, name: str, counting: tuple[str, ...]) -> WebACLRule:
    overrides: dict[str, Any] = {}
    if counting:
        overrides["RuleActionOverrides"] = [
            RuleActionOverride(Name=rule, ActionToUse=RuleAction(Count=CountAction())) for rule in counting
        ]
    return WebACLRule(
        Name=name,
        Priority=priority,
        Statement=Statement(
            ManagedRuleGroupStatement=ManagedRuleGroupStatement(VendorName="AWS", Name=name, **overrides)
        ),
        OverrideAction=OverrideAction(**{"None": {}}),
        VisibilityConfig=_counted(name),
    )


def _counted(name: str) -> VisibilityConfig:
    return VisibilityConfig(CloudWatchMetricsEnabled=True, MetricName=name, SampledRequestsEnabled=True)
