"""Hold named leases in memory."""

import threading
import time
from collections.abc import Callable

from libs.core.ports.named_leases import NamedLeases


class MemoryNamedLeases(NamedLeases):
    """Remember the holder of each name, and until when."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, tuple[str, float]] = {}

    def acquire(self, name: str, holder: str, seconds: float) -> bool:
        with self._lock:
            now = self._clock()
            current, until = self._held.get(name, (holder, now))
            if current != holder and until > now:
                return False
            self._held[name] = (holder, now + seconds)
            return True

    def release(self, name: str, holder: str) -> None:
        with self._lock:
            if self._held.get(name, ("", 0))[0] == holder:
                del self._held[name]
