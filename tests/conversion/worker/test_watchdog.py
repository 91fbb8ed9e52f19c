"""Test that a slot whose thread computes without end ends the process, and nothing else does."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from unittest.mock import Mock

import pytest

from libs.core.domain.conversions import LossMeaning
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import loop, progress_writer, watchdog
from services.conversion.worker.claimed_conversions import ClaimedConversions
from services.conversion.worker.watchdog import EXIT_STATUS, Watchdog
from tests.conversion.support import ConversionEnvironment, FakeEngine, convert
from tests.conversion.worker.support import new_worker
from tests.fault_injection import eventually

LIMIT = 0.4


class Exits:
    """Collect the statuses with which the process would have ended."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.happened = threading.Event()

    def __call__(self, status: int) -> None:
        self.statuses.append(status)
        self.happened.set()


@pytest.fixture(autouse=True)
def exits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exits]:
    """Replace the end of the process, and shorten the limit."""
    exits = Exits()
    monkeypatch.setattr(os, "_exit", exits)
    monkeypatch.setattr(watchdog, "MAX_COMPUTING", LIMIT)
    monkeypatch.setattr(loop, "CHECK_EVERY", 0.01)
    monkeypatch.setattr(loop, "LONGEST_POLL_PAUSE", 0.02)
    monkeypatch.setattr(loop, "LONG_POLL", 0.05)
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.01)
    yield exits
    exits.happened.set()


@pytest.fixture
def dog(env: ConversionEnvironment) -> Watchdog:
    return Watchdog(ClaimedConversions(env.leases))


def compute(seconds: float) -> None:
    """Use processor time in the calling thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_thread_that_waits_for_long_is_let_alone(dog: Watchdog, exits: Exits) -> None:
    """So a storage that does not answer ends no process, however busy the other threads are."""
    done, watched = threading.Event(), threading.Event()

    def wait() -> None:
        with dog.watching("1"):
            watched.set()
            done.wait()

    thread = threading.Thread(target=wait)
    thread.start()
    watched.wait()
    compute(3 * LIMIT)
    dog.check(done)
    done.set()
    thread.join()
    assert not exits.statuses


def test_a_thread_that_computes_between_heartbeats_is_let_alone(
    dog: Watchdog, exits: Exits
) -> None:
    with dog.watching("1") as show_life:
        for _ in range(6):
            compute(LIMIT / 2)
            dog.check(threading.Event())
            show_life()
    assert not exits.statuses


def test_a_thread_that_has_ended_is_not_watched(dog: Watchdog, exits: Exits) -> None:
    with dog.watching("1"):
        pass
    compute(2 * LIMIT)
    dog.check(threading.Event())
    assert not exits.statuses


def test_a_slot_that_computes_without_end_ends_the_process_and_blames_no_other(
    env: ConversionEnvironment, exits: Exits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others would have to run alone."""

    def run(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        if threading.current_thread().name == stuck.id:
            runs_beside.wait()
        while not exits.happened.is_set():
            if threading.current_thread().name != stuck.id:
                compute(LIMIT / 8)
                on_progress(EngineProgress("converting", 10.0))
                runs_beside.set()
        return convert(source, sink, on_progress)

    runs_beside = threading.Event()
    stuck, other = env.add_queued("anna"), env.add_queued("ben")
    worker = new_worker(env, FakeEngine(run), slots=2)
    mark = Mock(return_value=True)
    monkeypatch.setattr(ClaimedConversions, "mark", mark)
    worker.start()
    eventually(exits.happened.is_set)
    worker.stop()
    assert exits.statuses[0] == EXIT_STATUS != 0
    excused = {call.args[1] for call in mark.call_args_list if len(call.args) > 1}
    assert excused == {other.id}
    assert all(call.args[0] is LossMeaning.LEAVING for call in mark.call_args_list)
