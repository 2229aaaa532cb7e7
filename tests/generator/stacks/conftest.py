"""dev and prod, built once."""

from dataclasses import dataclass

import pytest

from generator.environments import dev as dev_settings
from generator.environments import prod as prod_settings
from generator.model.environment import Environment
from tests.generator.stacks.built import Built, build


@pytest.fixture(scope="session")
def dev() -> Built:
    return build(dev_settings.ENVIRONMENT)


@pytest.fixture(scope="session")
def prod() -> Built:
    return build(prod_settings.ENVIRONMENT)


@dataclass(frozen=True)
class Case:
    """An environment and what it is built to."""

    settings: Environment
    built: Built


@pytest.fixture(params=["dev", "prod"])
def every(request: pytest.FixtureRequest, dev: Built, prod: Built) -> Case:
    """Each environment that there is, one after the other."""
    if request.param == "dev":
        return Case(dev_settings.ENVIRONMENT, dev)
    return Case(prod_settings.ENVIRONMENT, prod)


@pytest.fixture(params=["dev", "prod"])
def built(request: pytest.FixtureRequest, dev: Built, prod: Built) -> Built:
    """Each environment's stacks, for what no setting decides."""
    return dev if request.param == "dev" else prod
