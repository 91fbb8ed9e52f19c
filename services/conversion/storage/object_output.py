"""The two ends of a conversion in S3: the source, read through faults; the output, written in parts."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from threading import Lock
from typing import TypeVar

from libs.core.domain.conversions import Conversion, OutputUpload, output_key
from libs.core.domain.formats import find_format
from libs.core.errors import MultipartUploadGone, ObjectMissing, StorageUnavailable
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.ports.objects import ObjectStore
from services.conversion.ports import OutputSink
from services.conversion.storage.object_source import ObjectSource
from services.conversion.storage.retry import retry_write

T = TypeVar("T")


class MultipartOutput(OutputSink):
    """The output of one attempt: a multipart upload, begun with the first part or taken over from the attempt before.

    `begun` is called with the multipart upload when there is one, so that it can be written on the item.
    """

    def __init__(
        self,
        objects: ObjectStore,
        multipart: MultipartUploads,
        conversion: Conversion,
        recipe: str,
        begun: Callable[[OutputUpload], None],
    ) -> None:
        self._objects = objects
        self._multipart = multipart
        self._conversion = conversion
        self._format = find_format(conversion.format)
        self._recipe = recipe
        self._begun = begun
        self._lock = Lock()
        self._upload: OutputUpload | None = None
        self._discarded = False
        self._stored = self._take_over()

    def _take_over(self) -> Sequence[Part]:
        """The parts of the attempt before, where they are good for this one; what is not is aborted."""
        left = self._conversion.output_upload
        if left is None:
            return ()
        if left.recipe != self._recipe:
            self._multipart.abort(left.key, left.multipart_id)
            return ()
        try:
            parts = self._multipart.list_parts(left.key, left.multipart_id)
        except MultipartUploadGone:
            # Finished, but never published, and it never will be: that attempt has lost its lease to this one.
            self._objects.erase([left.key])
            return ()
        self._upload = left
        return parts

    def stored_parts(self) -> Sequence[Part]:
        return self._stored

    def put_part(self, number: int, body: bytes | memoryview) -> Part:
        upload = self._open()
        etag = retry_write(
            lambda: self._multipart.put_part(upload.key, upload.multipart_id, number, body)
        )
        return Part(number, len(body), etag)

    def finish(self, parts: Sequence[Part], size: int) -> str:
        upload = self._open()
        in_order = sorted(parts, key=lambda part: part.number)
        try:
            retry_write(lambda: self._multipart.complete(upload.key, upload.multipart_id, in_order))
        except MultipartUploadGone:
            # Completed by a call whose reply was lost, or by the attempt before: it is ours if it is the same to the bit.
            if not self._holds(upload.key, parts):
                raise StorageUnavailable(
                    "The output's multipart upload is gone.", retry_after=1
                ) from None
        if retry_write(lambda: self._objects.head(upload.key)).size != size:
            raise StorageUnavailable(
                "The output in S3 is not as long as what was written.", retry_after=1
            )
        return upload.key

    def finish_small(self, body: bytes) -> str:
        key = self._key()
        retry_write(
            lambda: self._objects.put(
                key, body, self._format.media_type, {"conversion": self._conversion.id}
            )
        )
        if self._discarded:
            self._objects.erase([key])
        return key

    def read_back(self, start: int, end: int) -> Iterator[bytes]:
        return ObjectSource(self._objects, self._open().key, end).read(start, end)

    def discard(self, spared: Collection[str] = ()) -> None:
        """Takes away whatever this attempt wrote, but for what lies under a key that is spared. What it still sends begins nothing new."""
        with self._lock:
            self._discarded = True
        if self._upload and self._upload.key not in spared:
            self._multipart.abort(self._upload.key, self._upload.multipart_id)
        written = {self._key(), *([self._upload.key] if self._upload else [])}
        self._objects.erase(sorted(written.difference(spared)))

    def _open(self) -> OutputUpload:
        with self._lock:
            if self._upload is None:
                if self._discarded:
                    raise MultipartUploadGone("The output was discarded.")
                key = self._key()
                begun = self._multipart.create(
                    key, self._format.media_type, {"conversion": self._conversion.id}
                )
                self._upload = OutputUpload(key, begun, self._recipe)
                self._begun(self._upload)
            return self._upload

    def _key(self) -> str:
        return output_key(self._conversion.id, self._conversion.attempts, self._format.extension)

    def _holds(self, key: str, parts: Sequence[Part]) -> bool:
        """Whether the object is made of these parts: S3's ETag of such an object is the MD5 of its parts' MD5s."""
        digests = b"".join(
            bytes.fromhex(part.etag) for part in sorted(parts, key=lambda part: part.number)
        )
        expected = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        try:
            return self._objects.head(key).etag == expected
        except ObjectMissing:
            return False
