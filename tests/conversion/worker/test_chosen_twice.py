"""Test paused conversions that two threads choose, or that end while a thread chooses them."""

import time
from collections.abc import Callable
from threading import Event

import pytest

from libs.core.domain.conversions import Conversion
from services.conversion.worker.loop import Worker
from services.conversion.worker.slot_use import SlotUse
from services.conversion.worker.task import Task
from services.conversion.worker.time_sharing import TimeSharing
from tests.conversion.support import LEASE, ConversionEnvironment
from tests.conversion.worker.support import HeldEngine, new_worker

WINDOW = {
    "continued": lambda sharing, turn: sharing.resume(turn.conversion_id),
    "ended": lambda sharing, turn: sharing.end(turn),
}
"""Events between the choice of a paused conversion and its start."""


@pytest.fixture(params=WINDOW)
def window(request: pytest.FixtureRequest) -> Callable[[TimeSharing, SlotUse], object]:
    return WINDOW[request.param]


@pytest.fixture
def paused(env: ConversionEnvironment) -> Conversion:
    """Return a conversion that this worker runs, which would run alone if it were stalled."""
    conversion = env.add_queued("anna")
    assert env.leases.claim(conversion.id, "worker-1", LEASE)
    return env.current(conversion)


@pytest.fixture
def worker(
    env: ConversionEnvironment,
    engine: HeldEngine,
    paused: Conversion,
    window: Callable[[TimeSharing, SlotUse], object],
) -> Worker:
    """Return a worker with one free slot, whose choice of the paused conversion is too late."""
    worker = new_worker(env, engine, slots=2)
    turn = worker._sharing.begin(paused.id)
    assert worker._slots.acquire()
    assert worker._sharing.pause(turn, "another")

    def order(**_: object) -> list[Conversion]:
        window(worker._sharing, turn)
        return [paused]

    vars(worker._threads._choose_next)["order"] = order
    return worker


def test_a_poll_that_chose_it_too_late_releases_the_slot(worker: Worker) -> None:
    worker.poll_queue(Event())

    assert not worker.is_busy(), "it was not started as if it were stalled"
    assert worker._slots._taken == 1


def test_one_that_was_to_be_paused_for_it_goes_on(
    worker: Worker, paused: Conversion, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = worker._sharing.begin("long")
    monkeypatch.setattr(TimeSharing, "pausable", lambda *_: [long])
    vars(worker._claimed)["by_id"] = lambda: {"long": paused}
    assert worker._slots.acquire()

    worker._pause_for_others()

    assert not worker.is_busy()
    assert not long.is_paused
    assert worker._slots._taken == 2, "that of the long one is still taken"


def test_a_slot_that_chose_it_too_late_is_free(
    env: ConversionEnvironment, engine: HeldEngine, worker: Worker, paused: Conversion
) -> None:
    engine.go.set()
    short = env.add_queued("ben")
    assert worker._threads.start(Task(short.id))
    worker._threads.join(time.monotonic() + 10)

    assert env.current(short).status == "completed"
    assert worker._slots._taken == 1
    assert env.current(paused).attempts == 1, "no second attempt took it over"
