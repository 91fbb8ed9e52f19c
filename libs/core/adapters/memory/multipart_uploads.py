"""Keep multipart uploads in memory."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import md5, sha1, sha256
from zlib import crc32

from awscrt import checksums

from libs.core.adapters.memory.bucket import MemoryBucket, OpenMultipart, StoredObject, etag_of
from libs.core.domain.checksums import ChecksumAlgorithm, PartChecksum
from libs.core.domain.uploads import S3_MAX_PARTS
from libs.core.errors import ChecksumMismatch, MultipartUploadGone, ObjectMissing, PartsChanged
from libs.core.ports.multipart_uploads import MultipartUploads, OpenMultipartUpload, Part

DIGESTS: dict[ChecksumAlgorithm, Callable[[bytes], str]] = {
    "sha256": lambda body: _base64(sha256(body).digest()),
    "sha1": lambda body: _base64(sha1(body, usedforsecurity=False).digest()),
    "crc64nvme": lambda body: _base64(checksums.crc64nvme(body).to_bytes(8, "big")),
    "crc32c": lambda body: _base64(checksums.crc32c(body).to_bytes(4, "big")),
    "crc32": lambda body: _base64(crc32(body).to_bytes(4, "big")),
}


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

    def put_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        body: bytes | memoryview,
        checksum: PartChecksum | None = None,
    ) -> str:
        copied = bytes(body)
        if checksum and checksum.value != DIGESTS[checksum.algorithm](copied):
            raise ChecksumMismatch("The bytes do not match their checksum.")
        etag = etag_of(copied)
        with self._bucket.lock:
            self._find(key, multipart_id).parts[number] = (copied, etag)
        return etag

    def copy_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        source: str,
        start: int,
        end: int,
        *,
        is_whole: bool = False,
    ) -> Part:
        del is_whole  # ranges of small objects are copied here, too
        with self._bucket.lock:
            stored = self._bucket.objects.get(source)
        if stored is None:
            raise ObjectMissing(f"There is no object {source}.")
        etag = self.put_part(key, multipart_id, number, stored.body[start:end])
        return Part(number, end - start, etag)

    def list_parts(
        self, key: str, multipart_id: str, first: int = 1, last: int = S3_MAX_PARTS
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

    def list_open(self, prefix: str, after: str = "") -> Iterator[OpenMultipartUpload]:
        with self._bucket.lock:
            found = [
                OpenMultipartUpload(m.key, i, m.started_at)
                for i, m in self._bucket.multiparts.items()
                if m.key.startswith(prefix) and m.key > after
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


def _base64(digest: bytes) -> str:
    return b64encode(digest).decode()
