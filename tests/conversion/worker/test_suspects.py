"""Test that a conversion that lost an attempt runs alone, and that a loss while alone counts."""

import threading
from collections.abc import Callable

import pytest

from libs.core.domain.conversions import Conversion, LossMeaning
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import loop, progress_writer, slots
from services.conversion.worker.retry_policy import MAX_BLAMED_ATTEMPTS
from tests.conversion.support import (
    LEASE,
    ConversionEnvironment,
    FakeEngine,
    convert,
    ignore_heartbeat,
)
from tests.conversion.worker.support import (
    HeldEngine,
    StartWorker,
    new_worker,
    shorten_release_pause,
)
from tests.fault_injection import eventually, fail_calls


class CountingEngine(FakeEngine):
    """Record how many conversions run beside each one."""

    def __init__(self) -> None:
        super().__init__(self._count)
        self._now = 0
        self._changed = threading.Condition()
        self.most = 0

    def _count(
        self, source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            # Others have a moment to begin beside it.
            self._changed.wait_for(lambda: self._now > 1, 0.3)
        try:
            return convert(source, sink, on_progress)
        finally:
            with self._changed:
                self._now -= 1


def lose(env: ConversionEnvironment, *conversions: Conversion, alone: bool = False) -> None:
    """Let a worker die that runs these conversions."""
    for conversion in conversions:
        version = env.current(conversion).version
        assert env.leases.claim(conversion.id, "killed", LEASE, version, alone=alone)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.01)
    monkeypatch.setattr(loop, "LONGEST_POLL_PAUSE", 0.02)
    monkeypatch.setattr(loop, "LONG_POLL", 0.05)
    shorten_release_pause(monkeypatch, 0.02)


def test_the_neighbours_of_a_poison_file_are_converted_and_it_alone_is_given_up(
    env: ConversionEnvironment,
) -> None:
    poison, *innocent = [env.add_queued(owner) for owner in ("anna", "ben", "cleo")]
    lose(env, poison, *innocent)
    for _ in range(MAX_BLAMED_ATTEMPTS):
        lose(env, poison, alone=True)
    env.expire_leases()

    engine = CountingEngine()
    worker = new_worker(env, engine, slots=3)
    worker.start()
    eventually(lambda: all(env.current(c).status.is_terminal for c in (poison, *innocent)))
    worker.stop()

    assert [env.current(c).status for c in innocent] == ["completed", "completed"]
    error = env.current(poison).error
    assert error
    assert error.code == "worker_lost"
    assert engine.most == 1, "each of them ran alone"


def test_losses_beside_others_never_count_as_the_fault_of_the_file(
    env: ConversionEnvironment,
) -> None:
    """Only `MAX_ATTEMPTS` limits them, which is higher than the number of losses here."""
    conversion = env.add_queued()
    lose(env, conversion)
    for _ in range(MAX_BLAMED_ATTEMPTS + 1):
        taken = env.take_over(conversion, "killed")
        env.leases.set_loss_meaning(taken, LossMeaning.SHARED)

    env.run_next(env.runner(FakeEngine()), conversion)

    assert env.current(conversion).status == "completed"


def test_a_suspect_runs_in_a_worker_that_is_never_idle(
    env: ConversionEnvironment,
    engine: HeldEngine,
    start_worker: StartWorker,
) -> None:
    """What runs there and will not end soon yields, and nothing new starts before the suspect."""
    long = [env.add_queued("anna") for _ in range(2)]
    start_worker(slots=2, polls_queue=True)
    eventually(lambda: all(env.current(c).percent for c in long))
    suspect = env.add_queued("ben")
    lose(env, suspect)
    env.leases.release(env.take_over(suspect, "another"), yielded=True)
    env.conversions.cancel(long[0].id, "anna")  # a slot is free, and looks for what is next

    eventually(lambda: env.current(suspect).loss_meaning is LossMeaning.ALONE)

    assert (env.current(long[1]).status, env.current(long[1]).yielded) == ("queued", 1)
    engine.go.set()
    eventually(lambda: all(env.current(c).status == "completed" for c in (suspect, long[1])))
    assert env.current(long[1]).attempts == 2


def test_what_has_run_alone_for_long_is_no_longer_alone(
    env: ConversionEnvironment,
    engine: HeldEngine,
    start_worker: StartWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slots, "ALONE_AT_MOST", 0.3)
    suspect = env.add_queued("anna")
    lose(env, suspect)
    env.expire_leases()
    start_worker(slots=2, polls_queue=True)
    eventually(lambda: env.current(suspect).loss_meaning is LossMeaning.ALONE)
    other = env.add_queued("ben")

    eventually(lambda: env.current(other).status == "converting")

    assert env.current(suspect).loss_meaning is LossMeaning.SHARED
    assert env.current(suspect).status == "converting"


def test_a_worker_told_to_stop_marks_all_that_it_runs_as_leaving(
    env: ConversionEnvironment, engine: HeldEngine, start_worker: StartWorker
) -> None:
    running = [env.add_queued(owner) for owner in ("anna", "ben")]
    worker = start_worker(slots=2, polls_queue=True)
    eventually(lambda: all(env.current(c).status == "converting" for c in running))
    fail_calls(env.leases, "release", None)  # as if it were killed before it can release them

    worker.begin_stop()

    eventually(lambda: all(env.current(c).loss_meaning is LossMeaning.LEAVING for c in running))


def test_an_attempt_claimed_while_the_worker_stops_is_marked_too(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversion = env.add_queued()
    run = env.runner(FakeEngine(lambda *_: pytest.fail("the process was killed", pytrace=False)))
    marked: list[LossMeaning | None] = []
    original = env.leases.set_loss_meaning

    def record(held: Conversion, loss_meaning: LossMeaning) -> None:
        original(held, loss_meaning)
        marked.append(env.current(conversion).loss_meaning)

    monkeypatch.setattr(env.leases, "set_loss_meaning", record)
    run.claimed.leave()

    with pytest.raises(pytest.fail.Exception):
        run(conversion.id, ignore_heartbeat)

    assert marked == [LossMeaning.LEAVING]


def test_deployments_without_end_cost_a_conversion_nothing(env: ConversionEnvironment) -> None:
    conversion = env.add_queued()
    for n in range(20):
        taken = env.take_over(conversion, f"killed-{n}")
        env.leases.set_loss_meaning(taken, LossMeaning.LEAVING)

    env.run_next(env.runner(FakeEngine()), conversion)

    done = env.current(conversion)
    assert (done.status, done.suspect, done.yielded) == ("completed", False, 20)
