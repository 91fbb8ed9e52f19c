"""Spare a session from sending a file that it has uploaded before."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import structlog

from libs.core.domain.uploads import GIB, MIB, Upload, UploadStatus
from libs.core.errors import MultipartUploadGone, ObjectMissing, PartsChanged, StorageUnavailable
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.uploads import UploadStore
from services.upload.copy_slots import CopySlots
from services.upload.reconcile import ReconcileUpload

log = structlog.get_logger(__name__)

MAX_LOOKED_AT = 100
"""Newest uploads of the session among which the same file is looked for."""

REUSED_PART_SIZE = 512 * MIB
"""Bytes of each part of a reused file that S3 copies. They are copied one after the other, and each
copy must end before our timeout."""


MAX_COPIED = GIB
"""Bytes of the largest file that is copied. Proxies end a request after 60 s, and a copy of this
size takes far less."""


class ReuseUpload:
    """Copy the bytes of an earlier upload of the same session, by the SHA-256 that it declared.

    Only a session's own uploads are looked at: an answer tells nobody what others have uploaded,
    and a false SHA-256 can only mislead the session that declares it.
    """

    def __init__(
        self,
        uploads: UploadStore,
        multipart: MultipartUploads,
        reconcile: ReconcileUpload,
        slots: CopySlots,
    ) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._reconcile = reconcile
        self._slots = slots

    def __call__(
        self, upload: Upload, client: str, on_searched: Callable[[], None] = lambda: None
    ) -> Upload:
        """Return the upload: `uploaded` if the file was found, else as it is, to be sent.

        A file over `MAX_COPIED` is not looked for, and none is copied if many are being copied.

        Args:
            upload: An upload that was just created.
            client: The address of the client, whose copies are limited.
            on_searched: Called after the search, which is costly. Then the file is copied, which
                may take long and is mostly waiting for S3.
        """
        if not upload.sha256 or (upload.size or 0) > MAX_COPIED:
            return upload
        earlier = self._find(upload)
        on_searched()
        if earlier is None:
            return upload
        with self._slots.hold(client) as is_held:
            return self._reuse(earlier, upload) if is_held else upload

    def _reuse(self, earlier: Upload, upload: Upload) -> Upload:
        try:
            self._copy(earlier, upload)
        except MultipartUploadGone:
            # The client repeated the request, sent the file itself, and has completed the upload.
            return self._reconcile.finish_from_object(upload)
        except (ObjectMissing, PartsChanged, StorageUnavailable) as error:
            log.info("upload.not_reused", upload=upload.id, earlier=earlier.id, error=str(error))
            return upload
        return self._reconcile.finish_from_object(upload)

    def _find(self, upload: Upload) -> Upload | None:
        """Return a finished upload of the same owner with the same size and SHA-256."""
        for each in self._uploads.list(upload.owner, MAX_LOOKED_AT).items:
            if (
                each.status is UploadStatus.UPLOADED
                and each.id != upload.id
                and each.size == upload.size
                and each.sha256 == upload.sha256
            ):
                return each
        return None

    def _copy(self, earlier: Upload, upload: Upload) -> None:
        """Copy within S3. If this breaks off, the parts have wrong sizes and are sent again."""
        ranges = copy_ranges(upload)
        parts = [
            self._multipart.copy_part(
                upload.key,
                upload.multipart_id,
                number,
                earlier.key,
                start,
                end,
                is_whole=len(ranges) == 1,
            )
            for number, (start, end) in enumerate(ranges, start=1)
        ]
        self._multipart.complete(upload.key, upload.multipart_id, parts)


def copy_ranges(upload: Upload) -> Sequence[tuple[int, int]]:
    """Return the ranges to copy.

    A copy that breaks off leaves its parts behind, and one of the right size is taken for a part
    that the client has sent. So no range has the size of the client's part with its number, unless
    both have the same bytes.
    """
    size = upload.size or 0
    ends = [*range(REUSED_PART_SIZE, size, REUSED_PART_SIZE), size]
    if len(ends) > 1 and size - ends[-2] == upload.part_size:
        del ends[-2]
    return list(pairwise([0, *ends]))
