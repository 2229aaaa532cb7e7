"""dev, built once."""

import pytest

from generator.environments.dev import ENVIRONMENT
from tests.generator.stacks.built import Built, build


@pytest.fixture(scope="session")
def dev() -> Built:
    return build(ENVIRONMENT)
