"""Objects in memory: one bucket, as the two ports and the URLs see it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from itertools import count
from urllib.parse import quote, urlencode

from libs.core.errors import MultipartUploadGone, ObjectMissing
from libs.core.ports.objects import MultipartUploads, NotErased, ObjectInfo, ObjectStore, OpenMultipartUpload, Part, UrlSigner

BLOCK = 64 * 1024
"""Bytes that `read` gives at a time."""


@dataclass(frozen=True)
class StoredObject:
    """An object with all that was said when it was stored."""

    body: bytes
    etag: str
    media_type: str
    metadata: Mapping[str, str]
    modified_at: float = 0.0


@dataclass
class _Multipart:
    key: str
    media_type: str
    metadata: Mapping[str, str]
    started_at: float
    parts: dict[int, tuple[bytes, str]] = field(default_factory=dict)


class MemoryBucket:
    """What a bucket holds. Share one between the adapters that shall see the same objects."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.Lock()
        self.clock = clock
        self.objects: dict[str, StoredObject] = {}
        self.multiparts: dict[str, _Multipart] = {}
        self.serial = count(1)


class MemoryObjectStore(ObjectStore):
    """Objects as values of a dict."""

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
        stored = StoredObject(bytes(body), _etag(body), media_type, dict(metadata), self._bucket.clock())
        with self._bucket.lock:
            self._bucket.objects[key] = stored
        return stored.etag

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        with self._bucket.lock:
            stored = [(key, found) for key, found in sorted(self._bucket.objects.items()) if key.startswith(prefix)]
        for key, found in stored:
            yield ObjectInfo(key, len(found.body), found.etag, found.modified_at)

    def erase(self, keys: Iterable[str]) -> Sequence[NotErased]:
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


class MemoryMultipartUploads(MultipartUploads):
    """Multipart uploads; unlike S3 it takes parts of any size, so that tests need no megabytes."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self._bucket = bucket

    def create(self, key: str, media_type: str, metadata: Mapping[str, str]) -> str:
        with self._bucket.lock:
            multipart_id = f"multipart-{next(self._bucket.serial)}"
            self._bucket.multiparts[multipart_id] = _Multipart(key, media_type, dict(metadata), self._bucket.clock())
        return multipart_id

    def put_part(self, key: str, multipart_id: str, number: int, body: bytes | memoryview) -> str:
        copied = bytes(body)
        etag = _etag(copied)
        with self._bucket.lock:
            self._find(key, multipart_id).parts[number] = (copied, etag)
        return etag

    def list_parts(self, key: str, multipart_id: str) -> Sequence[Part]:
        with self._bucket.lock:
            parts = sorted(self._find(key, multipart_id).parts.items())
        return [Part(number, len(body), etag) for number, (body, etag) in parts]

    def complete(self, key: str, multipart_id: str, parts: Sequence[Part]) -> str:
        with self._bucket.lock:
            multipart = self._find(key, multipart_id)
            chosen = [_matching(multipart, part) for part in parts]
            digest = md5(b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False).hexdigest()
            etag = f"{digest}-{len(parts)}"
            stored = StoredObject(b"".join(chosen), etag, multipart.media_type, multipart.metadata, self._bucket.clock())
            self._bucket.objects[key] = stored
            del self._bucket.multiparts[multipart_id]
        return stored.etag

    def abort(self, key: str, multipart_id: str) -> None:
        with self._bucket.lock:
            multipart = self._bucket.multiparts.get(multipart_id)
            if multipart and multipart.key == key:
                del self._bucket.multiparts[multipart_id]

    def list_open(self, prefix: str) -> Iterator[OpenMultipartUpload]:
        with self._bucket.lock:
            found = [OpenMultipartUpload(m.key, i, m.started_at) for i, m in self._bucket.multiparts.items() if m.key.startswith(prefix)]
        yield from sorted(found, key=lambda m: (m.key, m.started_at))

    def _find(self, key: str, multipart_id: str) -> _Multipart:
        multipart = self._bucket.multiparts.get(multipart_id)
        if multipart is None or multipart.key != key:
            raise MultipartUploadGone(f"There is no open multipart upload {multipart_id} for {key}.")
        return multipart


class MemoryUrlSigner(UrlSigner):
    """URLs that say what they are for, under a host that does not exist."""

    def sign_part(self, key: str, multipart_id: str, number: int, size: int, lifetime: int) -> str:
        return _url(key, partNumber=number, uploadId=multipart_id, size=size, lifetime=lifetime)

    def sign_download(self, key: str, filename: str, media_type: str, lifetime: int, *, inline: bool = False) -> str:
        disposition = "inline" if inline else "attachment"
        return _url(key, filename=filename, media_type=media_type, lifetime=lifetime, disposition=disposition)


def _matching(multipart: _Multipart, part: Part) -> bytes:
    body, etag = multipart.parts.get(part.number, (b"", ""))
    if etag != part.etag:
        raise ValueError(f"Part {part.number} was not stored with the ETag {part.etag}.")
    return body


def _etag(body: bytes) -> str:
    return md5(body, usedforsecurity=False).hexdigest()


def _url(key: str, **query: str | int) -> str:
    return f"https://memory.invalid/{quote(key)}?{urlencode(query)}"
