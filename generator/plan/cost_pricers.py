"""Which resource type has which pricer, and a whole tree priced with them."""

from collections.abc import Mapping
from types import MappingProxyType

from generator.plan import cost_compute, cost_fleet, cost_network, cost_usage
from generator.plan.cost_charges import Charge, Meter, Pricer, Unpriced
from generator.plan.cost_prices import PriceBook
from generator.plan.cost_values import Values
from generator.plan.tree import Tree

PRICERS: Mapping[str, Pricer] = MappingProxyType(
    {
        "AWS::AutoScaling::AutoScalingGroup": cost_fleet.group,
        "AWS::AutoScaling::ScalingPolicy": cost_fleet.scaling_policy,
        "AWS::AutoScaling::WarmPool": cost_fleet.warm_pool,
        "AWS::Backup::BackupPlan": cost_usage.backup_plan,
        "AWS::CloudFront::Distribution": cost_usage.distribution,
        "AWS::CloudFront::Function": cost_usage.edge_function,
        "AWS::CloudWatch::Alarm": cost_usage.alarm,
        "AWS::CloudWatch::CompositeAlarm": cost_usage.composite_alarm,
        "AWS::CloudWatch::Dashboard": cost_usage.dashboard,
        "AWS::Cognito::UserPool": cost_usage.user_pool,
        "AWS::Cognito::UserPoolClient": cost_usage.user_pool_client,
        "AWS::DynamoDB::Table": cost_usage.table,
        "AWS::EC2::EIP": cost_network.elastic_ip,
        "AWS::EC2::Instance": cost_compute.instance,
        "AWS::EC2::NatGateway": cost_network.nat_gateway,
        "AWS::EC2::VPCEndpoint": cost_network.vpc_endpoint,
        "AWS::EC2::Volume": cost_compute.volume,
        "AWS::ECR::Repository": cost_usage.repository,
        "AWS::ECS::Cluster": cost_usage.cluster,
        "AWS::ECS::Service": cost_compute.service,
        "AWS::ElasticLoadBalancingV2::LoadBalancer": cost_network.load_balancer,
        "AWS::KMS::Key": cost_usage.key,
        "AWS::Lambda::Function": cost_usage.function,
        "AWS::Logs::LogGroup": cost_usage.log_group,
        "AWS::Route53::HostedZone": cost_usage.hosted_zone,
        "AWS::S3::Bucket": cost_usage.bucket,
        "AWS::SNS::Topic": cost_usage.topic,
        "AWS::SQS::Queue": cost_usage.queue,
        "AWS::SecretsManager::Secret": cost_usage.secret,
        "AWS::Synthetics::Canary": cost_usage.visits,
        "AWS::WAFv2::WebACL": cost_usage.firewall,
    }
)


def price(tree: Tree, book: PriceBook) -> tuple[tuple[Charge, ...], tuple[Unpriced, ...]]:
    """Every charge of a tree, in the order of its templates, and everything in it that has no known price."""
    charges: list[Charge] = []
    unknown: list[Unpriced] = []
    values = Values(tree)
    if tree.manifest and tree.manifest.region != book.region:
        unknown.append(Unpriced("*", "*", f"region {tree.manifest.region}: all prices are those of {book.region}"))
    for template in tree.templates.values():
        for resource in template.resources.values():
            if book.is_free(resource.type):
                continue
            pricer = PRICERS.get(resource.type)
            if pricer is None:
                unknown.append(Unpriced(template.stack, resource.id, resource.type))
                continue
            for found in pricer(Meter(resource, template, values, book)):
                match found:
                    case Charge():
                        charges.append(found)
                    case Unpriced():
                        unknown.append(found)
    return tuple(charges), tuple(unknown)
