"""Append bytes to a tus upload: whole parts go to S3, the rest is kept beside them."""

import hashlib
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from libs.core.domain.uploads import TusState, Upload, UploadStatus, check_size, remainder_key
from libs.core.errors import (
    ChecksumMismatch,
    FileTooLarge,
    MultipartUploadGone,
    ObjectMissing,
    StorageUnavailable,
    TusRequestInvalid,
    UploadClosed,
    UploadNotFound,
)
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.objects import ObjectStore
from libs.core.ports.resumable_uploads import ResumableUploads
from libs.core.ports.uploads import UploadStore
from services.upload.checksums import crc64nvme
from services.upload.tus.headers import Checksum
from services.upload.use_cases import CompleteUpload


class AppendWriter:
    """Take the bytes of one request and move the offset of the upload past them.

    A part of S3 has at least 5 MiB, so bytes that do not fill a part are stored as an object of
    their own and begin the next part. The offset moves only after the bytes before it are in S3:
    a service that dies loses nothing that was acknowledged. With a checksum the offset moves only
    once all bytes have proved right.
    """

    def __init__(
        self,
        upload: Upload,
        state: TusState,
        remainder: bytes,
        checksum: Checksum | None,
        resumable: ResumableUploads,
        multipart: MultipartUploads,
        objects: ObjectStore,
    ) -> None:
        self._upload = upload
        self._state = state
        self._buffer = bytearray(remainder)
        self._checksum = checksum
        self._digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        self._resumable = resumable
        self._multipart = multipart
        self._objects = objects
        self._next_part = (state.offset - len(remainder)) // upload.part_size + 1
        self._stored: set[int] = set()
        self._offset = state.offset

    def write(self, data: bytes) -> None:
        """Take some bytes; store each part that they fill.

        Raises:
            FileTooLarge: The bytes go beyond the length of the upload.
            UploadLocked: Another request has taken the upload over.
        """
        if self._upload.size is not None and self._offset + len(data) > self._upload.size:
            raise FileTooLarge("There are more bytes than the Upload-Length that was declared.")
        if self._digest:
            self._digest.update(data)
        self._buffer += data
        self._offset += len(data)
        self._put_full_parts()

    def finish(self) -> Upload:
        """Store what is left, move the offset past it, and return the upload.

        Raises:
            ChecksumMismatch: The bytes of this request are not those that the checksum is of.
        """
        if self._checksum and self._digest and not self._checksum.matches(self._digest):
            raise ChecksumMismatch("The bytes do not match Upload-Checksum. Send them again.")
        # A part that could not be stored by `write` is still in the buffer.
        self._put_full_parts()
        if self._buffer and self._offset == self._upload.size:
            self._put_part(bytes(self._buffer))
            self._buffer.clear()
        if not self._buffer:
            return self._advance(self._offset, remainder="")
        # Under a key of this request alone: a writer that was replaced cannot overwrite it.
        body = bytes(self._buffer)
        self._put_remainder(self._state.writer, body)
        return self._advance(self._offset, hashlib.sha256(body).hexdigest())

    def _put_remainder(self, writer: str, body: bytes) -> None:
        self._objects.put(
            remainder_key(self._upload.id, writer), body, "application/octet-stream", {}
        )

    def _put_full_parts(self) -> None:
        """Store each part that the buffer fills, and move the offset past it."""
        size = self._upload.part_size
        while len(self._buffer) >= size:
            self._put_part(bytes(self._buffer[:size]))
            del self._buffer[:size]
            if not self._digest:
                self._advance(self._offset - len(self._buffer), remainder="")

    def _put_part(self, body: bytes) -> None:
        self._multipart.put_part(
            self._upload.key, self._upload.multipart_id, self._next_part, body, crc64nvme(body)
        )
        self._stored.add(self._next_part)
        self._next_part += 1

    def _advance(self, offset: int, remainder: str) -> Upload:
        before = self._state
        self._state = replace(
            before, offset=offset, remainder=remainder, remainder_writer=before.writer
        )
        upload = self._resumable.advance(
            self._upload.id, self._state, self._stored, self._upload.size
        )
        self._stored = set()
        if before.remainder and before.remainder_writer != before.writer:
            # The service's role has no DeleteObject, so overwrite the old remainder with an empty
            # object.
            with suppress(StorageUnavailable):
                self._put_remainder(before.remainder_writer, b"")
        return upload


class AppendToUpload:
    """Begin to append to an upload at an offset, and finish it once all bytes have come."""

    def __init__(
        self,
        uploads: UploadStore,
        resumable: ResumableUploads,
        multipart: MultipartUploads,
        objects: ObjectStore,
        complete: CompleteUpload,
        max_size: int,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(12),
    ) -> None:
        self._uploads = uploads
        self._resumable = resumable
        self._multipart = multipart
        self._objects = objects
        self._complete = complete
        self._max_size = max_size
        self._new_token = new_token

    def begin(
        self,
        owner: str,
        upload_id: str,
        offset: int,
        length: int | None = None,
        checksum: Checksum | None = None,
    ) -> AppendWriter:
        """Claim the upload for one request.

        Args:
            owner: The session.
            upload_id: The upload.
            offset: `Upload-Offset`, which must be the upload's.
            length: `Upload-Length`, where it was not known when the upload was created.
            checksum: `Upload-Checksum` of the bytes to come.

        Raises:
            OffsetMismatch: The upload has another offset.
            TusRequestInvalid: The length contradicts what is known.
            UploadClosed: The upload has ended.
            UploadNotFound: There is no such upload of this session.
        """
        upload = self._resumable.claim(upload_id, owner, offset, self._new_token())
        state = upload.tus
        assert state is not None, "only tus uploads are claimed"
        if length is not None:
            upload = self._with_length(upload, length, offset)
        return AppendWriter(
            upload,
            state,
            self._remainder(upload, state),
            checksum,
            self._resumable,
            self._multipart,
            self._objects,
        )

    def finish(self, owner: str, append: AppendWriter) -> Upload:
        """Store the rest of a request, and complete the upload if it is whole now."""
        try:
            upload = append.finish()
        except MultipartUploadGone as error:
            raise UploadClosed("This upload has ended and takes no more bytes.") from error
        return self._completed(owner, upload)

    def show(self, owner: str, upload_id: str) -> Upload:
        """Return the upload; complete it if a service died after storing its last byte.

        Raises:
            UploadNotFound: There is no such upload of this session.
        """
        upload = self._uploads.get(upload_id, owner)
        if upload.tus is None:
            raise UploadNotFound("There is no such upload. It may have expired.")
        return self._completed(owner, upload)

    def _completed(self, owner: str, upload: Upload) -> Upload:
        whole = upload.tus is not None and upload.tus.offset == upload.size
        if whole and upload.status is UploadStatus.UPLOADING:
            return self._complete(owner, upload.id)
        return upload

    def _with_length(self, upload: Upload, length: int, offset: int) -> Upload:
        if upload.size not in (None, length) or length < offset:
            raise TusRequestInvalid("Upload-Length cannot change once it is known.")
        check_size(length, self._max_size)
        return replace(upload, size=length)

    def _remainder(self, upload: Upload, state: TusState) -> bytes:
        length = state.offset % upload.part_size
        if length == 0:
            return b""
        try:
            body = b"".join(
                self._objects.read(remainder_key(upload.id, state.remainder_writer), 0, length)
            )
        except ObjectMissing:
            body = b""
        if hashlib.sha256(body).hexdigest() != state.remainder:
            raise UploadClosed("The last bytes of this upload are lost. Start the upload again.")
        return body
