"""Bring the stored state of an upload in line with S3."""

import structlog

from libs.core.domain.uploads import (
    MIN_PART_SIZE,
    S3_MAX_PARTS,
    Failure,
    Upload,
    UploadStatus,
    closed_to_parts,
)
from libs.core.errors import (
    MultipartUploadGone,
    ObjectMissing,
    StorageUnavailable,
    UploadClosed,
    UploadIncomplete,
)
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore

log = structlog.get_logger(__name__)

EXPIRED = Failure(
    "upload_expired",
    "The parts of this upload are gone from our storage. Please upload the file again.",
)
WRONG_SIZE = Failure(
    "upload_expired",
    "The stored file differs in size from the declared one. Please upload the file again.",
    "size_mismatch",
)


class ReconcileUpload:
    """Update an upload from S3, which alone knows the parts that are stored."""

    def __init__(
        self,
        uploads: UploadStore,
        conversions: ConversionStore,
        multipart: MultipartUploads,
        objects: ObjectStore,
    ) -> None:
        self._uploads = uploads
        self._conversions = conversions
        self._multipart = multipart
        self._objects = objects

    def __call__(self, upload: Upload) -> Upload:
        """Return the upload with the parts that S3 lists.

        It is `uploaded` if S3 has the complete object, and `failed` if S3 has nothing of it or an
        object of another size.
        """
        if upload.status is not UploadStatus.UPLOADING:
            return upload
        try:
            stored = {part.number for part in self.parts(upload)}
        except MultipartUploadGone:
            return self.finish_from_object(upload)
        if stored == upload.completed_parts:
            return upload
        return self._uploads.set_parts(upload, stored)

    def parts(self, upload: Upload, first: int = 1, last: int = S3_MAX_PARTS) -> list[Part]:
        """Return the parts `first` to `last` in S3 that have the right length.

        Of a tus upload, these are the parts before its offset.

        Raises:
            MultipartUploadGone: S3 has no such multipart upload any more.
        """
        if not upload.multipart_id:  # a form upload (presigned POST) has no parts
            raise MultipartUploadGone("This upload has no parts.")
        listed = self._multipart.list_parts(upload.key, upload.multipart_id, first, last)
        if upload.tus is not None:
            return [part for part in listed if part.number in upload.completed_parts]
        return [part for part in listed if _counts(upload, part)]

    def finish_from_object(self, upload: Upload) -> Upload:
        """Finish an upload whose multipart upload is gone: the object decides how it ended.

        Every upload that a request completes ends here.
        """
        try:
            found = self._objects.head(upload.key)
        except ObjectMissing:
            # Another request may have completed or deleted it since it was read.
            now = self._uploads.get(upload.id)
            if now.status is not UploadStatus.UPLOADING or not now.multipart_id:
                return now  # a form that has not been posted yet has nothing in S3
            return self._uploads.mark_failed(upload.id, EXPIRED)
        if upload.size is not None and found.size != upload.size:
            return self._uploads.mark_failed(upload.id, WRONG_SIZE)
        uploaded = self._uploads.mark_uploaded(upload.id, found.size)
        self._queue_conversions(uploaded)
        return uploaded

    def _queue_conversions(self, uploaded: Upload) -> None:
        """Queue what waits for an upload, so that it need not wait for the event of S3.

        Those events stand behind all that others cause. They, and the look of a worker at what
        waits long, queue what this call does not.
        """
        try:
            # No conversion is added to an uploaded upload as waiting, so this one lists all.
            for conversion_id in uploaded.conversions:
                self._conversions.queue(conversion_id)
        except StorageUnavailable as error:
            log.warning("upload.conversions_not_queued", upload=uploaded.id, reason=str(error))

    def require_uploaded(self, upload: Upload) -> Upload:
        """Finish an upload from its object, and return it.

        Raises:
            UploadClosed: It ended before all of its bytes arrived.
            UploadIncomplete: It is a form that nobody has posted yet.
        """
        done = self.finish_from_object(upload)
        if done.status is UploadStatus.UPLOADING:
            raise UploadIncomplete("The form of this upload has not arrived yet.", missing_parts=[])
        if done.status is not UploadStatus.UPLOADED:
            raise UploadClosed(
                done.error.detail
                if done.error
                else "This upload has not become a complete file. Upload the file again."
            )
        return done


def is_large_enough(part: Part) -> bool:
    """Return True if a part has the size that S3 requires of all but the last one.

    Of Uppy's parts only these are recorded. A client could store thousands of parts of one byte at
    no cost. If they were recorded, every read of the upload would take a millisecond or more.
    """
    return part.size >= MIN_PART_SIZE


def _counts(upload: Upload, part: Part) -> bool:
    if upload.part_count is None:
        return is_large_enough(part)
    return part.number <= upload.part_count and part.size == upload.size_of_part(part.number)


def require_open(upload: Upload) -> Upload:
    """Return the upload if it has not ended.

    Raises:
        UploadClosed: It takes no more parts.
    """
    if upload.status is not UploadStatus.UPLOADING:
        raise closed_to_parts(upload)
    return upload


def require_parts(upload: Upload) -> Upload:
    """Return the upload if its client sends it in parts.

    Raises:
        UploadClosed: It takes no more parts, or no parts at all: clients of tus send bytes, which
            the service cuts into parts with numbers of its own, and a form is one object.
    """
    if require_open(upload).tus is not None or not upload.multipart_id:
        raise UploadClosed("This upload is sent by tus or as a form, and takes no parts.")
    return upload
