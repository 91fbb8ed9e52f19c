"""What `tests/faults` shows of workers that are killed, on LocalStack: a slower S3 and table, other streams and queues."""

import os
from collections.abc import Iterator

import pytest

from deploy.local.clouds import EmulatedCloud
from deploy.local.emulator import free_port
from deploy.local.stack import EmbeddedStack
from tests.faults.conftest import SETTINGS, bucket, client, hashes, track
from tests.faults.test_kills import test_conversions_survive_the_deaths_of_their_workers
from tests.localstack.container import LocalStack

__all__ = ["bucket", "client", "hashes", "test_conversions_survive_the_deaths_of_their_workers", "track"]

pytestmark = [pytest.mark.localstack, pytest.mark.timeout(3600)]


@pytest.fixture(scope="session")
def faulty_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """On a LocalStack of its own, because the workers of the other stack would take the conversions."""
    home = tmp_path_factory.mktemp("faults")
    cloud = EmulatedCloud(LocalStack(home))
    with EmbeddedStack(home, free_port(), settings=SETTINGS, cloud=cloud) as running:
        yield running


@pytest.fixture
def kills() -> int:
    """Few by default: `tests/faults` has more of them."""
    return int(os.environ.get("TINYPIXO_KILLS", "6"))
