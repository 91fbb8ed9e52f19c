"""Run the test of killed workers in `tests/faults` on LocalStack."""

import os
from collections.abc import Iterator

import pytest

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.faults.conftest import SETTINGS, bucket, client, hashes, track
from tests.faults.test_kills import test_conversions_survive_the_deaths_of_their_workers
from tests.localstack.container import LocalStack

__all__ = [
    "bucket",
    "client",
    "hashes",
    "test_conversions_survive_the_deaths_of_their_workers",
    "track",
]

pytestmark = [pytest.mark.localstack, pytest.mark.long, pytest.mark.timeout(3600)]


@pytest.fixture(scope="session")
def faulty_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Run a LocalStack of its own: workers of the other stack would take the conversions."""
    home = tmp_path_factory.mktemp("faults")
    target = EmulatorTarget(LocalStack(home))
    with EmbeddedStack(home, free_port(), settings=SETTINGS, target=target) as running:
        yield running


@pytest.fixture
def kills() -> int:
    """Return the number of kills, which is lower than in `tests/faults`."""
    return int(os.environ.get("TINYPIXO_KILLS", "6"))
