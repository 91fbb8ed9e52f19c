"""Limit the processor time that a sandboxed process takes from the worker."""

import time
from collections.abc import Callable


class ProcessorBudget:
    """Limit the processor time that serving a process takes: a burst, and a share for longer.

    All conversions of a worker share one interpreter, so whoever is served without end slows the
    others down. What is not served waits, and the process with it.
    """

    def __init__(
        self, burst: float, share: float, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with the whole burst, in seconds."""
        self._burst, self._share, self._timer = burst, share, timer
        self._left, self._looked = burst, timer()

    def spend(self, seconds: float) -> float:
        """Take processor time that was used; return the seconds to wait before going on."""
        now = self._timer()
        earned = self._left + (now - self._looked) * self._share
        self._left, self._looked = min(earned, self._burst) - seconds, now
        return max(0.0, -self._left / self._share)
