"""Test that a conversion that reads its output back in a pause ends, or can be ended."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from libs.core.domain.conversions import Conversion
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import loop, progress_writer
from services.conversion.worker.loop import Worker
from tests.conversion.support import ConversionEnvironment, FakeEngine, convert
from tests.conversion.worker.support import new_worker
from tests.fault_injection import eventually


class ReadingBack(FakeEngine):
    """Be in the last phase until `done` is set and there is no pause, which needs no more time."""

    def __init__(self) -> None:
        super().__init__(self._read_back)
        self.done = threading.Event()

    def _read_back(
        self, source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        (job,) = self.jobs
        while not self.done.wait(0.01) or job.is_paused():
            on_progress(EngineProgress("storing", 99.0))
            time.sleep(0.001)
        return convert(source, sink, on_progress)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadingBack]:
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.01)
    monkeypatch.setattr(loop, "LONG_POLL", 0.1)
    monkeypatch.setattr(loop, "STOP_MARGIN", 2.0)
    engine = ReadingBack()
    yield engine
    engine.done.set()


@pytest.fixture
def conversion(env: ConversionEnvironment) -> Conversion:
    return env.add_queued()


def read_back_and_pause(
    env: ConversionEnvironment, engine: ReadingBack, conversion: Conversion, drain: float
) -> Worker:
    """Return a worker whose only conversion is paused, as if its slot were another's."""
    worker = new_worker(env, engine, drain=drain)
    worker.start()
    eventually(lambda: env.current(conversion).phase == "storing")
    (use,) = worker._sharing._uses
    assert worker._sharing.pause(use, "another")
    return worker


def test_it_goes_on_at_once_when_the_worker_stops(
    env: ConversionEnvironment, engine: ReadingBack, conversion: Conversion
) -> None:
    worker = read_back_and_pause(env, engine, conversion, drain=20.0)
    engine.done.set()

    worker.stop()

    assert (env.current(conversion).status, env.current(conversion).attempts) == ("completed", 1)


def test_it_is_released_if_it_takes_longer_than_the_drain(
    env: ConversionEnvironment, engine: ReadingBack, conversion: Conversion
) -> None:
    worker = read_back_and_pause(env, engine, conversion, drain=0.2)

    worker.stop()

    assert (env.current(conversion).status, env.current(conversion).yielded) == ("queued", 1)


@pytest.mark.parametrize(("is_done", "status"), [(True, "completed"), (False, "queued")])
def test_it_goes_on_or_is_released_if_another_must_run_alone(
    env: ConversionEnvironment,
    engine: ReadingBack,
    conversion: Conversion,
    is_done: bool,
    status: str,
) -> None:
    worker = read_back_and_pause(env, engine, conversion, drain=0.2)
    if is_done:
        engine.done.set()

    with worker._slots.reserve_all(patience=10.0 if is_done else 0.5) as granted:
        assert granted
        assert env.current(conversion).status == status
        worker._slots.close()


def test_it_does_not_yield_for_one_that_waits(
    env: ConversionEnvironment, engine: ReadingBack, conversion: Conversion
) -> None:
    """Its parts are one object by now, so all work would be repeated."""
    worker = read_back_and_pause(env, engine, conversion, drain=0.2)
    (use,) = worker._sharing._uses
    use.must_yield = True
    version = env.current(conversion).version
    eventually(lambda: env.current(conversion).version > version + 3)

    assert worker._sharing.resume(conversion.id)
    engine.done.set()

    eventually(lambda: env.current(conversion).status == "completed")
    worker.stop()
    assert env.current(conversion).attempts == 1
