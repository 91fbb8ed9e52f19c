"""Keep multipart uploads in memory."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import md5

from libs.core.adapters.memory.bucket import MemoryBucket, OpenMultipart, StoredObject, etag_of
from libs.core.domain.uploads import MAX_PARTS
from libs.core.errors import MultipartUploadGone, PartsChanged
from libs.core.ports.multipart_uploads import MultipartUploads, OpenMultipartUpload, Part


class MemoryMultipartUploads(MultipartUploads):
    """Keep multipart uploads. Unlike S3, parts may have any size, so tests need no megabytes."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self._bucket = bucket

    def create(self, key: str, media_type: str, metadata: Mapping[str, str]) -> str:
        with self._bucket.lock:
            multipart_id = f"multipart-{next(self._bucket.serial)}"
            self._bucket.multiparts[multipart_id] = OpenMultipart(
                key, media_type, dict(metadata), self._bucket.clock()
            )
        return multipart_id

    def put_part(self, key: str, multipart_id: str, number: int, body: bytes | memoryview) -> str:
        copied = bytes(body)
        etag = etag_of(copied)
        with self._bucket.lock:
            self._find(key, multipart_id).parts[number] = (copied, etag)
        return etag

    def list_parts(
        self, key: str, multipart_id: str, first: int = 1, last: int = MAX_PARTS
    ) -> Sequence[Part]:
        with self._bucket.lock:
            parts = sorted(self._find(key, multipart_id).parts.items())
        return [
            Part(number, len(body), etag)
            for number, (body, etag) in parts
            if first <= number <= last
        ]

    def complete(self, key: str, multipart_id: str, parts: Sequence[Part]) -> str:
        with self._bucket.lock:
            multipart = self._find(key, multipart_id)
            chosen = [_matching(multipart, part) for part in parts]
            digest = md5(
                b"".join(bytes.fromhex(part.etag) for part in parts), usedforsecurity=False
            ).hexdigest()
            etag = f"{digest}-{len(parts)}"
            stored = StoredObject(
                b"".join(chosen),
                etag,
                multipart.media_type,
                multipart.metadata,
                self._bucket.clock(),
            )
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
            found = [
                OpenMultipartUpload(m.key, i, m.started_at)
                for i, m in self._bucket.multiparts.items()
                if m.key.startswith(prefix)
            ]
        yield from sorted(found, key=lambda m: (m.key, m.started_at))

    def _find(self, key: str, multipart_id: str) -> OpenMultipart:
        multipart = self._bucket.multiparts.get(multipart_id)
        if multipart is None or multipart.key != key:
            raise MultipartUploadGone(
                f"There is no open multipart upload {multipart_id} for {key}."
            )
        return multipart


def _matching(multipart: OpenMultipart, part: Part) -> bytes:
    body, etag = multipart.parts.get(part.number, (b"", ""))
    if etag != part.etag:
        raise PartsChanged(f"Part {part.number} was not stored with the ETag {part.etag}.")
    return body
