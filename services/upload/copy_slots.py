"""Limit the files that one process copies within S3 at once."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock

COPIES_AT_ONCE = 8
"""Files that one process copies at once. Each holds a thread that handles requests."""

COPIES_OF_CLIENT = 6
"""Files of one client address among them, so that others find a slot."""

BUFFERS = 8
"""Parts of files that are too small for S3 to copy, which a process holds in memory at once. Each
has up to 5 MiB, of which there are two or three copies for some moments."""

BUFFERS_OF_CLIENT = 6
"""Buffers of one client address among them. Its joins would otherwise keep all of them until they
end, because a thread that releases a buffer may take it again before one that waits."""


class CopySlots:
    """Give slots to files that are copied. Thread-safe."""

    def __init__(self) -> None:
        self._held: Counter[str] = Counter()
        self._lock = Lock()
        self._buffers: Counter[str] = Counter()
        self._buffer_released = Condition()

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
    def buffer(self, client: str) -> Iterator[None]:
        """Wait until there is memory for a part, and hold it for the length of the block."""
        with self._buffer_released:
            self._buffer_released.wait_for(lambda: self._has_buffer(client))
            self._buffers[client] += 1
        try:
            yield
        finally:
            with self._buffer_released:
                self._buffers[client] -= 1
                if not self._buffers[client]:
                    del self._buffers[client]
                self._buffer_released.notify_all()

    def _has_buffer(self, client: str) -> bool:
        return self._buffers.total() < BUFFERS and self._buffers[client] < BUFFERS_OF_CLIENT
