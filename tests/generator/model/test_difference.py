"""In which settings two environments differ."""

import json
from dataclasses import replace

from generator.environments.dev import ENVIRONMENT as DEV
from generator.model.difference import ABSENT, Difference, differences
from generator.model.environment import Subnet
from generator.report.envs_text import envs_json, envs_text

PROD = replace(
    DEV,
    name="prod",
    network=replace(
        DEV.network, public_subnets=(*DEV.network.public_subnets, Subnet(cidr="10.0.3.0/24", availability_zone="z"))
    ),
    registry=replace(DEV.registry, empty_on_delete=False),
    storage=replace(DEV.storage, cors_origins=("https://ecg.example.org",)),
    locked={"ModelServerImageId": "ami-1"},
)


def test_an_environment_differs_from_itself_in_nothing() -> None:
    assert differences(DEV, DEV) == ()
    assert envs_text((), ("dev", "dev")) == "dev and dev have the same settings"


def test_settings_that_differ_are_named_by_their_paths() -> None:
    assert differences(DEV, PROD) == (
        Difference("name", "dev", "prod"),
        Difference("storage.cors_origins", ("*",), ("https://ecg.example.org",)),
        Difference("registry.empty_on_delete", True, False),
        Difference("network.public_subnets[2].cidr", ABSENT, "10.0.3.0/24"),
        Difference("network.public_subnets[2].availability_zone", ABSENT, "z"),
        Difference("locked.ModelServerImageId", ABSENT, "ami-1"),
    )


def test_the_table_has_a_column_for_each_environment() -> None:
    assert envs_text(differences(DEV, PROD), ("dev", "prod")).splitlines()[:4] == [
        "SETTING                                       DEV     PROD",
        "name                                          dev     prod",
        'storage.cors_origins                          ["*"]   ["https://ecg.example.org"]',
        "registry.empty_on_delete                      true    false",
    ]


def test_in_json_a_side_without_the_setting_has_no_key() -> None:
    found = json.loads(envs_json(differences(DEV, PROD), ("dev", "prod")))
    assert found[1] == {"setting": "storage.cors_origins", "dev": ["*"], "prod": ["https://ecg.example.org"]}
    assert found[-1] == {"setting": "locked.ModelServerImageId", "prod": "ami-1"}
