"""Run asynchronous tests in virtual time: nothing waits, and a busy machine changes nothing."""

import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Let the time pass at once when nothing else is to be done."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everything waits for something that never happens"
        self.now += max(timeout, 0.0)
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Begin at 0 seconds, and jump to the next timer whenever all tasks wait."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        """Return the virtual time."""
        return self._virtual.now


def run_in_virtual_time(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test to its end. It must not use threads, sockets or processes.

    `anyio.run` would set a context in which more of anyio works than in a server's callbacks.
    """

    async def run() -> None:
        await test()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(run())
