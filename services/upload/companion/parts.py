"""Find, sign and list the parts of uploads whose client chooses the size of the parts."""

import time
from collections.abc import Callable, Sequence
from math import ceil

from libs.core.domain.uploads import (
    MIN_PART_SIZE,
    S3_MAX_PARTS,
    Upload,
    UploadStatus,
    check_size,
    upload_id_of,
)
from libs.core.errors import MultipartUploadGone, PartNumberInvalid, UploadNotFound
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.ports.uploads import UploadStore
from libs.core.ports.url_signer import UrlSigner
from libs.core.rate_limiter import Usage
from services.upload.companion.count_bytes import CheckStoredBytes
from services.upload.parts import url_lifetime
from services.upload.reconcile import ReconcileUpload, is_large_enough, require_open

Clock = Callable[[], float]

FINISHED = "finished"
"""ETag that `parts_of_finished` gives its parts, because S3 no longer has the real ones."""


URL_LIFETIME = 300
"""Seconds that the URL of a part may be used at most. Uppy asks for it just before it sends the
part. S3 accepts up to 5 GiB at each: whoever collects URLs can store more than the largest file
while they are valid.
"""


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
    """Presign URLs for parts of any size.

    The size of an upload of Uppy is unknown until it is completed. It has at most as many parts as
    a file of the maximum size has in parts of 5 MiB: 1,024 for 5 GiB. Otherwise a client could
    store 10,000 parts (S3's limit) of one byte each, and every request for this upload would have
    to list them.
    """

    def __init__(
        self,
        find: FindMultipart,
        signer: UrlSigner,
        check_stored_bytes: CheckStoredBytes,
        max_size: int,
        lifetime: int,
        clock: Clock = time.time,
    ) -> None:
        self._find = find
        self._signer = signer
        self._check_stored_bytes = check_stored_bytes
        self._max_size = max_size
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
            FileTooLarge: The other stored parts leave no room for these, or a file with so many
                parts would be larger than the limit.
            PartNumberInvalid: A number is not between 1 and 10,000.
            RateLimited: The session or its address has used up a quota.
            UploadClosed: The upload takes no more parts.
            UploadNotFound: There is no such upload of this session.
        """
        upload = require_open(self._find(owner, key, multipart_id))
        if not all(1 <= number <= S3_MAX_PARTS for number in numbers):
            raise PartNumberInvalid(f"Parts are numbered from 1 to {S3_MAX_PARTS}.")
        # S3 completes no upload with a part of less than 5 MiB, except for the last one. So this
        # refuses the numbers that a file of the maximum size does not need.
        smallest_file = (max(numbers) - 1) * MIN_PART_SIZE + 1
        check_size(smallest_file, self._max_size)
        if usage:
            usage.take(urls=len(numbers))
        self._check_stored_bytes(upload, numbers, usage)
        longest = min(self._lifetime, URL_LIFETIME)
        lifetime = url_lifetime(self._signer, upload, longest, self._clock())
        urls = [
            self._signer.sign_part(upload.key, upload.multipart_id, number, None, lifetime)
            for number in numbers
        ]
        return urls, lifetime


class ListCompanionParts:
    """List the parts that S3 has; Uppy asks before it resumes.

    Those of at least 5 MiB are recorded as completed: smaller ones can be the last part only.
    """

    def __init__(
        self,
        find: FindMultipart,
        uploads: UploadStore,
        multipart: MultipartUploads,
        reconcile: ReconcileUpload,
    ) -> None:
        self._find = find
        self._uploads = uploads
        self._multipart = multipart
        self._reconcile = reconcile

    def __call__(self, owner: str, key: str, multipart_id: str) -> Sequence[Part]:
        """Return all parts by number.

        Raises:
            UploadNotFound: There is no such upload of this session, or it has failed.
        """
        upload = self._find(owner, key, multipart_id)
        try:
            parts = self._multipart.list_parts(upload.key, upload.multipart_id)
        except MultipartUploadGone as error:
            ended = self._reconcile.finish_from_object(upload)
            if ended.status is UploadStatus.UPLOADED and ended.size:
                return parts_of_finished(ended.size)
            raise UploadNotFound("S3 does not know this upload any more.") from error
        completed = {part.number for part in parts if is_large_enough(part)}
        if completed != upload.completed_parts:
            self._uploads.set_parts(upload, completed)
        return parts


def parts_of_finished(size: int) -> list[Part]:
    """Return parts for a client that was killed before it learned that its upload is finished.

    S3 has forgotten its parts. With these, the client sends nothing and asks for the completion,
    whose answer does not depend on them. There are as many as a client can have made of the file.
    """
    count = min(ceil(size / MIN_PART_SIZE), S3_MAX_PARTS)
    return [
        Part(number, min(MIN_PART_SIZE, size - (number - 1) * MIN_PART_SIZE), FINISHED)
        for number in range(1, count + 1)
    ]
