"""What of a stack can be well or unwell: a pure function of its template and its physical ids.

A target group is looked at where targets are registered with it, not where it is declared: one wave after its creation
it is rightly empty.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from generator.model.manifest import Manifest


@dataclass(frozen=True)
class _Named:
    """Where a thing is declared."""

    stack: str
    logical_id: str

    @property
    def label(self) -> str:
        """`stack/LogicalId`."""
        return f"{self.stack}/{self.logical_id}"


@dataclass(frozen=True)
class Service(_Named):
    """An ECS service, and the revision that the template made for it."""

    cluster: str
    arn: str
    task_definition: str | None


@dataclass(frozen=True)
class TargetGroup(_Named):
    """A target group that a service registers its tasks with."""

    arn: str


@dataclass(frozen=True)
class Instance(_Named):
    """An EC2 instance."""

    id: str


@dataclass(frozen=True)
class Distribution(_Named):
    """A CloudFront distribution."""

    id: str


@dataclass(frozen=True)
class Queue(_Named):
    """A queue with another one for its dead letters."""

    url: str
    dead_letters: str | None


@dataclass(frozen=True)
class Box(_Named):
    """The agent on the GPU box and the Serve applications that Git wants there."""

    bucket: str
    report_key: str
    pointer_key: str
    apps: tuple[str, ...]


Thing = Service | TargetGroup | Instance | Distribution | Queue | Box


def things_of(
    stack: str, template: Any, resources: Mapping[str, str], parameters: Mapping[str, str]
) -> tuple[Thing, ...]:
    """What there is to check in a stack.

    `template`: plain data with long-form functions (`model.yaml_source.read`). `resources`: physical ids by logical id.
    `parameters`: the stack's resolved parameters. A resource without a physical id yet is left out.
    """
    declared: Mapping[str, Any] = template.get("Resources", {}) if isinstance(template, Mapping) else {}
    known = {**parameters, **resources}
    return tuple(
        thing
        for name, resource in declared.items()
        if name in resources
        for thing in _of_resource(stack, name, resource, resources[name], known)
    )


def box_of(manifest: Manifest, serve_config: Any, outputs: Mapping[str, Mapping[str, str]]) -> Box | None:
    """The GPU box of an environment, once the bucket exists through which it reports.

    `serve_config`: `serve.yaml` as plain data. `outputs`: live outputs by stack.
    """
    store = manifest.box_store
    if store is None or store.output not in outputs.get(store.stack, {}):
        return None
    applications = serve_config.get("applications") if isinstance(serve_config, Mapping) else None
    return Box(
        stack="serve",
        logical_id="box",
        bucket=outputs[store.stack][store.output],
        report_key=f"observed/{manifest.name}/box.json",
        pointer_key=f"serve/{manifest.name}/desired.json",
        apps=tuple(app["name"] for app in applications or ()),
    )


def _of_resource(
    stack: str, name: str, resource: Mapping[str, Any], physical: str, known: Mapping[str, str]
) -> Iterator[Thing]:
    properties = resource.get("Properties") or {}
    match resource.get("Type"):
        case "AWS::ECS::Service":
            yield Service(
                stack,
                name,
                cluster=_value(properties.get("Cluster"), known) or "default",
                arn=physical,
                task_definition=_value(properties.get("TaskDefinition"), known),
            )
            for balancer in properties.get("LoadBalancers") or ():
                target = balancer.get("TargetGroupArn")
                if arn := _value(target, known):
                    yield TargetGroup(stack, _reference(target) or name, arn)
        case "AWS::ElasticLoadBalancingV2::TargetGroup" if properties.get("Targets"):
            yield TargetGroup(stack, name, physical)
        case "AWS::EC2::Instance":
            yield Instance(stack, name, physical)
        case "AWS::CloudFront::Distribution":
            yield Distribution(stack, name, physical)
        case "AWS::SQS::Queue" if "RedrivePolicy" in properties:
            dead = (properties["RedrivePolicy"] or {}).get("deadLetterTargetArn")
            # The ARN is a function of a queue of this template; its physical id is the URL that can be asked.
            yield Queue(stack, name, physical, known.get(_reference(dead) or ""))
        case _:
            return


def _reference(value: Any) -> str | None:
    """The parameter or resource that a `Ref` or `Fn::GetAtt` names."""
    match value:
        case {"Ref": str() as name} | {"Fn::GetAtt": [str() as name, *_]}:
            return name
        case _:
            return None


def _value(value: Any, known: Mapping[str, str]) -> str | None:
    match value:
        case str():
            return value
        case {"Ref": str() as name}:
            return known.get(name)
        case _:
            return None
