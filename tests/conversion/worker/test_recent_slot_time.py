"""Test for how long each client is said to have had slots of late."""

from itertools import repeat

import pytest

from services.conversion.worker.recent_slot_time import HALF_LIFE, RecentSlotTime
from services.conversion.worker.slots import Slots
from services.conversion.worker.time_sharing import TimeSharing
from tests.fakes import FakeClock


def test_half_of_it_is_forgotten_in_half_a_minute() -> None:
    recent = RecentSlotTime()

    recent.add("anna", 1.0, 100.0)

    assert recent.sums(100.0, []) == {"anna": pytest.approx(1.0, rel=0.02)}
    assert recent.sums(100.0 + HALF_LIFE, []) == {"anna": pytest.approx(0.5, rel=0.02)}
    assert recent.sums(1000.0, []) == {}


def test_a_long_run_counts_as_much_as_short_ones_of_the_same_time() -> None:
    recent = RecentSlotTime()
    for second in range(60):
        recent.add("short", 1.0, second + 1.0)
    recent.add("long", 60.0, 60.0)

    sums = recent.sums(60.0, [("runs", 60.0)])

    assert sums["short"] == pytest.approx(sums["long"])
    assert sums["runs"] == pytest.approx(sums["long"])


def test_conversions_between_two_looks_count() -> None:
    """They were missed when only what ran at the time of a look was counted."""
    clock = FakeClock(0.0)
    sharing = TimeSharing(Slots(1), clock)
    long = sharing.begin("long")
    long.belongs_to("anna")

    for _ in repeat(None, 10):
        clock.advance(0.1)
        assert sharing.pause(long, "short")
        short = sharing.begin("short")
        short.belongs_to("ben")
        clock.advance(0.9)
        sharing.end(short)
        assert sharing.resume("long")

    recent = sharing.recent()
    assert recent["ben"] == pytest.approx(9 * recent["anna"], rel=0.1)


def test_a_use_whose_claim_failed_counts_for_nobody() -> None:
    clock = FakeClock(0.0)
    sharing = TimeSharing(Slots(1), clock)
    use = sharing.begin("gone")
    clock.advance(1.0)

    assert sharing.recent() == {}
    sharing.end(use)
    assert sharing.recent() == {}
