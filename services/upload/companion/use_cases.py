"""Create, sign and complete uploads whose client chooses the size of the parts."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from libs.core.domain.formats import ConversionRequest
from libs.core.domain.uploads import MAX_PARTS, Upload, UploadStatus, check_size, upload_id_of
from libs.core.errors import (
    MultipartUploadGone,
    PartNumberInvalid,
    PartsChanged,
    UploadClosed,
    UploadIncomplete,
    UploadNotFound,
)
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.ports.uploads import UploadStore
from libs.core.ports.url_signer import PresignedForm, UrlSigner
from libs.core.rate_limiter import Usage
from services.upload.companion.count_bytes import CheckStoredBytes, CountBytes
from services.upload.reconcile import ReconcileUpload, require_open
from services.upload.start_upload import StartUpload

Clock = Callable[[], float]


class FindMultipart:
    """Find an upload by what S3 calls it: its key and the id of its multipart upload."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def __call__(self, owner: str, key: str, multipart_id: str) -> Upload:
        """Return the upload.

        Raises:
            UploadNotFound: No upload of this session has this key and id.
        """
        upload = self._uploads.get(upload_id_of(key) or "", owner)
        if not multipart_id or upload.multipart_id != multipart_id:
            raise UploadNotFound("There is no such upload. It may have expired, or been deleted.")
        return upload


class SignCompanionParts:
    """Presign URLs for parts of any size; S3 takes 1 to 10,000 of them."""

    def __init__(
        self,
        find: FindMultipart,
        signer: UrlSigner,
        check_stored_bytes: CheckStoredBytes,
        lifetime: int,
        clock: Clock = time.time,
    ) -> None:
        self._find = find
        self._signer = signer
        self._check_stored_bytes = check_stored_bytes
        self._lifetime = lifetime
        self._clock = clock

    def __call__(
        self,
        owner: str,
        key: str,
        multipart_id: str,
        numbers: Sequence[int],
        usage: Usage | None = None,
    ) -> tuple[list[str], int]:
        """Return a URL for each part, and the seconds that they are valid for.

        Raises:
            FileTooLarge: The stored parts are as large as a file may be.
            PartNumberInvalid: S3 has no such part number.
            RateLimited: The session or its address has used up a quota.
            UploadClosed: The upload takes no more parts.
            UploadNotFound: There is no such upload of this session.
        """
        upload = require_open(self._find(owner, key, multipart_id))
        if not all(1 <= number <= MAX_PARTS for number in numbers):
            raise PartNumberInvalid(f"Parts are numbered from 1 to {MAX_PARTS}.")
        if usage:
            usage.take(urls=len(numbers))
        self._check_stored_bytes(upload, numbers, usage)
        lifetime = max(1, min(self._lifetime, int(upload.expires_at - self._clock())))
        lifetime = self._signer.limit_lifetime(lifetime)
        urls = [
            self._signer.sign_part(upload.key, upload.multipart_id, number, None, lifetime)
            for number in numbers
        ]
        return urls, lifetime


class ListCompanionParts:
    """List the parts that S3 has, and record them as completed."""

    def __init__(
        self, find: FindMultipart, uploads: UploadStore, multipart: MultipartUploads
    ) -> None:
        self._find = find
        self._uploads = uploads
        self._multipart = multipart

    def __call__(self, owner: str, key: str, multipart_id: str) -> Sequence[Part]:
        """Return all parts by number.

        Raises:
            UploadNotFound: There is no such upload of this session, or it is finished.
        """
        upload = self._find(owner, key, multipart_id)
        try:
            parts = self._multipart.list_parts(upload.key, upload.multipart_id)
        except MultipartUploadGone as error:
            raise UploadNotFound("S3 does not know this upload any more.") from error
        self._uploads.set_parts(upload, {part.number for part in parts})
        return parts


class CompleteCompanionUpload:
    """Make the listed parts one object. Repeating it gives the same answer."""

    def __init__(
        self,
        find: FindMultipart,
        multipart: MultipartUploads,
        reconcile: ReconcileUpload,
        count_bytes: CountBytes,
        max_size: int,
    ) -> None:
        self._find = find
        self._multipart = multipart
        self._count_bytes = count_bytes
        self._reconcile = reconcile
        self._max_size = max_size

    def __call__(
        self,
        owner: str,
        key: str,
        multipart_id: str,
        etags: Mapping[int, str],
        usage: Usage | None = None,
    ) -> Upload:
        """Return the finished upload; `etags` are those of the parts by number.

        Its size was not known before, so `usage` counts its bytes here, if not before.

        Raises:
            FileTooLarge: All parts together are over the limit.
            RateLimited: The session or its address has used up a quota.
            UploadClosed: The upload failed or was aborted.
            UploadIncomplete: S3 does not have one of the parts with this ETag.
            UploadNotFound: There is no such upload of this session.
        """
        upload = self._find(owner, key, multipart_id)
        if upload.status is UploadStatus.UPLOADED:
            return upload
        require_open(upload)
        # An earlier call may have completed it already: the object decides.
        with suppress(MultipartUploadGone):
            wanted = self._wanted(upload, etags)
            self._count_bytes(upload, sum(part.size for part in wanted), usage)
            try:
                self._multipart.complete(upload.key, upload.multipart_id, wanted)
            except PartsChanged as error:
                raise UploadIncomplete(
                    "A part was sent again meanwhile. Complete the upload with its new ETag.",
                    missing_parts=[],
                ) from error
        done = self._reconcile.finish_from_object(upload)
        if done.status is not UploadStatus.UPLOADED:
            raise UploadClosed(
                done.error.detail if done.error else f"This upload is {done.status}."
            )
        return done

    def _wanted(self, upload: Upload, etags: Mapping[int, str]) -> list[Part]:
        stored = {
            part.number: part
            for part in self._multipart.list_parts(upload.key, upload.multipart_id)
        }
        missing = [
            number
            for number, etag in sorted(etags.items())
            if number not in stored or stored[number].etag != etag
        ]
        if missing or not etags:
            raise UploadIncomplete(
                "Some parts are not in our storage. Please send them again.",
                missing_parts=missing,
            )
        wanted = [stored[number] for number in sorted(etags)]
        check_size(sum(part.size for part in wanted), self._max_size)
        return wanted


class StartFormUpload:
    """Start an upload that arrives as one HTML form, posted straight to S3."""

    def __init__(
        self,
        start: StartUpload,
        signer: UrlSigner,
        max_size: int,
        lifetime: int,
    ) -> None:
        self._start = start
        self._signer = signer
        self._max_size = max_size
        self._lifetime = lifetime

    def __call__(
        self,
        owner: str,
        filename: str,
        content_type: str,
        convert: Sequence[ConversionRequest],
        trace: str | None = None,
        usage: Usage | None = None,
    ) -> tuple[PresignedForm, int]:
        """Return the form, and the seconds that it is valid for.

        Raises:
            FilenameInvalid: The name cannot be kept.
            RateLimited: The session or its address has used up a quota.
        """
        upload = self._start(
            owner, filename, None, content_type, convert, trace, parts=False, usage=usage
        )
        lifetime = self._signer.limit_lifetime(self._lifetime)
        form = self._signer.sign_form(upload.key, content_type, self._max_size, lifetime)
        return form, lifetime
