"""Test for how long each client is said to have had slots of late."""

import pytest

from services.conversion.worker.recent_slot_time import HALF_LIFE, LONGEST_GAP, RecentSlotTime


def test_the_time_of_each_slot_adds_up() -> None:
    recent = RecentSlotTime()
    recent.look(["anna", "anna", "ben"], 0.0)

    seconds = recent.look(["anna", "anna", "ben"], 1.0)

    assert seconds == {"anna": 2.0, "ben": 1.0}


def test_half_of_it_is_forgotten_in_half_a_minute() -> None:
    recent = RecentSlotTime()
    recent.look([], 0.0)
    recent.look(["anna"], 1.0)

    assert recent.look([], 1.0 + HALF_LIFE) == {"anna": pytest.approx(0.5)}
    assert recent.look([], 1000.0) == {}


def test_a_look_after_a_long_sleep_counts_for_little() -> None:
    recent = RecentSlotTime()
    recent.look(["anna"], 0.0)

    assert recent.look(["anna"], 10_000.0) == {"anna": LONGEST_GAP}
