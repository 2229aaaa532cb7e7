"""What a CloudFormation type provides, and how it is given to MiniStack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services.cloudformation import provisioners, stacks

Properties = Mapping[str, Any]
#: Physical id (what Ref gives) and attributes (what GetAtt gives).
Made = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class ResourceType:
    """One type. `replacing` are the properties whose change creates a new resource and then deletes the old one."""

    name: str
    create: Callable[[str, Properties, str], Made]
    update: Callable[[str, Properties, Properties, str], Made]
    delete: Callable[[str, Properties], None]
    replacing: tuple[str, ...] = ()


def install(types: Iterable[ResourceType]) -> None:
    """Make MiniStack provision `types`."""
    for kind in types:
        provisioners._RESOURCE_HANDLERS[kind.name] = {
            "create": kind.create,
            "update": kind.update,
            "delete": kind.delete,
        }
        provisioners._REPLACING_PROPERTIES[kind.name] = kind.replacing
        on_worker_thread(kind.name)


def on_worker_thread(name: str) -> None:
    """Have `name` provisioned off the event loop: its handlers wait for the loop, through `in_process` or otherwise."""
    original = stacks._runs_on_worker_thread
    stacks._runs_on_worker_thread = lambda each: each == name or original(each)


def tags(properties: Properties) -> list[dict[str, str]]:
    """The `Tags` property as the services take it."""
    return [{"Key": str(tag["Key"]), "Value": str(tag["Value"])} for tag in properties.get("Tags", ())]


def retag(ec2: Any, resource_id: str, old: Properties, new: Properties) -> None:
    """Bring an EC2 resource's tags from the old template's to the new one's."""
    wanted = tags(new)
    kept = {tag["Key"] for tag in wanted}
    if gone := [{"Key": tag["Key"]} for tag in tags(old) if tag["Key"] not in kept]:
        ec2.delete_tags(Resources=[resource_id], Tags=gone)
    if wanted:
        ec2.create_tags(Resources=[resource_id], Tags=wanted)


def tag_specification(kind: str, properties: Properties) -> list[dict[str, Any]]:
    """The `TagSpecifications` argument of an EC2 call that creates; empty where there are no tags."""
    wanted = tags(properties)
    return [{"ResourceType": kind, "Tags": wanted}] if wanted else []


def truth(value: object) -> bool:
    """A template boolean, which may arrive as text."""
    return str(value).lower() == "true"
