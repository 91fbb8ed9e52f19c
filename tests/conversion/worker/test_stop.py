"""Test a worker that is told to stop: it finishes or releases what it runs, in time."""

import threading
import time
from collections.abc import Callable

import pytest

from libs.core.domain.events import ConversionQueued
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import loop, progress_writer
from services.conversion.worker.loop import Worker
from tests.conversion.support import ConversionEnvironment, FakeEngine, convert
from tests.conversion.worker.support import new_worker
from tests.fault_injection import eventually, fail_calls


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.01)
    monkeypatch.setattr(loop, "LONG_POLL", 0.1)
    monkeypatch.setattr(loop, "STOP_MARGIN", 1.0)


def endless(
    eta: float | None, phase: str = "converting", end: threading.Event | None = None
) -> FakeEngine:
    """Return an engine that reports this time left until `end` is set."""
    end = end or threading.Event()

    def script(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        while not end.wait(0.01):
            on_progress(EngineProgress(phase, 50.0, eta_seconds=eta))
        return convert(source, sink, on_progress)

    return FakeEngine(script)


def stop(worker: Worker) -> float:
    """Stop a worker, and return the seconds that it took."""
    began = time.monotonic()
    worker.stop()
    return time.monotonic() - began


@pytest.mark.parametrize("eta", [3600.0, None])
def test_what_takes_too_long_is_released_at_once_and_counts_as_no_loss(
    env: ConversionEnvironment, eta: float | None
) -> None:
    conversion = env.add_queued()
    worker = new_worker(env, endless(eta), drain=5.0, slots=2, polls_queue=False)
    env.inbox.send(ConversionQueued(conversion.id))
    worker.start()
    eventually(lambda: env.current(conversion).status == "converting")

    assert stop(worker) < 2

    handed = env.current(conversion)
    assert (handed.status, handed.phase, handed.attempts - handed.unblamed_count) == (
        "queued",
        "queued",
        0,
    )
    assert [m.events for m in env.inbox.receive(10, 0)] == [(ConversionQueued(conversion.id),)], (
        "the message is visible again"
    )


@pytest.mark.parametrize(("eta", "phase"), [(0.1, "converting"), (None, "storing")])
def test_what_is_nearly_done_is_finished(
    env: ConversionEnvironment, eta: float | None, phase: str
) -> None:
    end = threading.Event()
    conversion = env.add_queued()
    worker = new_worker(env, endless(eta, phase, end), drain=5.0, slots=2, polls_queue=False)
    env.inbox.send(ConversionQueued(conversion.id))
    worker.start()
    eventually(lambda: env.current(conversion).percent == 50)
    threading.Timer(0.2, end.set).start()

    assert stop(worker) < 3

    assert env.current(conversion).status == "completed"


def test_a_conversion_estimated_too_short_is_released_at_the_deadline(
    env: ConversionEnvironment,
) -> None:
    """The engine states 0.1 seconds left, for ever."""
    conversion = env.add_queued()
    worker = new_worker(env, endless(0.1), drain=0.5, slots=2, polls_queue=False)
    env.inbox.send(ConversionQueued(conversion.id))
    worker.start()
    eventually(lambda: env.current(conversion).percent == 50)

    assert stop(worker) < 1.5

    assert env.current(conversion).unblamed_count == 1


def test_nothing_is_begun_after_the_stop(env: ConversionEnvironment) -> None:
    engine = endless(3600.0)
    first, second = env.add_queued(), env.add_queued()
    worker = new_worker(env, engine, slots=1, polls_queue=False)
    env.inbox.send(ConversionQueued(first.id))
    worker.start()
    eventually(lambda: env.current(first).percent == 50)

    worker.stop()

    assert len(engine.jobs) == 1
    assert env.current(second).attempts == 0


def test_a_message_that_comes_while_it_stops_goes_to_another(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()
    worker = new_worker(env, endless(3600.0), slots=2, polls_queue=False)
    worker._loops.stop.set()
    env.inbox.send(ConversionQueued(conversion.id))

    worker.receive(worker._loops.stop)

    assert env.inbox.receive(10, 0)
    assert env.current(conversion).attempts == 0


def test_an_engine_that_hangs_does_not_hold_up_the_end(env: ConversionEnvironment) -> None:
    """Two of them neither: each has the same deadline, not its own."""
    end = threading.Event()

    def hang(
        source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        end.wait(30)
        return convert(source, sink, on_progress)

    engine = FakeEngine(hang)
    worker = new_worker(env, engine, drain=0.2, slots=2, polls_queue=False)
    for owner in ("anna", "ben"):
        env.inbox.send(ConversionQueued(env.add_queued(owner).id))
    worker.start()
    eventually(lambda: len(engine.jobs) == 2)

    took = stop(worker)

    end.set()
    assert took < 2.0


def test_a_table_that_is_away_does_not_hold_up_the_end(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()
    worker = new_worker(env, endless(3600.0), drain=0.2, slots=2, polls_queue=False)
    env.inbox.send(ConversionQueued(conversion.id))
    worker.start()
    eventually(lambda: env.current(conversion).percent == 50)
    fail_calls(env.leases, "report", None)
    fail_calls(env.leases, "release", None)

    assert stop(worker) < 2

    assert env.current(conversion).status == "converting", "its lease ends by itself"
