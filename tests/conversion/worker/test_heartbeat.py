"""Test which conversions may go on while their worker stops."""

import time

import pytest

from libs.core.adapters.memory import MemoryInbox
from services.conversion.worker.heartbeat import HideMessage, ReleaseRequested
from tests.fakes import FakeClock


def stopping(seconds: float) -> HideMessage:
    """Return the heartbeat of a conversion that has so many seconds left."""
    deadline = time.monotonic() + seconds
    return HideMessage(MemoryInbox(), None, 15, lambda: deadline)


def test_the_last_known_time_left_counts_while_the_next_pass_knows_none() -> None:
    beat = stopping(100)

    beat(5)
    beat(None)


def test_a_last_known_end_that_has_passed_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeClock(0)
    monkeypatch.setattr(time, "monotonic", clock)
    beat = stopping(100)
    beat(5)
    clock.advance(6)

    with pytest.raises(ReleaseRequested):
        beat(None)


def test_a_conversion_whose_time_left_was_never_known_is_released() -> None:
    with pytest.raises(ReleaseRequested):
        stopping(100)(None)


def test_a_conversion_that_takes_longer_than_the_rest_of_the_drain_is_released() -> None:
    with pytest.raises(ReleaseRequested):
        stopping(100)(200)
