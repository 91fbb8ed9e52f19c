"""Show, list, complete and delete uploads. Their parts are handled in `parts.py`."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from libs.core.domain.uploads import Upload, UploadStatus
from libs.core.errors import (
    ConversionNotFound,
    MultipartUploadGone,
    PartsChanged,
    UploadIncomplete,
)
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.ports.uploads import UploadPage, UploadStore
from services.upload.reconcile import ReconcileUpload, require_open

COMPLETE_TRIES = 3
"""Times that the parts are listed and completed, if one changes in between."""


class ShowUpload:
    """Show an upload, reconciled with S3. Clients ask for it before they resume."""

    def __init__(self, uploads: UploadStore, reconcile: ReconcileUpload) -> None:
        self._uploads = uploads
        self._reconcile = reconcile

    def __call__(self, owner: str, upload_id: str) -> Upload:
        return self._reconcile(self.find(owner, upload_id))

    def find(self, owner: str, upload_id: str) -> Upload:
        """Return the upload as it is recorded."""
        return self._uploads.get(upload_id, owner)


class ListUploads:
    """List the uploads of a session, the newest first."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def __call__(self, owner: str, limit: int, cursor: str | None) -> UploadPage:
        return self._uploads.list(owner, limit, cursor)


class CompleteUpload:
    """Make one object of the parts.

    Repeated calls, also at the same time, make one object and have the same result.
    """

    def __init__(
        self, uploads: UploadStore, multipart: MultipartUploads, reconcile: ReconcileUpload
    ) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._reconcile = reconcile

    def __call__(
        self, owner: str, upload_id: str, on_listed: Callable[[], None] = lambda: None
    ) -> Upload:
        """Return the finished upload.

        `on_listed` is called once the parts are listed, which is costly if there are many. Then S3
        makes the object, which may take long and is mostly waiting.
        """
        upload = self._uploads.get(upload_id, owner)
        if upload.status is UploadStatus.UPLOADED:
            return upload
        require_open(upload)
        # It may have been completed by an earlier call, or aborted: the object decides below.
        with suppress(MultipartUploadGone):
            self._complete(upload, on_listed)
        return self._reconcile.require_uploaded(upload)

    def _complete(self, upload: Upload, on_listed: Callable[[], None]) -> None:
        """Complete the multipart upload, with new ETags if a part was sent again meanwhile."""
        for _ in range(COMPLETE_TRIES):
            parts = self._reconcile.parts(upload)
            self._check_complete(upload, parts)
            on_listed()
            with suppress(PartsChanged):
                self._multipart.complete(upload.key, upload.multipart_id, parts)
                return
        raise PartsChanged(
            "A part of this upload is being sent again. Please complete it in a moment.",
            retry_after=1,
        )

    def _check_complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        if upload.part_count is None:
            raise UploadIncomplete("The size of this upload is not known yet.", missing_parts=[])
        if upload.tus is not None:
            # The numbers of its parts may have gaps.
            if sum(part.size for part in parts) != upload.size:
                raise UploadIncomplete("Bytes of this upload are missing.", missing_parts=[])
            return
        stored = {part.number for part in parts}
        missing = [number for number in range(1, upload.part_count + 1) if number not in stored]
        if missing:
            if stored != upload.completed_parts:
                self._uploads.set_parts(upload, stored)
            some = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
            raise UploadIncomplete(
                f"{len(missing)} of {upload.part_count} parts are missing: {some}",
                missing_parts=missing,
            )


class DeleteUpload:
    """Remove an upload and its conversions from the table.

    The removal appears in the table's stream, and the janitor then deletes the objects.
    """

    def __init__(self, uploads: UploadStore, conversions: ConversionStore) -> None:
        self._uploads = uploads
        self._conversions = conversions

    def __call__(self, owner: str, upload_id: str) -> None:
        # The upload first, so that no conversion can be added to it. If this process dies in
        # between, the janitor removes the conversions as well.
        removed = self._uploads.remove(upload_id, owner)
        for conversion_id in removed.conversions:
            self._remove(conversion_id, owner)

    def _remove(self, conversion_id: str, owner: str) -> None:
        try:
            self._conversions.remove(conversion_id, owner)
        except ConversionNotFound:
            return
