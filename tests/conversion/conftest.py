"""A world of its own for each test of the service; the engine's tests, below, need none."""

import pytest

from services.conversion import streams
from tests.conversion.support import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Everything in memory, where waiting for a store that is away takes no time."""
    monkeypatch.setattr(streams, "READ_PAUSES", (0.0,) * len(streams.READ_PAUSES))
    monkeypatch.setattr(streams, "WRITE_PAUSES", (0.0,) * len(streams.WRITE_PAUSES))
    return World()
