"""A house to be kept clean."""

import pytest

from tests.fakes import FakeClock
from tests.janitor.support import House


@pytest.fixture
def house(clock: FakeClock) -> House:
    return House(clock)
