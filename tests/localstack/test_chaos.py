"""Run the chaos of `tests/faults` on LocalStack, which is paused and never killed."""

import os
from collections.abc import Iterator

import pytest

from deploy.local.network import free_port
from deploy.local.stack import EmbeddedStack
from deploy.local.targets import EmulatorTarget
from tests.faults.test_chaos import (
    CHAOS_SETTINGS,
    recording,
    test_the_invariants_hold_whatever_is_killed_stopped_or_frozen,
)
from tests.localstack.container import LocalStack

__all__ = ["recording", "test_the_invariants_hold_whatever_is_killed_stopped_or_frozen"]

pytestmark = [pytest.mark.localstack, pytest.mark.long, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def chaos_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    home = tmp_path_factory.mktemp("chaos")
    target = EmulatorTarget(LocalStack(home))
    with EmbeddedStack(home, free_port(), settings=CHAOS_SETTINGS, target=target) as running:
        yield running


@pytest.fixture
def disturbances() -> int:
    """Return the number of disturbances, which is lower than in `tests/faults`."""
    return int(os.environ.get("TINYPIXO_CHAOS", "6"))
