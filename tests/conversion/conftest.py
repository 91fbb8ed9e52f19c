"""A world of its own for each test of the service; the engine's tests, below, need none."""

import pytest

from services.conversion.storage import object_source, retry
from tests.conversion.support import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Everything in memory, where waiting for a store that is away takes no time."""
    monkeypatch.setattr(object_source, "READ_PAUSES", (0.0,) * len(object_source.READ_PAUSES))
    monkeypatch.setattr(retry, "WRITE_PAUSES", (0.0,) * len(retry.WRITE_PAUSES))
    return World()
