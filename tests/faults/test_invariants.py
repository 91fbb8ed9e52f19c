"""Test that the checks of the chaos test see each kind of broken invariant."""

from typing import Any

import pytest

from tests.faults.invariants import check_end, check_observations
from tests.faults.journeys import Conversion


def state(version: int, percent: float = 0.0, status: str = "converting") -> dict[str, Any]:
    return {"version": version, "percent": percent, "status": status}


def seen(*states: tuple[str, dict[str, Any]]) -> Conversion:
    return Conversion("cnv_1", "upl_1", 0, list(states))


def test_what_streams_and_polls_show_in_their_own_order_is_right() -> None:
    conversion = seen(
        ("poll", state(2, 5.0)),
        ("stream 1", state(1)),
        ("stream 1", state(3, 9.0)),
        ("poll", state(4, 100.0, "completed")),
    )

    assert check_observations(conversion) == []


@pytest.mark.parametrize(
    ("before", "after", "invariant"),
    [
        (state(2), state(1), "I3"),
        (state(1, 9.0), state(2, 8.0), "I6"),
        (state(1, 100.0, "completed"), state(2, 100.0, "failed"), "I3"),
        (state(1, 5.0), state(1, 6.0), "I3"),
    ],
)
def test_a_step_back_is_seen(before: dict[str, Any], after: dict[str, Any], invariant: str) -> None:
    [first, *_] = check_observations(seen(("poll", before), ("poll", after)))

    assert first.startswith(invariant)


@pytest.mark.parametrize(
    ("ended", "now"),
    [
        (None, None),
        (state(3, 50.0, "failed"), None),
        (state(3, 50.0, "cancelled"), None),
        (state(3, 100.0, "completed"), state(4, 100.0, "completed")),
    ],
)
def test_a_wrong_end_is_seen(ended: dict[str, Any] | None, now: dict[str, Any] | None) -> None:
    conversion = seen()
    conversion.ended = ended

    assert check_end(conversion, now)


def test_a_cancelled_conversion_may_end_either_way() -> None:
    for status in ("cancelled", "completed"):
        conversion = seen()
        conversion.was_cancelled = True
        conversion.ended = state(3, 50.0, status)
        assert check_end(conversion, conversion.ended) == []
