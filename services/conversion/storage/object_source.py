"""Read the source object by ranged GETs, through faults."""

from collections.abc import Iterator
from threading import Event

from libs.core.errors import StorageUnavailable
from libs.core.ports.objects import ObjectStore
from services.conversion.ports import SourceBytes

READ_PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""Seconds after each fault in a row without a byte in between; after one more the source counts as out of reach."""


class ObjectSource(SourceBytes):
    """An object, read by ranged GETs that go on where one broke off. After `close` a read that meets a fault ends with it."""

    def __init__(self, objects: ObjectStore, key: str, size: int) -> None:
        self._objects = objects
        self._key = key
        self.size = size
        self._closed = Event()

    def close(self) -> None:
        self._closed.set()

    def read(self, start: int, end: int) -> Iterator[bytes]:
        faults = 0
        while start < end:
            try:
                for block in self._objects.read(self._key, start, end):
                    yield block
                    start += len(block)
                    faults = 0
                if start < end:
                    raise StorageUnavailable("The object ended early.", retry_after=1)
            except StorageUnavailable:
                if faults == len(READ_PAUSES) or self._closed.wait(READ_PAUSES[faults]):
                    raise
                faults += 1
