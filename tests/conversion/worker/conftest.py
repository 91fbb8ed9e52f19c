"""Start workers whose polls and pauses are short."""

from collections.abc import Iterator

import pytest

from libs.core import background
from services.conversion.worker import loop
from services.conversion.worker.loop import Worker
from tests.conversion.support import ConversionEnvironment
from tests.conversion.worker.support import (
    HeldEngine,
    StartWorker,
    new_worker,
    shorten_release_pause,
)


@pytest.fixture
def engine() -> Iterator[HeldEngine]:
    """Return an engine that is let go when the test ends."""
    engine = HeldEngine()
    yield engine
    engine.go.set()


@pytest.fixture
def start_worker(
    env: ConversionEnvironment, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch
) -> Iterator[StartWorker]:
    """Return a function that starts workers, which only messages wake by default."""
    monkeypatch.setattr(loop, "LONG_POLL", 0.05)
    shorten_release_pause(monkeypatch, 0.05)
    monkeypatch.setattr(background, "LONGEST_RETRY", 0.05)
    started: list[Worker] = []

    def start(slots: int = 1, *, polls_queue: bool = False, lease: float = 5) -> Worker:
        worker = new_worker(env, engine, slots, lease, polls_queue=polls_queue)
        worker.start()
        started.append(worker)
        return worker

    yield start
    engine.go.set()
    for worker in started:
        worker.stop()
