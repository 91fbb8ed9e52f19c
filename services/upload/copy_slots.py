"""Limit the files that one process copies within S3 at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock, Semaphore

COPIES_AT_ONCE = 8
"""Files that one process copies at once. Each holds a thread that handles requests."""

COPIES_OF_CLIENT = 6
"""Files of one client address among them, so that others find a slot."""

BUFFERS = 8
"""Parts of files that are too small for S3 to copy, which a process holds in memory at once. Each
has up to 5 MiB, of which there are two or three copies for some moments."""


class CopySlots:
    """Give slots to files that are copied. Thread-safe."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._lock = Lock()
        self._buffers = Semaphore(BUFFERS)

    @contextmanager
    def hold(self, client: str) -> Iterator[bool]:
        """Hold a slot for the length of the block; yield False if this client gets none now."""
        with self._lock:
            is_free = self._held.total() < COPIES_AT_ONCE and self._held[client] < COPIES_OF_CLIENT
            self._held[client] += is_free
        try:
            yield is_free
        finally:
            with self._lock:
                self._held[client] -= is_free
                if not self._held[client]:
                    del self._held[client]

    @contextmanager
    def buffer(self) -> Iterator[None]:
        """Wait until there is memory for a part, and hold it for the length of the block."""
        with self._buffers:
            yield
