"""Test that no client has more than its share of the pauses while others need them."""

import pytest

from services.conversion.worker.slots import Slots
from services.conversion.worker.time_sharing import TimeSharing
from tests.fakes import FakeClock, a_conversion, an_upload


@pytest.mark.parametrize(
    ("pausers", "last", "yields"),
    [
        ("aaab", "c", "a"),  # more than half of the pauses
        ("aaaa", "c", "a"),
        ("aabb", "c", "c"),  # all have their share, so the long one that runs goes back
        ("aaab", "a", "a"),
    ],
)
def test_who_has_more_than_half_of_the_pauses_gives_one(
    pausers: str, last: str, yields: str
) -> None:
    """Otherwise it was the running conversion of a bystander that began anew, again and again."""
    sharing = TimeSharing(Slots(2), FakeClock())
    uses = [sharing.begin(f"{number}") for number in range(len(pausers) + 1)]
    held = {
        use.conversion_id: a_conversion(an_upload(client), client=client)
        for use, client in zip(uses, pausers + last, strict=True)
    }
    for use in uses[:-1]:
        assert sharing.pause(use, "another")

    for _ in range(2):
        assert not sharing.pause(uses[-1], "new", held=held)

    (yielding,) = (use for use in uses if use.must_yield)
    assert held[yielding.conversion_id].client == yields
    assert yielding.is_paused is (yields != last)
