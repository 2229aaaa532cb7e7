"""AWS::IAM::OIDCProvider."""

from __future__ import annotations

from ministack.services import iam as store

from .in_process import client
from .resources import Made, Properties, ResourceType, tags


def _create(_: str, properties: Properties, __: str) -> Made:
    made = client("iam").create_open_id_connect_provider(
        Url=properties["Url"],
        ClientIDList=properties.get("ClientIdList", []),
        ThumbprintList=properties.get("ThumbprintList", []),
        Tags=tags(properties),
    )
    arn = made["OpenIDConnectProviderArn"]
    return arn, {"Arn": arn}


def _update(arn: str, _: Properties, new: Properties, __: str) -> Made:
    # MiniStack has none of the calls that change a provider, so its record is changed.
    store._oidc_providers[arn] |= {
        "ClientIDList": list(new.get("ClientIdList", [])),
        "ThumbprintList": list(new.get("ThumbprintList", [])),
        "Tags": tags(new),
    }
    return arn, {"Arn": arn}


def _delete(arn: str, _: Properties) -> None:
    client("iam").delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


TYPES = (ResourceType("AWS::IAM::OIDCProvider", _create, _update, _delete, replacing=("Url",)),)
