"""Test which turns may end for a conversion that waits."""

import pytest

from libs.core.domain.conversions import Conversion
from services.conversion.worker import slot_use, time_sharing
from services.conversion.worker.slot_use import SlotUse
from services.conversion.worker.slots import NEVER
from services.conversion.worker.time_sharing import find_pausable
from tests.fakes import a_conversion, an_upload


def a_turn(since: float, seconds_left: float = NEVER, is_paused: bool = False) -> SlotUse:
    turn = SlotUse(f"cnv_{since}_{seconds_left}", since, seconds_left)
    turn.is_paused = is_paused
    return turn


def held_by(owner: str, **changes: object) -> Conversion:
    """Return a conversion of a session, such as "a", or of a client's session, such as "a1"."""
    return a_conversion(an_upload(owner), client=owner[0], **changes)


def pausable(
    turns: list[SlotUse], owners: str, now: float, following: str | Conversion | None = None
) -> list[SlotUse]:
    """Return the turns that may end; `owners` has the session of each turn."""
    sessions = owners.split() if " " in owners else list(owners)
    held = {t.conversion_id: held_by(who) for t, who in zip(turns, sessions, strict=True)}
    waiting = held_by(following) if isinstance(following, str) else following
    return find_pausable(turns, held, now, waiting)


def test_a_conversion_keeps_its_slot_for_a_turn() -> None:
    young, old = a_turn(10.0), a_turn(8.0)

    assert pausable([young, old], "ab", 10.0 + time_sharing.TURN / 2) == [old]


def test_one_that_is_nearly_done_or_paused_is_left_alone() -> None:
    turns = [a_turn(0.0, 5.0), a_turn(1.0, is_paused=True)]

    assert pausable(turns, "ab", 100.0) == []


@pytest.mark.parametrize(("seconds_left", "is_paused"), [(9.0, True), (1.0, True), (0.0, False)])
def test_a_client_with_all_slots_gives_one_that_is_not_being_stored(
    seconds_left: float, is_paused: bool
) -> None:
    """Otherwise everybody waited for its conversions of a few seconds in turn."""
    turns = [a_turn(10.0, seconds_left), a_turn(10.0, seconds_left)]

    assert bool(pausable(turns, "aa", 10.0, "b")) is is_paused


def test_an_estimate_of_nearly_done_counts_for_a_limited_time() -> None:
    """A header may state a second where hours follow, and the time left stays 0."""
    turn = a_turn(0.0)
    turn.expect(5.0, now=100.0)
    turn.expect(20.0, now=105.0)
    turn.expect(8.0, now=106.0)

    assert pausable([turn], "a", 110.0) == []
    assert pausable([turn], "a", 100.0 + 2 * 5.0 + slot_use.ESTIMATE_GRACE) == [turn]


@pytest.mark.parametrize("owners", ["aa", "a1 a2"])
def test_a_client_that_has_all_slots_gives_one_at_once(owners: str) -> None:
    turns = [a_turn(10.0, 50.0), a_turn(10.0, 900.0)]

    assert pausable(turns, owners, 10.0, "b") == [turns[1], turns[0]], "first the longest"
    assert pausable(turns[:1], "a", 10.0, "b") == [], "the only slot is kept for a turn"


def test_the_client_with_the_most_slots_goes_first() -> None:
    turns = [a_turn(0.0, 900.0), a_turn(0.0, 50.0), a_turn(1.0, 60.0)]

    assert pausable(turns, "a b1 b2", 100.0, "c") == [turns[2], turns[1], turns[0]]


def test_sessions_of_one_client_take_turns_after_a_turn() -> None:
    turns = [a_turn(10.0, 900.0), a_turn(10.0, 50.0)]

    assert pausable(turns, "a1 b", 10.0, "a2") == []
    assert pausable(turns, "a1 b", 10.0 + time_sharing.TURN, "a2") == turns[:1], "not of the other"


@pytest.mark.parametrize("following", ["a1", "a2", "a3"])
def test_nobody_takes_a_slot_from_a_client_that_has_no_more(following: str) -> None:
    turns = [a_turn(0.0, 900.0), a_turn(0.0, 50.0)]

    assert pausable(turns, "a1 b", 100.0, following) == ([] if following == "a1" else [turns[0]])
    assert pausable(turns, "a1 a2", 100.0, following) == (turns if following == "a3" else [])


def test_what_has_run_for_long_gives_way_at_once_to_what_has_not_run_yet() -> None:
    turn = a_turn(10.0, 900.0)
    turn.ran_before = time_sharing.LONG_RUN

    assert pausable([turn], "a", 10.0, "b") == [turn]
    assert pausable([turn], "a", 10.0, held_by("b", attempts=1)) == [], "that has run already"


def test_one_that_is_not_claimed_yet_is_left_alone() -> None:
    assert find_pausable([a_turn(0.0)], {}, 100.0) == []


LONGER, SHORTER = {"a": 9.0, "b": 10.0}, {"a": 10.0, "b": 9.0}
"""Seconds for which clients had slots of late: "b", which waits, had them for longer, or not."""


@pytest.mark.parametrize(
    ("recent", "seconds_run", "ends"),
    [(SHORTER, 10.0, True), (LONGER, 10.0, False), (LONGER, 60.0, False), ({}, 10.0, True)],
)
def test_who_had_slots_for_longer_of_late_ends_no_turn(
    recent: dict[str, float], seconds_run: float, ends: bool
) -> None:
    """One short conversion after another paused a long one as soon as it was continued."""
    long = a_turn(100.0)
    long.ran_before = seconds_run
    held = {long.conversion_id: held_by("a")}

    found = find_pausable([long], held, 100.1, held_by("b"), recent)

    assert bool(found) is ends


def test_who_has_all_slots_gives_one_whoever_had_them_before() -> None:
    turns = [a_turn(0.0), a_turn(0.5)]
    held = {turn.conversion_id: held_by("a") for turn in turns}

    assert find_pausable(turns, held, 1.0, held_by("b"), LONGER) == turns
