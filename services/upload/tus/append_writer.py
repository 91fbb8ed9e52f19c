"""Write the bytes of one tus request: whole parts go to S3, the rest is kept beside them."""

import hashlib
from contextlib import suppress
from dataclasses import replace
from math import ceil

from libs.core.domain.uploads import S3_MAX_PARTS, TusState, Upload, remainder_key
from libs.core.errors import (
    ChecksumMismatch,
    FileTooLarge,
    StorageUnavailable,
    UploadClosed,
    UploadLocked,
    UploadNotFound,
)
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.objects import ObjectStore
from libs.core.ports.resumable_uploads import ResumableUploads
from libs.core.ports.uploads import UploadStore
from libs.core.rate_limiter import Usage
from services.upload.checksums import crc64nvme
from services.upload.tus.headers import Checksum


class AppendWriter:
    """Take the bytes of one request and move the offset of the upload past them.

    A part of S3 has at least 5 MiB, so bytes that do not fill a part are stored as an object of
    their own, the remainder, and begin the next part. The offset moves only after the bytes before
    it are in S3: a service that dies loses nothing that was acknowledged. If the request has a
    checksum, the offset moves only after all its bytes have arrived and match.

    Every part gets a number that no other request has, and only those before the offset count: a
    request that was replaced while it sent a part cannot change what its successor stores.

    S3 keeps the parts of failed requests until the upload ends. When the upload is created, the
    quota of bytes counts the parts that it needs. Parts beyond that number are counted when they
    are stored. A request that was replaced keeps no remainder.
    """

    def __init__(
        self,
        upload: Upload,
        state: TusState,
        remainder: bytes,
        limit: int,
        checksum: Checksum | None,
        uploads: UploadStore,
        resumable: ResumableUploads,
        multipart: MultipartUploads,
        objects: ObjectStore,
        usage: Usage | None = None,
    ) -> None:
        self.upload = upload
        self._state = state
        self._buffer = bytearray(remainder)
        self._limit = limit
        self._checksum = checksum
        self._digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        self._uploads = uploads
        self._resumable = resumable
        self._multipart = multipart
        self._objects = objects
        self._usage = usage
        self._counted_part = ceil(limit / upload.part_size)
        """Highest part number whose bytes the quota has counted."""
        self._part_number = state.next_part - 1
        self._stored: set[int] = set()
        self._passed: set[int] = set()
        """Parts before the offset that the table is not known to have recorded."""
        self._offset = state.offset

    def write(self, data: bytes) -> None:
        """Take some bytes; store each part that they fill.

        Raises:
            FileTooLarge: The bytes go beyond the length of the upload, or beyond the largest size.
            ChecksumMismatch: S3 received other bytes of a part than were sent.
            MultipartUploadGone: S3 no longer takes parts of this upload.
            RateLimited: Parts of failed requests have used up a quota.
            UploadClosed: The upload has ended, or has no part numbers left (`S3_MAX_PARTS`).
            UploadLocked: Another request has taken the upload over.
            UploadNotFound: The upload was deleted or has expired.
        """
        if self._offset + len(data) > self._limit:
            raise FileTooLarge(f"This upload takes {self._limit} bytes.", limit=self._limit)
        if self._digest:
            self._digest.update(data)
        self._buffer += data
        self._offset += len(data)
        self._put_full_parts()

    def finish(self) -> Upload:
        """Store what is left, move the offset past it, and return the upload.

        Raises:
            ChecksumMismatch: The bytes of this request do not match its checksum, or S3 received
                other bytes of a part than were sent.
            MultipartUploadGone: S3 no longer takes parts of this upload.
            RateLimited: Parts of failed requests have used up a quota.
            UploadClosed: The upload has ended, or has no part numbers left (`S3_MAX_PARTS`).
            UploadLocked: Another request has taken the upload over.
            UploadNotFound: The upload was deleted or has expired.
        """
        if self._checksum and self._digest and not self._checksum.matches(self._digest):
            raise ChecksumMismatch("The bytes do not match Upload-Checksum. Send them again.")
        # A part that could not be stored by `write` is still in the buffer.
        self._put_full_parts()
        if self._buffer and self._offset == self.upload.size:
            self._put_part(bytes(self._buffer))
            self._buffer.clear()
        # `_part_number` was not used, so the next request gets it.
        if not self._buffer:
            return self._advance(self._offset, "", next_part=self._part_number)
        body = bytes(self._buffer)
        self._require_claim()
        self._count(body)
        # Under a key of this request alone: a writer that was replaced cannot overwrite it.
        self._put_remainder(self._state.writer, body)
        digest = hashlib.sha256(body).hexdigest()
        try:
            return self._advance(self._offset, digest, next_part=self._part_number)
        except (UploadLocked, UploadClosed, UploadNotFound):
            self._discard_remainder()
            raise

    def _require_claim(self) -> None:
        if self._current_state().writer != self._state.writer:
            raise UploadLocked("Another request writes to this upload.")

    def _discard_remainder(self) -> None:
        """Empty the remainder of this request, unless the upload goes on from it.

        It may go on from it although the write that said so has failed: if the reply is lost, boto3
        sends the write again, and the second one fails if another request came between.
        """
        with suppress(StorageUnavailable):
            try:
                writer_in_use = self._current_state().remainder_writer
            except UploadNotFound:
                writer_in_use = ""
            if writer_in_use != self._state.writer:
                self._put_remainder(self._state.writer, b"")

    def _current_state(self) -> TusState:
        """Return what the table says of the upload now."""
        return self._uploads.get(self.upload.id).tus or TusState()

    def _put_remainder(self, writer: str, body: bytes) -> None:
        self._objects.put(
            remainder_key(self.upload.id, writer), body, "application/octet-stream", {}
        )

    def _put_full_parts(self) -> None:
        """Store each part that the buffer fills, and move the offset past it."""
        size = self.upload.part_size
        while len(self._buffer) >= size:
            self._put_part(bytes(self._buffer[:size]))
            del self._buffer[:size]
            if not self._digest:
                offset = self._offset - len(self._buffer)
                self._advance(offset, "", next_part=self._part_number + 1)

    def _put_part(self, body: bytes) -> None:
        # Requests that were interrupted use up part numbers, whatever the size of the file.
        if self._part_number > S3_MAX_PARTS:
            raise UploadClosed("This upload was interrupted too often. Start it again.")
        self._count(body)
        if self._part_number >= self._state.next_part:
            self._reserve_part()
        self._multipart.put_part(
            self.upload.key, self.upload.multipart_id, self._part_number, body, crc64nvme(body)
        )
        self._stored.add(self._part_number)
        self._part_number += 1

    def _count(self, body: bytes) -> None:
        """Count bytes in the quota, unless they were counted when the upload was created."""
        if self._usage and self._part_number > self._counted_part:
            self._usage.take(size=len(body))
            self._counted_part = self._part_number

    def _reserve_part(self) -> None:
        """Record that the next part number is taken, before a part is stored under it."""
        state = replace(self._state, next_part=self._part_number + 1)
        self._resumable.advance(self.upload.id, state, self._passed)
        self._state, self._passed = state, set()

    def _advance(self, offset: int, remainder: str, next_part: int) -> Upload:
        before = self._state
        state = replace(
            before,
            offset=offset,
            remainder=remainder,
            remainder_writer=before.writer,
            next_part=next_part,
        )
        # If the reply is lost, the table may have this state or not. The bytes are in S3 either
        # way. Until a reply comes, three things hold:
        # - The offset stays moved, so no later write goes back behind it.
        # - The next write names these parts again.
        # - `next_part` stays as it was, so the next write reserves its part number anew.
        self._state = replace(state, next_part=before.next_part)
        self._passed |= self._stored
        self._stored = set()
        upload = self._resumable.advance(self.upload.id, state, self._passed, self.upload.size)
        self._state, self._passed = state, set()
        if before.remainder and before.remainder_writer != before.writer:
            # The service's role has no DeleteObject, so overwrite the old remainder with an empty
            # object.
            with suppress(StorageUnavailable):
                self._put_remainder(before.remainder_writer, b"")
        return upload
