"""Work beside the requests: threads that live as long as the app does."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from threading import Event as Flag
from threading import Thread
from typing import Any

import anyio
import structlog

log = structlog.get_logger(__name__)

STOPPING = 2.0
"""Seconds that a thread has to see its flag; what it is in after that ends with the process, and comes again."""


def run_in_background(
    name: str, *targets: Callable[[Flag], None]
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """A lifespan that runs each target in a thread, with the flag that tells it to stop."""

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        stop = Flag()
        threads = [
            Thread(target=target, args=(stop,), name=f"{name}-{n}", daemon=True)
            for n, target in enumerate(targets)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            await anyio.to_thread.run_sync(_join, threads, abandon_on_cancel=True)

    return lifespan


def _join(threads: list[Thread]) -> None:
    deadline = time.monotonic() + STOPPING
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
        if thread.is_alive():
            log.warning("worker.abandoned", thread=thread.name)


def every(seconds: float, action: Callable[[], object]) -> Callable[[Flag], None]:
    """A target that does something again and again, whatever becomes of it each time."""

    def run(stop: Flag) -> None:
        while not stop.wait(seconds):
            try:
                action()
            except Exception:
                log.exception("worker.failed")

    return run
