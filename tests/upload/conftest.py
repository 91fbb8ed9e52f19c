"""A service of its own for each test."""

import pytest

from tests.fakes import FakeClock
from tests.upload.support import Desk


@pytest.fixture
def desk(clock: FakeClock) -> Desk:
    return Desk(clock)
