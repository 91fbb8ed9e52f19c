"""Provide the environment of a janitor."""

import pytest

from tests.fakes import FakeClock
from tests.janitor.support import JanitorEnvironment


@pytest.fixture
def env(clock: FakeClock) -> JanitorEnvironment:
    return JanitorEnvironment(clock)
