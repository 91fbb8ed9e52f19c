"""An upload in the table and the same upload in S3, brought in line."""

from libs.core.domain.uploads import Failure, Upload, UploadStatus
from libs.core.errors import MultipartUploadGone, ObjectMissing, UploadClosed
from libs.core.ports.multipart_uploads import MultipartUploads, Part
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore

EXPIRED = Failure(
    "upload_expired",
    "The parts of this upload are gone from our storage. Please upload the file again.",
)


class ReconcileUpload:
    """Brings an upload in line with S3, which alone knows which parts there are."""

    def __init__(
        self, uploads: UploadStore, multipart: MultipartUploads, objects: ObjectStore
    ) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._objects = objects

    def __call__(self, upload: Upload) -> Upload:
        """The upload as S3 shows it: parts as listed; uploaded where the object is there; failed where nothing is."""
        if upload.status is not UploadStatus.UPLOADING:
            return upload
        try:
            there = {part.number for part in self.parts(upload)}
        except MultipartUploadGone:
            return self.closed_in_s3(upload)
        return upload if there == upload.completed_parts else self._uploads.set_parts(upload, there)

    def parts(self, upload: Upload) -> list[Part]:
        """The parts in S3 that have the length of their place. Raises MultipartUploadGone."""
        listed = self._multipart.list_parts(upload.key, upload.multipart_id)
        return [
            part
            for part in listed
            if part.number <= upload.part_count and part.size == upload.size_of_part(part.number)
        ]

    def closed_in_s3(self, upload: Upload) -> Upload:
        """What became of an upload whose multipart upload is gone: the object decides."""
        try:
            found = self._objects.head(upload.key)
        except ObjectMissing:
            # It may have been completed, or deleted, since it was read.
            now = self._uploads.get(upload.id)
            return (
                self._uploads.mark_failed(upload.id, EXPIRED)
                if now.status is UploadStatus.UPLOADING
                else now
            )
        if found.size != upload.size:
            return self._uploads.mark_failed(upload.id, EXPIRED)
        return self._uploads.mark_uploaded(upload.id)


def still_open(upload: Upload) -> Upload:
    """The upload, unless it takes no more parts: then raises UploadClosed."""
    if upload.status is not UploadStatus.UPLOADING:
        raise UploadClosed(f"This upload is {upload.status} and takes no more parts.")
    return upload
