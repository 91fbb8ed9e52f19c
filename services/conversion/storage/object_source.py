"""Read the source object by ranged GETs, with retries."""

from collections.abc import Iterator
from threading import Event

from libs.core.errors import StorageUnavailable
from libs.core.ports.objects import ObjectStore
from services.conversion.ports import SourceBytes

READ_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""Delays after each consecutive failure, in seconds; the failure after the last one is final."""


class ObjectSource(SourceBytes):
    """Read an object by ranged GETs that continue where one broke off.

    After `close`, a read ends at its next failure instead of retrying.
    """

    def __init__(self, objects: ObjectStore, key: str, size: int) -> None:
        self._objects = objects
        self._key = key
        self.size = size
        self._closed = Event()

    def close(self) -> None:
        """Stop retrying."""
        self._closed.set()

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes of the range. Raises StorageUnavailable after the last retry."""
        failures = 0
        while start < end:
            try:
                for block in self._objects.read(self._key, start, end):
                    yield block
                    start += len(block)
                    failures = 0
                if start < end:
                    raise StorageUnavailable("The object ended early.", retry_after=1)
            except StorageUnavailable:
                if failures == len(READ_PAUSES) or self._closed.wait(READ_PAUSES[failures]):
                    raise
                failures += 1
