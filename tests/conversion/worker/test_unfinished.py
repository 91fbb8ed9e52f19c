"""Test attempts that ended while the table did not answer (faults 19, 20, 31 and 35)."""

from collections.abc import Callable
from threading import Event

import pytest

from libs.core.domain.conversions import ConversionStatus
from libs.core.errors import LeaseLost, StorageUnavailable
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker.retry_policy import MAX_BLAMED_ATTEMPTS
from tests.conversion.support import ConversionEnvironment, FakeEngine, ignore_heartbeat
from tests.conversion.worker.support import HeldEngine, new_worker


def frozen_while(interrupt: Callable[[], object]) -> FakeEngine:
    """Return an engine that finds its lease lost after an interruption."""

    def script(
        _source: SourceBytes, _sink: OutputSink, _on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        interrupt()
        raise LeaseLost("as the next report would say")

    return FakeEngine(script)


@pytest.mark.parametrize("freezes", [1, MAX_BLAMED_ATTEMPTS + 1])
def test_a_worker_that_was_frozen_takes_the_blame_from_the_file(
    env: ConversionEnvironment, freezes: int
) -> None:
    conversion = env.add_queued()

    def another_takes_over() -> None:
        env.leases.release(env.take_over(conversion, "another"), yielded=True)

    for _ in range(freezes):
        env.run_next(env.runner(frozen_while(another_takes_over)), conversion)
    env.run_next(env.runner(FakeEngine()), conversion)

    assert env.current(conversion).status is ConversionStatus.COMPLETED


def test_an_unreleased_attempt_is_released_when_the_table_is_back(
    env: ConversionEnvironment, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversion = env.add_queued()
    worker = new_worker(env, engine, slots=0)
    worker._unfinished.add(env.take_over(conversion, "worker-1"))
    with monkeypatch.context() as outage:
        outage.setattr(env.leases, "release", unavailable)
        worker.poll_queue(Event())
        assert env.current(conversion).status is ConversionStatus.CONVERTING

    worker.poll_queue(Event())

    released = env.current(conversion)
    assert (released.status, released.unblamed_count) == (ConversionStatus.QUEUED, 1)


def test_what_cannot_be_written_at_its_end_is_remembered(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversion = env.add_queued()
    run = env.runner(FakeEngine())
    with monkeypatch.context() as outage:
        outage.setattr(env.objects, "read", unavailable)
        outage.setattr(env.leases, "release", unavailable)
        with pytest.raises(StorageUnavailable):
            run(conversion.id, ignore_heartbeat, alone=True)
    assert env.current(conversion).status is ConversionStatus.CONVERTING

    run.unfinished.settle()

    assert env.current(conversion).status is ConversionStatus.QUEUED
    run.unfinished.settle()
    assert env.current(conversion).unblamed_count == 1, "once"


def test_a_publication_that_took_effect_stands(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversion = env.add_queued()
    run = env.runner(FakeEngine())
    publish = env.leases.publish

    def lose_reply(*args: object) -> None:
        publish(*args)  # type: ignore[arg-type]
        raise StorageUnavailable("The reply was lost.", retry_after=1)

    with monkeypatch.context() as outage:
        outage.setattr(env.leases, "publish", lose_reply)
        outage.setattr(env.leases, "release", unavailable)
        with pytest.raises(StorageUnavailable):
            run(conversion.id, ignore_heartbeat)
    done = env.current(conversion)

    run.unfinished.settle()

    assert done.status is ConversionStatus.COMPLETED
    assert env.current(conversion) == done
    assert done.output
    assert set(env.outputs(conversion)) == {done.output.key}


def unavailable(*_: object, **__: object) -> None:
    """Fail as every call does during an outage."""
    raise StorageUnavailable("Our storage cannot be reached right now.", retry_after=2)
