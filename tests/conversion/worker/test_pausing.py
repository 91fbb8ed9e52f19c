"""Test for which of those that wait a conversion is paused or goes back to the queue."""

import time
from types import SimpleNamespace

import pytest

from libs.core.domain.conversions import Conversion
from services.conversion.worker import time_sharing
from services.conversion.worker.loop import Worker
from services.conversion.worker.slot_use import SlotUse
from services.conversion.worker.task import Task
from tests.conversion.support import ConversionEnvironment
from tests.conversion.worker.support import HeldEngine, new_worker
from tests.fakes import a_conversion, an_upload


def of_client(client: str, session: str = "a", **changes: object) -> Conversion:
    return a_conversion(an_upload(f"{client}-{session}"), client=client, **changes)


class BusyWorker:
    """Hold a worker whose only slot a conversion of "hog" uses, while others are paused."""

    def __init__(self, worker: Worker, paused: int) -> None:
        self.worker = worker
        self.started: list[str] = []
        self.marks = 0
        running = of_client("hog")
        assert worker._slots.acquire()
        for number in range(paused):
            assert worker._sharing.pause(worker._sharing.begin(f"paused-{number}"), "another")
        self.use: SlotUse = worker._sharing.begin(running.id)
        vars(worker._claimed)["by_id"] = lambda: {running.id: running}
        vars(worker._claimed)["mark"] = self._mark
        vars(worker._threads)["start_or_continue"] = self._start

    def check(self, *waiting: Conversion) -> None:
        """Let the worker look at the conversions that wait."""
        vars(self.worker._pause_for_others)["_choose_next"] = SimpleNamespace(
            order=lambda **_: list(waiting), note_chosen=lambda _: None
        )
        self.worker._pause_for_others()

    def _mark(self, *_: object) -> bool:
        self.marks += 1
        return True

    def _start(self, task: Task) -> bool:
        self.started.append(task.conversion_id)
        return True


@pytest.fixture
def worker(
    env: ConversionEnvironment, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch
) -> Worker:
    monkeypatch.setattr(time_sharing, "TURN", 0.0)
    return new_worker(env, engine, slots=1)


def test_one_that_has_yielded_does_not_keep_those_behind_it_from_displacing(
    worker: Worker,
) -> None:
    busy = BusyWorker(worker, paused=time_sharing.PAUSED_PER_SLOT)

    busy.check(of_client("ben", yielded=1))
    assert not busy.use.must_yield
    busy.worker._pause_for_others._next_check = 0.0
    busy.check(of_client("ben", yielded=1), of_client("cleo"))

    assert busy.use.must_yield


def test_the_first_for_which_a_conversion_can_be_paused_gets_its_slot(worker: Worker) -> None:
    busy = BusyWorker(worker, paused=1)
    first, second = of_client("ben"), of_client("cleo")

    busy.check(of_client("hog", session="b"), first, second)

    assert busy.use.is_paused
    assert busy.started == [first.id]


def test_what_was_refused_once_is_not_tried_for_each_that_waits(worker: Worker) -> None:
    """The last look before a pause writes to the table."""
    busy = BusyWorker(worker, paused=time_sharing.PAUSED_PER_SLOT)

    busy.check(*(of_client(f"client-{number}", yielded=1) for number in range(100)))

    assert busy.marks == 1


def test_one_that_is_to_yield_is_asked_once(worker: Worker) -> None:
    busy = BusyWorker(worker, paused=time_sharing.PAUSED_PER_SLOT)
    busy.use.must_yield = True

    busy.check(of_client("ben", yielded=1))

    assert busy.use.must_yield, "its next heartbeat is still to come"


@pytest.mark.parametrize("was_asked", [False, True])
def test_if_one_that_is_being_stored_does_not_yield_the_next_is_asked(
    worker: Worker, was_asked: bool
) -> None:
    busy = BusyWorker(worker, paused=time_sharing.PAUSED_PER_SLOT)
    other = of_client("hog")
    both = worker._claimed.by_id() | {other.id: other}
    vars(worker._claimed)["by_id"] = lambda: both
    next_use = worker._sharing.begin(other.id)
    busy.use.must_yield = was_asked
    busy.use.expect(0.0, busy.use.since - 60)
    assert busy.use.is_overdue(time.monotonic()), "so it is the first to be tried"

    busy.check(of_client("ben"))

    assert busy.use.must_yield is was_asked
    assert next_use.must_yield
