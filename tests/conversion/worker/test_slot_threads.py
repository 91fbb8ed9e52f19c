"""Test slots for which the system has no thread."""

import threading
from threading import Event

import pytest

from libs.core.domain.conversions import ConversionStatus
from tests.conversion.support import ConversionEnvironment
from tests.conversion.worker.support import HeldEngine, new_worker
from tests.fault_injection import eventually


def test_a_slot_without_a_thread_is_free_again(
    env: ConversionEnvironment, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    conversion = env.add_queued()
    worker = new_worker(env, engine)
    engine.go.set()

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError):
            worker.poll_queue(Event())
    assert not worker.is_busy()

    worker.poll_queue(Event())

    eventually(lambda: env.current(conversion).status is ConversionStatus.COMPLETED)
    eventually(lambda: not worker.is_busy())
