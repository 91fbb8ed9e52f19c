"""Test the order in which queued conversions start."""

import random
from dataclasses import replace

import pytest

from libs.core.domain.conversions import Conversion, ConversionStatus
from libs.core.domain.fair_order import fair_order, fair_position
from tests.fakes import a_conversion, an_upload


def queue_of(owners: str) -> list[Conversion]:
    """Return one conversion for each letter, oldest first; the letter is its session."""
    return [
        a_conversion(an_upload(owner), created_at=1000.0 + age) for age, owner in enumerate(owners)
    ]


def owners_of(conversions: list[Conversion]) -> str:
    return "".join(conversion.owner for conversion in conversions)


@pytest.mark.parametrize(
    ("queued", "running", "order"),
    [
        ("aaaa", "", "aaaa"),
        ("aaab", "", "abaa"),
        ("aaabb", "", "ababa"),
        ("aaab", "a", "baaa"),
        ("aabbc", "ab", "cabab"),
        ("aab", "bb", "aab"),
        ("", "aa", ""),
    ],
)
def test_sessions_take_turns_and_those_that_run_something_come_later(
    queued: str, running: str, order: str
) -> None:
    assert owners_of(fair_order(queue_of(queued), queue_of(running))) == order


def test_of_sessions_that_run_nothing_the_one_served_longest_ago_is_next() -> None:
    order = fair_order(queue_of("abc"), [], {"a": 30.0, "b": 20.0})

    assert owners_of(order) == "cba"


def test_within_a_session_the_oldest_goes_first_whatever_the_order_of_reading() -> None:
    queued = queue_of("abababab")
    shuffled = random.Random(7).sample(queued, len(queued))

    order = fair_order(shuffled, [])

    for owner in "ab":
        assert [c for c in order if c.owner == owner] == [c for c in queued if c.owner == owner]


def test_the_position_is_the_place_in_this_order_also_before_it_is_listed() -> None:
    queued, running = queue_of("aaaaab"), queue_of("a")

    assert [fair_position(c, queued, running) for c in queued] == [2, 3, 4, 5, 6, 1]
    assert fair_position(queued[-1], queued[:-1], running) == 1


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_nobody_waits_longer_than_one_turn_of_each_session(seed: int, slots: int) -> None:
    """Model workers that end one conversion at a time, at random, whatever was queued before."""
    rng = random.Random(seed)
    queued = queue_of("".join(rng.choice("abcd") for _ in range(60)) + "z")
    running: list[Conversion] = []
    served: dict[str, float] = {}
    started: list[str] = []
    while queued:
        while len(running) < slots and queued:
            chosen = fair_order(queued, running, served)[0]
            queued.remove(chosen)
            running.append(chosen)
            served[chosen.owner] = float(len(started))
            started.append(chosen.owner)
        running.remove(rng.choice(running))

    assert "z" in started[: 4 + slots], "after each of the four others at most once"


def test_what_a_session_has_begun_goes_before_what_it_has_not() -> None:
    queued = queue_of("aaa")
    begun = replace(queued[2], status=ConversionStatus.CONVERTING)

    assert fair_order([*queued[:2], begun], []) == [begun, *queued[:2]]


def test_sessions_of_one_client_share_its_turns() -> None:
    many = [replace(c, client="abuser") for c in queue_of("abcdefgh")]
    (one,) = queue_of("z")
    one = replace(one, client="bystander", created_at=2000.0)

    assert owners_of(fair_order([*many, one], [])) == "azbcdefgh"
    assert owners_of(fair_order([*many[1:], one], many[:1])) == "zbcdefgh"


def test_sessions_of_one_client_take_turns_among_themselves() -> None:
    queued = [replace(c, client="school") for c in queue_of("aaab")]

    assert owners_of(fair_order(queued, [])) == "abaa"


def test_a_client_that_was_served_lately_goes_after_one_that_was_not() -> None:
    ours, theirs = queue_of("ab")
    queued = [replace(ours, client="home"), replace(theirs, client="office")]

    assert owners_of(fair_order(queued, [], {"home": 30.0, "office": 20.0})) == "ba"
