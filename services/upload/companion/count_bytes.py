"""Count the bytes of uploads whose size nobody declared."""

from collections.abc import Sequence

from libs.core.domain.uploads import MAX_PART_SIZE, Upload, check_size
from libs.core.errors import MultipartUploadGone, UploadNotFound
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.uploads import UploadStore
from libs.core.rate_limiter import Usage


class CountBytes:
    """Count each byte of an upload once, however often a request is repeated."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def __call__(self, upload: Upload, size: int, usage: Usage | None) -> None:
        """Count up to `size` bytes, less those that the upload has counted already.

        Raises:
            RateLimited: The session or its address has used up a quota.
        """
        growth = size - upload.counted_bytes
        if usage is None or growth <= 0:
            return
        usage.take(size=growth)
        self._uploads.set_counted_bytes(upload.id, size)


class CheckStoredBytes:
    """Refuse parts for which the other stored parts of the upload leave no room.

    S3 accepts up to 5 GiB at the URL of any part and does not report it, so the parts are listed.
    Bytes that arrive later, by URLs of earlier requests, count at the next request.
    """

    def __init__(self, multipart: MultipartUploads, count_bytes: CountBytes, max_size: int) -> None:
        self._multipart = multipart
        self._count_bytes = count_bytes
        self._max_size = max_size
        self._step = max_size // 20
        """Bytes that are counted at once, so that not every part writes to the table."""

    def __call__(self, upload: Upload, numbers: Sequence[int], usage: Usage | None) -> None:
        """Count the bytes of the stored parts, and refuse if they leave no room.

        A part has at most 5 GiB. S3 is asked only if that many bytes for each part, up to the
        highest of these numbers, would not fit.

        Raises:
            FileTooLarge: The other parts leave no room for these.
            RateLimited: The session or its address has used up a quota.
            UploadNotFound: S3 does not know the upload any more.
        """
        if max(numbers) * MAX_PART_SIZE <= self._max_size:
            return
        try:
            parts = self._multipart.list_parts(upload.key, upload.multipart_id)
        except MultipartUploadGone as error:
            raise UploadNotFound("S3 does not know this upload any more.") from error
        others = sum(part.size for part in parts if part.number not in numbers)
        check_size(others + 1, self._max_size)
        stored = sum(part.size for part in parts)
        if stored - upload.counted_bytes >= self._step:
            self._count_bytes(upload, stored, usage)
