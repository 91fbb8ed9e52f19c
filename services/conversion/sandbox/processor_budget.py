"""Limit the processor time that sandboxed processes take from the worker.

All conversions of a worker share one interpreter, so whoever is served without end slows the others
down. What is not served waits, and the process with it.
"""

import threading
import time
from collections.abc import Callable

SHARE = 0.15
"""Share of one processor that serving one process may take for long. FFmpeg makes 1,000 calls a
second at full speed and needs 3 to 6 % of a processor for them."""
_MAX_SAVED = 0.1
"""Most seconds that a process saves up while it takes less than its share."""


class SharedBurst:
    """Hold what all processes together may take beyond their shares.

    A burst for each process would be as much again with each short conversion. The log of a song
    text of 100,000 lines takes two seconds.
    """

    def __init__(
        self,
        seconds: float = 10.0,
        share: float = 0.1,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with all seconds; `share` of one processor comes back."""
        self._most, self._share, self._timer = seconds, share, timer
        self._left, self._looked = seconds, timer()
        self._lock = threading.Lock()

    def take(self, seconds: float) -> float:
        """Take processor time, as far as it is left; return how much that was."""
        with self._lock:
            now = self._timer()
            left = min(self._left + (now - self._looked) * self._share, self._most)
            taken = min(seconds, left)
            self._left, self._looked = left - taken, now
            return taken


BURST = SharedBurst()
"""That of this worker."""


class ProcessorBudget:
    """Limit the processor time that serving one process takes. Thread-safe."""

    def __init__(
        self,
        share: float = SHARE,
        burst: SharedBurst | None = None,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._share, self._burst, self._timer = share, burst or BURST, timer
        self._left, self._looked = 0.0, timer()
        self._lock = threading.Lock()

    def spend(self, seconds: float) -> float:
        """Take processor time that was used; return the seconds to wait before going on."""
        with self._lock:
            now = self._timer()
            left = min(self._left + (now - self._looked) * self._share, _MAX_SAVED) - seconds
            if left < 0:
                left += self._burst.take(-left)
            self._left, self._looked = left, now
            return max(0.0, -left / self._share)
