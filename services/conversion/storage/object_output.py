"""Write the output of a conversion to S3 as a multipart upload."""

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
    """Store the output of one attempt.

    The multipart upload is created with the first part, or continued from the previous attempt if
    that had the same encoder fingerprint. `on_created` is called with each multipart upload that is
    created, so that it can be recorded in the item.
    """

    def __init__(
        self,
        objects: ObjectStore,
        multipart: MultipartUploads,
        conversion: Conversion,
        encoder_fingerprint: str,
        on_created: Callable[[OutputUpload], None],
    ) -> None:
        self._objects = objects
        self._multipart = multipart
        self._conversion = conversion
        self._format = find_format(conversion.format)
        self._encoder_fingerprint = encoder_fingerprint
        self._on_created = on_created
        self._lock = Lock()
        self._upload: OutputUpload | None = None
        self._discarded = False
        self._stored = self._continue_previous()

    def _continue_previous(self) -> Sequence[Part]:
        """Return the parts of the previous attempt if its encoder fingerprint is equal.

        Otherwise abort its multipart upload.
        """
        previous = self._conversion.output_upload
        if previous is None:
            return ()
        if previous.encoder_fingerprint != self._encoder_fingerprint:
            self._multipart.abort(previous.key, previous.multipart_id)
            return ()
        try:
            parts = self._multipart.list_parts(previous.key, previous.multipart_id)
        except MultipartUploadGone:
            # It was completed but never published, and that attempt has lost its lease.
            self._objects.delete([previous.key])
            return ()
        self._upload = previous
        return parts

    def stored_parts(self) -> Sequence[Part]:
        """Return the parts that the previous attempt stored."""
        return self._stored

    def put_part(self, number: int, body: bytes | memoryview) -> Part:
        """Store one part."""
        upload = self._ensure_upload()
        etag = retry_write(
            lambda: self._multipart.put_part(upload.key, upload.multipart_id, number, body)
        )
        return Part(number, len(body), etag)

    def finish(self, parts: Sequence[Part], size: int) -> str:
        """Complete the multipart upload and return the object's key."""
        upload = self._ensure_upload()
        in_order = sorted(parts, key=lambda part: part.number)
        try:
            retry_write(lambda: self._multipart.complete(upload.key, upload.multipart_id, in_order))
        except MultipartUploadGone:
            # It was completed by a call whose reply was lost, or by the previous attempt.
            if not self._object_consists_of(upload.key, parts):
                raise StorageUnavailable(
                    "The output's multipart upload is gone.", retry_after=1
                ) from None
        if retry_write(lambda: self._objects.head(upload.key)).size != size:
            raise StorageUnavailable(
                "The output in S3 is not as long as what was written.", retry_after=1
            )
        return upload.key

    def finish_small(self, body: bytes) -> str:
        """Store the whole output by one PUT and return its key."""
        key = self._key()
        retry_write(
            lambda: self._objects.put(
                key, body, self._format.media_type, {"conversion": self._conversion.id}
            )
        )
        if self._discarded:
            self._objects.delete([key])
        return key

    def read_back(self, start: int, end: int) -> Iterator[bytes]:
        """Yield bytes of the completed object."""
        return ObjectSource(self._objects, self._ensure_upload().key, end).read(start, end)

    def discard(self, kept_keys: Collection[str] = ()) -> None:
        """Delete everything that this attempt wrote, except for `kept_keys`.

        A part that is still being sent creates no new multipart upload afterwards.
        """
        with self._lock:
            self._discarded = True
        if self._upload and self._upload.key not in kept_keys:
            self._multipart.abort(self._upload.key, self._upload.multipart_id)
        written = {self._key(), *([self._upload.key] if self._upload else [])}
        self._objects.delete(sorted(written.difference(kept_keys)))

    def _ensure_upload(self) -> OutputUpload:
        """Return the multipart upload; create it if there is none."""
        with self._lock:
            if self._upload is None:
                if self._discarded:
                    raise MultipartUploadGone("The output was discarded.")
                key = self._key()
                multipart_id = self._multipart.create(
                    key, self._format.media_type, {"conversion": self._conversion.id}
                )
                self._upload = OutputUpload(key, multipart_id, self._encoder_fingerprint)
                self._on_created(self._upload)
            return self._upload

    def _key(self) -> str:
        return output_key(self._conversion.id, self._conversion.attempts, self._format.extension)

    def _object_consists_of(self, key: str, parts: Sequence[Part]) -> bool:
        """Compare the object's ETag with the parts: it is the MD5 of the MD5s of its parts."""
        digests = b"".join(
            bytes.fromhex(part.etag) for part in sorted(parts, key=lambda part: part.number)
        )
        expected = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        try:
            return self._objects.head(key).etag == expected
        except ObjectMissing:
            return False
