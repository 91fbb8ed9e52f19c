"""Test slots: how many are free, and how one conversion gets all of them."""

import threading
from collections.abc import Callable

import pytest

from services.conversion.worker import slots as slots_module
from services.conversion.worker.slots import NEVER, Slots
from tests.fakes import FakeClock
from tests.fault_injection import eventually


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def slots(clock: FakeClock) -> Slots:
    return Slots(2, clock)


def in_thread(action: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread


def reserve(slots: Slots, granted: list[bool], patience: float = 60) -> None:
    with slots.reserve_all(patience) as all_of_them:
        granted.append(all_of_them)


def test_no_more_are_taken_than_there_are(slots: Slots) -> None:
    assert [slots.acquire() for _ in range(3)] == [True, True, False]
    slots.release()
    assert slots.acquire()
    assert not Slots(0).acquire()


def test_nothing_starts_beside_one_that_has_all(slots: Slots) -> None:
    assert slots.acquire()
    with slots.reserve_all(60) as granted:
        assert granted
        assert not slots.is_open
        assert not slots.acquire()
    assert slots.acquire()


def test_whoever_wants_all_waits_and_tells_until_when_others_may_run(
    slots: Slots, clock: FakeClock
) -> None:
    assert slots.acquire()
    assert slots.acquire()
    granted: list[bool] = []
    waiting = in_thread(lambda: reserve(slots, granted))
    eventually(lambda: not slots.is_open)

    assert slots.yield_by == clock() + 60
    assert granted == []
    slots.release()

    waiting.join(10)
    assert granted == [True]
    assert slots.yield_by == NEVER


def test_two_that_want_all_do_not_wait_for_each_other(slots: Slots) -> None:
    assert slots.acquire()
    assert slots.acquire()
    first: list[bool] = []
    waiting = in_thread(lambda: reserve(slots, first))
    eventually(lambda: not slots.is_open)

    second: list[bool] = []
    reserve(slots, second)
    assert second == [False]
    slots.release()

    waiting.join(10)
    assert first == [True]


def test_one_that_hangs_does_not_stop_all_for_ever(slots: Slots) -> None:
    assert slots.acquire()
    assert slots.acquire()
    granted: list[bool] = []

    reserve(slots, granted, patience=0.05)

    assert granted == [False]
    assert slots.is_open


def test_a_worker_that_stops_waits_for_nothing(slots: Slots) -> None:
    assert slots.acquire()
    assert slots.acquire()
    granted: list[bool] = []
    waiting = in_thread(lambda: reserve(slots, granted))
    eventually(lambda: not slots.is_open)

    slots.close()

    waiting.join(10)
    assert granted == [False]
    assert not slots.acquire()


def test_others_get_as_much_time_as_the_one_that_ran_alone(slots: Slots, clock: FakeClock) -> None:
    assert slots.acquire()
    assert not slots.is_turn_of_others
    with slots.reserve_all(60):
        clock.advance(30)

    clock.advance(29)
    assert slots.is_turn_of_others
    clock.advance(1)
    assert not slots.is_turn_of_others


@pytest.mark.parametrize("prepared", [True, False])
def test_what_runs_alone_for_long_gets_company_if_that_could_be_noted(
    slots: Slots, clock: FakeClock, prepared: bool
) -> None:
    assert slots.acquire()
    with slots.reserve_all(60):
        slots.share_slots_if_overdue(lambda: pytest.fail("it is too early"))
        clock.advance(slots_module.ALONE_AT_MOST + 1)

        slots.share_slots_if_overdue(lambda: prepared)

        assert slots.acquire() is prepared
