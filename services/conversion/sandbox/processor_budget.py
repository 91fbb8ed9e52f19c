"""Limit the processor time that sandboxed processes take from the worker.

All conversions of a worker share one interpreter, so whoever is served without end slows the others
down. What is not served waits, and the process with it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

MAX_SHARE = 0.15
"""Share of one processor that serving one process may take for long. FFmpeg makes 1,000 calls a
second at full speed and needs 3 to 6 % of a processor for them."""
MIN_SHARE = 0.06
"""What a process may take, however many are running."""
TOTAL_SHARE = 0.5
"""Share of one processor for all processes together, unless each has no more than `MIN_SHARE`."""
_MAX_SAVED = 0.1
"""Most seconds that a process saves up while it takes less than its share."""
_SAVED_AT_START = 0.01
"""Seconds that a new process has saved up. Starting a program takes 4 ms."""


class SharedBudget:
    """Hold what all processes of a worker share. Thread-safe.

    That is `TOTAL_SHARE`, and a burst: seconds that they may take together beyond their shares. A
    burst for each process would be as much again with each short conversion. The log of a song
    text of 100,000 lines takes two seconds.
    """

    def __init__(
        self,
        burst: float = 10.0,
        burst_share: float = 0.1,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with all seconds of the burst; `burst_share` of one processor comes back."""
        self._most, self._burst_share, self._timer = burst, burst_share, timer
        self._left, self._looked = burst, timer()
        self._running = 0
        self._lock = threading.Lock()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count a process that runs within the block."""
        with self._lock:
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def share_of_each(self) -> float:
        """Return the share of one processor that serving each process may take."""
        return min(MAX_SHARE, max(MIN_SHARE, TOTAL_SHARE / max(1, self._running)))

    def take(self, seconds: float) -> float:
        """Take processor time of the burst, as far as it is left; return how much that was."""
        with self._lock:
            now = self._timer()
            left = min(self._left + (now - self._looked) * self._burst_share, self._most)
            taken = min(seconds, left)
            self._left, self._looked = left - taken, now
            return taken


SHARED = SharedBudget()
"""That of this worker."""


class ProcessorBudget:
    """Limit the processor time that serving one process takes. Thread-safe."""

    def __init__(
        self,
        shared: SharedBudget | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared, self._timer = shared or SHARED, timer
        self._left, self._looked = _SAVED_AT_START, timer()
        self._lock = threading.Lock()

    def running(self) -> AbstractContextManager[None]:
        """Count the process among those that share a processor, within the block."""
        return self._shared.running()

    def spend(self, seconds: float) -> float:
        """Take processor time that was used; return the seconds to wait before going on."""
        share = self._shared.share_of_each()
        with self._lock:
            now = self._timer()
            left = min(self._left + (now - self._looked) * share, _MAX_SAVED) - seconds
            if left < 0:
                left += self._shared.take(-left)
            self._left, self._looked = left, now
            return max(0.0, -left / share)
