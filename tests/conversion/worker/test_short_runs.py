"""Test that a conversion also pauses for others before it decodes: while its source is probed."""

import threading
from collections.abc import Callable, Iterator

import pytest

from services.conversion.ffmpeg.process import FfmpegProgress
from services.conversion.pipeline import progress_tracker
from services.conversion.pipeline.progress_tracker import ProgressTracker
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import loop, pausing, progress_writer, time_sharing
from services.conversion.worker.loop import Worker
from tests.conversion.support import ConversionEnvironment, FakeEngine, convert
from tests.conversion.worker.support import new_worker
from tests.fakes import A_SOURCE
from tests.fault_injection import eventually

Step = Callable[[ProgressTracker], None]


def a_short_run(tracker: ProgressTracker) -> None:
    """Go on as a run of FFmpeg does, which stands still while it is told to."""
    while not tracker.on_short_run(FfmpegProgress()):
        pass


def an_unmeasured_step(tracker: ProgressTracker) -> None:
    tracker.on_unmeasured_step()


class ProbingEngine(FakeEngine):
    """Probe the first source until `go` is set, and convert the others until `may_end` is."""

    def __init__(self, step: Step) -> None:
        super().__init__(self._work)
        self._step = step
        self.go, self.may_end = threading.Event(), threading.Event()
        self.stands_still, self.goes_on = threading.Event(), threading.Event()
        self._reports = 0

    def _work(
        self, source: SourceBytes, sink: OutputSink, on_progress: Callable[[EngineProgress], None]
    ) -> ConversionResult:
        if len(self.jobs) == 1:
            self._probe(on_progress)
        while not self.may_end.wait(0.01):
            on_progress(EngineProgress("converting", 10.0, eta_seconds=1.0, source=A_SOURCE))
        return convert(source, sink, on_progress)

    def _probe(self, on_progress: Callable[[EngineProgress], None]) -> None:
        def report(progress: EngineProgress) -> None:
            on_progress(progress)
            self.go.wait(0.001)
            self._reports += 1
            if self._reports > 2:  # within one step
                self.stands_still.set()

        tracker = ProgressTracker(report, self.jobs[0].is_paused)
        while not self.go.is_set():
            self._reports = 0
            self._step(tracker)
            if self.stands_still.is_set():
                self.goes_on.set()


@pytest.fixture(params=[a_short_run, an_unmeasured_step])
def engine(request: pytest.FixtureRequest) -> ProbingEngine:
    return ProbingEngine(request.param)


@pytest.fixture
def worker(
    env: ConversionEnvironment, engine: ProbingEngine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Worker]:
    monkeypatch.setattr(progress_tracker, "REPORT_INTERVAL", 0.0)
    monkeypatch.setattr(progress_writer, "REPORT_EVERY", 0.01)
    monkeypatch.setattr(loop, "LONG_POLL", 0.05)
    monkeypatch.setattr(loop, "LONGEST_POLL_PAUSE", 0.05)
    monkeypatch.setattr(pausing, "CHECK_EVERY", 0.02)
    monkeypatch.setattr(time_sharing, "TURN", 0.1)
    worker = new_worker(env, engine, slots=1)
    worker.start()
    yield worker
    engine.go.set()
    engine.may_end.set()
    worker.stop()


def test_a_probe_stands_still_while_another_waits_and_goes_on_afterwards(
    env: ConversionEnvironment, engine: ProbingEngine, worker: Worker
) -> None:
    slow = env.add_queued("anna")
    eventually(lambda: engine.jobs)

    other = env.add_queued("ben")

    eventually(engine.stands_still.is_set)
    engine.may_end.set()
    eventually(lambda: env.current(other).status == "completed")
    eventually(engine.goes_on.is_set)
    engine.go.set()
    eventually(lambda: env.current(slow).status == "completed")
    assert env.current(slow).attempts == 1, "no work was lost"
    eventually(lambda: worker._slots._taken == worker._slots._paused == 0)


@pytest.mark.parametrize("end", ["cancelled", "deleted", "worker stopped"])
def test_a_probe_that_stands_still_can_be_ended(
    env: ConversionEnvironment, engine: ProbingEngine, worker: Worker, end: str
) -> None:
    slow = env.add_queued("anna")
    eventually(lambda: engine.jobs)
    env.add_queued("ben")
    eventually(engine.stands_still.is_set)

    if end == "worker stopped":
        worker.stop()
    elif end == "deleted":
        env.conversions.remove(slow.id, "anna")
    else:
        env.conversions.cancel(slow.id, "anna")

    eventually(lambda: slow.id not in worker._claimed.by_id())
