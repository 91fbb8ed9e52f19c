"""Append bytes to a tus upload, one request after the other."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from libs.core.domain.uploads import TusState, Upload, UploadStatus, check_size, remainder_key
from libs.core.errors import (
    ChecksumMismatch,
    CoreError,
    Gone,
    MultipartUploadGone,
    ObjectMissing,
    OffsetMismatch,
    TusRequestInvalid,
    UploadClosed,
    UploadJoined,
    UploadNotFound,
)
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.objects import ObjectStore
from libs.core.ports.resumable_uploads import ResumableUploads
from libs.core.ports.uploads import UploadStore
from libs.core.rate_limiter import Usage
from services.upload.reconcile import ReconcileUpload
from services.upload.tus.append_writer import AppendWriter
from services.upload.tus.headers import Checksum
from services.upload.use_cases import CompleteUpload


class AppendTarget(NamedTuple):
    """Name the place at which a request appends, as `AppendToUpload.begin` explains."""

    owner: str
    upload_id: str
    offset: int
    length: int | None = None
    checksum: Checksum | None = None


class AppendToUpload:
    """Begin to append to an upload at an offset, and finish it once all bytes have come."""

    def __init__(
        self,
        uploads: UploadStore,
        resumable: ResumableUploads,
        multipart: MultipartUploads,
        objects: ObjectStore,
        complete: CompleteUpload,
        reconcile: ReconcileUpload,
        max_size: int,
        new_token: Callable[[], str] = lambda: secrets.token_urlsafe(12),
    ) -> None:
        self._uploads = uploads
        self._resumable = resumable
        self._multipart = multipart
        self._objects = objects
        self._complete = complete
        self._reconcile = reconcile
        self._max_size = max_size
        self._new_token = new_token

    def begin(
        self,
        owner: str,
        upload_id: str,
        offset: int,
        length: int | None = None,
        checksum: Checksum | None = None,
        usage: Usage | None = None,
    ) -> AppendWriter:
        """Claim the upload for one request.

        Args:
            owner: The session.
            upload_id: The upload.
            offset: `Upload-Offset`, which must be the upload's.
            length: `Upload-Length`, if it was not known when the upload was created.
            checksum: `Upload-Checksum` of the bytes to come.
            usage: Counts in the quotas what S3 keeps of failed requests, and the remainder that is
                read again.

        Raises:
            FileEmpty: The length is 0.
            FileTooLarge: The length is over the limit.
            Gone: The upload ended before all of its bytes arrived.
            OffsetMismatch: The upload has another offset.
            RateLimited: Bytes that are read again have used up a quota.
            TusRequestInvalid: The length contradicts what is known.
            UploadClosed: The upload is finished, or its last bytes are lost.
            UploadJoined: The upload was made of others.
            UploadNotFound: There is no such upload of this session.
        """
        if usage and offset:
            self._count_remainder(owner, upload_id, offset, usage)
        try:
            upload = self._resumable.claim(upload_id, owner, offset, self._new_token())
        except UploadClosed as error:
            raise _ended(self._uploads.get(upload_id, owner)) from error
        state = upload.tus
        assert state is not None, "only tus uploads are claimed"
        if length is not None:
            upload = self._with_length(upload, length, offset)
        return AppendWriter(
            upload,
            state,
            self._remainder(upload, state),
            self._max_size if upload.size is None else upload.size,
            checksum,
            self._uploads,
            self._resumable,
            self._multipart,
            self._objects,
            usage,
        )

    def append_nothing(self, target: AppendTarget, usage: Usage | None = None) -> Upload:
        """Return the upload after a request without bytes, with the errors of `begin` and `finish`.

        Such requests are not counted in any quota, so they write only what an upload needs once:
        its length, or its completion.
        """
        owner, upload_id, offset, length, checksum = target
        upload = self._uploads.get(upload_id, owner)
        if upload.tus is None:
            raise UploadNotFound("There is no such upload. It may have expired.")
        if upload.status is not UploadStatus.UPLOADING:
            raise _ended(upload)
        if upload.tus.offset != offset:
            raise OffsetMismatch(f"This upload is at byte {upload.tus.offset}, not {offset}.")
        digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
        if checksum and digest and not checksum.matches(digest):
            raise ChecksumMismatch("No bytes came, and Upload-Checksum is that of some.")
        if length is not None and upload.size != self._with_length(upload, length, offset).size:
            return self.finish(owner, self.begin(*target, usage))
        return self._completed(owner, upload)

    def finish(self, owner: str, append: AppendWriter) -> Upload:
        """Store the rest of a request, and complete the upload if it is whole now.

        Raises:
            ChecksumMismatch: The bytes do not match their checksum.
            Gone: S3 no longer has the upload, for example because of a lifecycle rule.
            RateLimited: Parts of failed requests have used up a quota.
            UploadClosed: The upload has ended, or has no part numbers left (`S3_MAX_PARTS`).
            UploadLocked: Another request has taken the upload over.
            UploadNotFound: The upload was deleted or has expired.
        """
        try:
            upload = append.finish()
        except MultipartUploadGone as error:
            raise _ended(self._reconcile.finish_from_object(append.upload)) from error
        return self._completed(owner, upload)

    def show(self, owner: str, upload_id: str) -> Upload:
        """Return the upload; complete it if a service died after storing its last byte.

        Raises:
            Gone: The upload ended before all of its bytes arrived.
            UploadNotFound: There is no such upload of this session.
        """
        upload = self._uploads.get(upload_id, owner)
        if upload.tus is None:
            raise UploadNotFound("There is no such upload. It may have expired.")
        if upload.status not in (UploadStatus.UPLOADING, UploadStatus.UPLOADED):
            raise _ended(upload)
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

    def _count_remainder(self, owner: str, upload_id: str, offset: int, usage: Usage) -> None:
        """Count the bytes that this request will read again, before it replaces another one.

        A request of one byte reads and writes up to a part of S3.
        """
        upload = self._uploads.get(upload_id, owner)
        if upload.tus is not None and upload.tus.offset == offset:
            usage.take(size=offset % upload.part_size)

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


def _ended(upload: Upload) -> CoreError:
    """Return the error that refuses bytes for an upload that has ended."""
    if upload.status is not UploadStatus.UPLOADED:
        return Gone("This upload ended before all of its bytes arrived. Start it again.")
    if upload.tus is not None and upload.tus.is_joined:
        return UploadJoined("This upload was made of others and takes no bytes of its own.")
    return UploadClosed("This upload is finished and takes no more bytes.")
