"""Provide the environment of a janitor."""

from collections.abc import Iterator

import pytest

from tests.fakes import FakeClock
from tests.janitor.support import JanitorEnvironment


@pytest.fixture
def env(clock: FakeClock) -> Iterator[JanitorEnvironment]:
    """Build everything in memory."""
    env = JanitorEnvironment(clock)
    yield env
    env.executor.shutdown()
