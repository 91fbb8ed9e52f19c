"""Provide an engine that blocks until released, worker factories, and assertion helpers."""

import threading
from collections.abc import Callable

import pytest

from libs.core.domain.conversions import Conversion
from libs.core.domain.events import ConversionQueued
from services.conversion.ports import ConversionResult, EngineProgress, OutputSink, SourceBytes
from services.conversion.worker import loop, slot_threads, task_runner
from services.conversion.worker.loop import Worker
from tests.conversion.support import LEASE, ConversionEnvironment, FakeEngine, convert

StartWorker = Callable[..., Worker]


class HeldEngine(FakeEngine):
    """Report progress in every conversion until `go` is set, then end it."""

    def __init__(self) -> None:
        super().__init__(self._hold)
        self.go = threading.Event()

    def _hold(
        self,
        source: SourceBytes,
        sink: OutputSink,
        on_progress: Callable[[EngineProgress], None],
    ) -> ConversionResult:
        while not self.go.wait(0.01):
            on_progress(EngineProgress("converting", 10.0))
        return convert(source, sink, on_progress)


def new_worker(
    env: ConversionEnvironment,
    engine: FakeEngine,
    slots: int = 1,
    lease: float = LEASE,
    drain: float = 0.1,
    *,
    polls_queue: bool = True,
) -> Worker:
    """Return a worker that is not started; without `polls_queue` only messages wake it."""
    worker = Worker(
        env.inbox,
        env.runner(engine),
        env.choose_next,
        env.mark_uploaded,
        env.check_awaited_uploads,
        slots,
        lease,
        drain,
    )
    if not polls_queue:
        # It would compete with the messages for the conversions.
        vars(worker)["poll_queue"] = lambda _stop: None
        vars(worker)["check_awaited_uploads"] = lambda _stop: None
    return worker


def shorten_release_pause(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let conversions that were released be tried again soon."""
    for module in (loop, slot_threads, task_runner):
        monkeypatch.setattr(module, "RELEASE_PAUSE", seconds)


def announce(env: ConversionEnvironment, *conversions: Conversion) -> None:
    """Send the message that the stream sends for each queued conversion."""
    for conversion in conversions:
        env.inbox.send(ConversionQueued(conversion.id))


def status(env: ConversionEnvironment, conversion: Conversion) -> str:
    """Return the present status of a conversion."""
    return env.current(conversion).status


def count_messages(env: ConversionEnvironment) -> int:
    """Count the messages in the inbox, hidden ones included."""
    return len(env.inbox._messages)
