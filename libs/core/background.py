"""Run work beside requests, in threads that live as long as the application does."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from threading import Event as StopEvent
from threading import Thread
from typing import Any

import anyio
import structlog

from libs.core.errors import CoreError

log = structlog.get_logger(__name__)

Target = Callable[[StopEvent], None]
"""Run until the event is set."""

JOIN_TIMEOUT = 2.0
"""Seconds that a thread has to see the stop event. After that, its work ends with the process, and
another process repeats it."""

FIRST_RETRY = 0.5
"""Seconds before a step that failed is repeated; doubled for each further failure in a row."""

LONGEST_RETRY = 10.0
"""Maximum seconds between two tries, so that a recovered backend is used soon."""


class BackgroundThreads:
    """Run targets in daemon threads, and stop them together."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads: list[Thread] = []
        self.stop = StopEvent()

    def start(self, *targets: Target) -> None:
        """Start one thread for each target."""
        for target in targets:
            name = f"{self._name}-{len(self._threads)}"
            thread = Thread(target=target, args=(self.stop,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def join(self, timeout: float = JOIN_TIMEOUT) -> None:
        """Set the stop event and wait up to `timeout` seconds for all threads together."""
        self.stop.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                log.warning("background.thread_abandoned", thread=thread.name)


def run_in_background(
    name: str, *targets: Target
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Return a lifespan that runs each target in a thread until the application stops."""

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        threads = BackgroundThreads(name)
        threads.start(*targets)
        try:
            yield
        finally:
            threads.stop.set()
            await anyio.to_thread.run_sync(threads.join, abandon_on_cancel=True)

    return lifespan


def retry_forever(
    step: Callable[[StopEvent], object], *, pause: float = 0.0, first_retry: float = FIRST_RETRY
) -> Target:
    """Return a target that repeats a step until it is stopped, whatever the step raises.

    Args:
        step: What is repeated; it gets the stop event.
        pause: Seconds between the end of a step that succeeded and the next.
        first_retry: Seconds before a failed step is repeated. Each further failure in a row doubles
            them, up to `LONGEST_RETRY`.
    """

    def run(stop: StopEvent) -> None:
        wait = first_retry
        while not stop.is_set():
            try:
                step(stop)
            except Exception as error:  # a loop that ends is work that nobody does any more
                expected = isinstance(error, CoreError)
                log.warning(
                    "background.step_failed",
                    step=getattr(step, "__qualname__", type(step).__name__),
                    reason=f"{type(error).__name__}: {error}",
                    exc_info=None if expected else error,
                )
                stop.wait(min(wait, LONGEST_RETRY))
                wait *= 2
            else:
                wait = first_retry
                stop.wait(pause)

    return run


def run_periodically(seconds: float, action: Callable[[], object]) -> Target:
    """Return a target that waits, acts, and repeats both, also after an action that failed."""

    def act(stop: StopEvent) -> None:
        if not stop.wait(seconds):
            action()

    return retry_forever(act, first_retry=0.0)
