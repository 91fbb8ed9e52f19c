"""Complete uploads whose client chooses the size of the parts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from libs.core.domain.uploads import MIN_PART_SIZE, Upload, UploadStatus, check_size
from libs.core.errors import (
    MultipartUploadGone,
    PartsChanged,
    PartSizeMismatch,
    UploadIncomplete,
)
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.rate_limiter import Usage
from services.upload.companion.count_bytes import CountBytes
from services.upload.companion.parts import FindMultipart
from services.upload.reconcile import ReconcileUpload, is_large_enough, require_open


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
        on_listed: Callable[[], None] = lambda: None,
    ) -> Upload:
        """Return the finished upload; `etags` are those of the parts by number.

        Its size was not known before, so `usage` counts its bytes here, if not before.

        `on_listed` is called once the parts are listed, which is costly if there are many. Then S3
        makes the object, which may take long and is mostly waiting.

        Raises:
            FileTooLarge: All parts together are over the limit.
            PartSizeMismatch: A part other than the last is smaller than S3 allows.
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
            _check_sizes(wanted)
            on_listed()
            try:
                self._multipart.complete(upload.key, upload.multipart_id, wanted)
            except PartsChanged as error:
                raise UploadIncomplete(
                    "A part was sent again meanwhile. Complete the upload with its new ETag.",
                    missing_parts=[],
                ) from error
        return self._reconcile.require_uploaded(upload)

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


def _check_sizes(wanted: Sequence[Part]) -> None:
    """Refuse what S3 would refuse: naming a thousand parts in a request takes 10 ms."""
    if not all(is_large_enough(part) for part in wanted[:-1]):
        raise PartSizeMismatch(
            f"Every part but the last must have at least {MIN_PART_SIZE} bytes.",
            expected=MIN_PART_SIZE,
        )
