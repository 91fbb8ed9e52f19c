"""A worker that is told to stop: what can be finished is, the rest is handed back, and it ends in time."""

import threading
import time
from collections.abc import Callable

import pytest

from libs.core.domain.events import ConversionQueued
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import attempt as running
from services.conversion.worker import loop
from services.conversion.worker.loop import Worker
from tests.conversion.support import LEASE, FakeEngine, World, convert
from tests.fault_injection import eventually, fail_calls


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "REPORT_EVERY", 0.01)
    monkeypatch.setattr(loop, "POLL", 0.1)
    monkeypatch.setattr(loop, "GRACE", 1.0)


def endless(
    eta: float | None, phase: str = "converting", end: threading.Event | None = None
) -> FakeEngine:
    """Says how long it will take, and goes on until it is told that this is the end."""
    end = end or threading.Event()

    def script(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        while not end.wait(0.01):
            tick(EngineProgress(phase, 50.0, eta_seconds=eta))
        return convert(source, sink, tick)

    return FakeEngine(script)


def worker_of(world: World, engine: FakeEngine, drain: float = 0.5, slots: int = 2) -> Worker:
    worker = Worker(
        world.inbox,
        world.run(engine),
        world.following,
        world.arrives,
        world.rescue,
        slots,
        LEASE,
        drain,
    )
    vars(worker)["_looking_around"] = lambda: None  # it would race the messages for the conversions
    return worker


def stop(worker: Worker) -> float:
    """The seconds it took."""
    began = time.monotonic()
    worker.stop()
    return time.monotonic() - began


@pytest.mark.parametrize("eta", [3600.0, None])
def test_what_takes_too_long_is_handed_back_at_once_and_counts_as_no_loss(
    world: World, eta: float | None
) -> None:
    conversion = world.queued()
    worker = worker_of(world, endless(eta), drain=5.0)
    world.inbox.send(ConversionQueued(conversion.id))
    worker.start()
    eventually(lambda: world.now(conversion).status == "converting")

    assert stop(worker) < 2

    handed = world.now(conversion)
    assert (handed.status, handed.phase, handed.attempts - handed.released) == (
        "queued",
        "queued",
        0,
    )
    assert [m.events for m in world.inbox.receive(10, 0)] == [(ConversionQueued(conversion.id),)], (
        "the message is visible again"
    )


@pytest.mark.parametrize(("eta", "phase"), [(0.1, "converting"), (None, "storing")])
def test_what_is_nearly_done_is_finished(world: World, eta: float | None, phase: str) -> None:
    end = threading.Event()
    conversion = world.queued()
    worker = worker_of(world, endless(eta, phase, end), drain=5.0)
    world.inbox.send(ConversionQueued(conversion.id))
    worker.start()
    eventually(lambda: world.now(conversion).percent == 50)
    threading.Timer(0.2, end.set).start()

    assert stop(worker) < 3

    assert world.now(conversion).status == "completed"


def test_what_said_it_was_nearly_done_and_is_not_is_handed_back_at_the_deadline(
    world: World,
) -> None:
    conversion = world.queued()
    worker = worker_of(world, endless(0.1), drain=0.5)
    world.inbox.send(ConversionQueued(conversion.id))
    worker.start()
    eventually(lambda: world.now(conversion).percent == 50)

    assert stop(worker) < 1.5

    assert world.now(conversion).released == 1


def test_nothing_is_begun_after_the_stop(world: World) -> None:
    engine = endless(3600.0)
    first, second = world.queued(), world.queued()
    worker = worker_of(world, engine, slots=1)
    world.inbox.send(ConversionQueued(first.id))
    worker.start()
    eventually(lambda: world.now(first).percent == 50)

    worker.stop()

    assert len(engine.jobs) == 1
    assert world.now(second).attempts == 0


def test_a_message_that_comes_while_it_stops_goes_to_another(world: World) -> None:
    conversion = world.queued()
    worker = worker_of(world, endless(3600.0))
    worker._stop.set()
    world.inbox.send(ConversionQueued(conversion.id))

    worker._receive()

    assert world.inbox.receive(10, 0)
    assert world.now(conversion).attempts == 0


def test_an_engine_that_hangs_does_not_hold_up_the_end(world: World) -> None:
    """Two of them neither: each has the same deadline, not its own."""
    end = threading.Event()

    def hang(
        source: SourceBytes, sink: OutputSink, tick: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        end.wait(30)
        return convert(source, sink, tick)

    engine = FakeEngine(hang)
    worker = worker_of(world, engine, drain=0.2)
    for owner in ("anna", "ben"):
        world.inbox.send(ConversionQueued(world.queued(owner).id))
    worker.start()
    eventually(lambda: len(engine.jobs) == 2)

    took = stop(worker)

    end.set()
    assert took < 2.0


def test_a_table_that_is_away_does_not_hold_up_the_end(world: World) -> None:
    conversion = world.queued()
    worker = worker_of(world, endless(3600.0), drain=0.2)
    world.inbox.send(ConversionQueued(conversion.id))
    worker.start()
    eventually(lambda: world.now(conversion).percent == 50)
    fail_calls(world.leases, "report", None)
    fail_calls(world.leases, "release", None)

    assert stop(worker) < 2

    assert world.now(conversion).status == "converting", "its lease ends by itself"
