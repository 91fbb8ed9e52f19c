"""Store objects in memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from libs.core.adapters.memory.bucket import MemoryBucket, StoredObject, etag_of
from libs.core.errors import ObjectMissing
from libs.core.ports.objects import ObjectInfo, ObjectStore, UndeletedObject

BLOCK = 64 * 1024
"""Bytes of one block of `read`."""


class MemoryObjectStore(ObjectStore):
    """Store objects in a MemoryBucket."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self._bucket = bucket

    def head(self, key: str) -> ObjectInfo:
        stored = self._find(key)
        return ObjectInfo(key, len(stored.body), stored.etag, stored.modified_at)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        body = self._find(key).body
        end = min(end, len(body))
        for at in range(start, end, BLOCK):
            yield body[at : min(at + BLOCK, end)]

    def put(self, key: str, body: bytes, media_type: str, metadata: Mapping[str, str]) -> str:
        stored = StoredObject(
            bytes(body), etag_of(body), media_type, dict(metadata), self._bucket.clock()
        )
        with self._bucket.lock:
            self._bucket.objects[key] = stored
        return stored.etag

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        with self._bucket.lock:
            stored = [
                (key, found)
                for key, found in sorted(self._bucket.objects.items())
                if key.startswith(prefix) and key > after
            ]
        for key, found in stored:
            yield ObjectInfo(key, len(found.body), found.etag, found.modified_at)

    def delete(self, keys: Iterable[str]) -> Sequence[UndeletedObject]:
        for key in keys:
            with self._bucket.lock:
                self._bucket.objects.pop(key, None)
        return []

    def _find(self, key: str) -> StoredObject:
        with self._bucket.lock:
            stored = self._bucket.objects.get(key)
        if stored is None:
            raise ObjectMissing(f"There is no object {key}.")
        return stored
