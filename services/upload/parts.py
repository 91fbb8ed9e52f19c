"""What people do with the parts of an upload: have them signed, send them, report them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from libs.core.domain.uploads import Upload
from libs.core.errors import MultipartUploadGone, PartSizeMismatch, UploadClosed
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.uploads import UploadStore
from libs.core.ports.url_signer import UrlSigner
from services.upload.reconcile import ReconcileUpload, still_open

Clock = Callable[[], float]


@dataclass(frozen=True)
class SignedPart:
    """Where to PUT a part, until when (epoch seconds)."""

    number: int
    url: str
    expires_at: float


class SignParts:
    """Presigned URLs for parts, each good for exactly the bytes of its place in the file."""

    def __init__(
        self, uploads: UploadStore, signer: UrlSigner, lifetime: int, clock: Clock = time.time
    ) -> None:
        self._uploads = uploads
        self._signer = signer
        self._lifetime = lifetime
        self._clock = clock

    def __call__(self, owner: str, upload_id: str, numbers: Iterable[int]) -> list[SignedPart]:
        upload = still_open(self._uploads.get(upload_id, owner))
        now = self._clock()
        # No URL outlives the upload that it is for.
        lifetime = max(1, min(self._lifetime, int(upload.expires_at - now)))
        return [
            SignedPart(
                number,
                self._signer.sign_part(
                    upload.key, upload.multipart_id, number, upload.size_of_part(number), lifetime
                ),
                now + lifetime,
            )
            for number in numbers
        ]


class ValidatePart:
    """Checks a part before its bytes are read: that it is wanted, and as long as its place in the file."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def __call__(self, owner: str, upload_id: str, number: int, length: int | None) -> Upload:
        upload = still_open(self._uploads.get(upload_id, owner))
        check_length(upload, number, length)
        return upload


class StorePart:
    """Takes a part through the service."""

    def __init__(
        self, uploads: UploadStore, multipart: MultipartUploads, reconcile: ReconcileUpload
    ) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._reconcile = reconcile

    def __call__(self, upload: Upload, number: int, body: bytes) -> Upload:
        check_length(upload, number, len(body))
        try:
            self._multipart.put_part(upload.key, upload.multipart_id, number, body)
        except MultipartUploadGone as error:
            raise UploadClosed(
                f"This upload is {self._reconcile.closed_in_s3(upload).status} and takes no more parts."
            ) from error
        return self._uploads.add_part(upload.id, number)


class ReportPart:
    """ "Part n went straight to S3": believed when S3 has it."""

    def __init__(self, uploads: UploadStore, reconcile: ReconcileUpload) -> None:
        self._uploads = uploads
        self._reconcile = reconcile

    def __call__(self, owner: str, upload_id: str, number: int) -> Upload:
        upload = self._uploads.get(upload_id, owner)
        expected = upload.size_of_part(number)
        if number in upload.completed_parts:
            return upload
        still_open(upload)
        try:
            there = {part.number: part.size for part in self._reconcile.parts(upload)}
        except MultipartUploadGone:
            return still_open(self._reconcile.closed_in_s3(upload))
        if number not in there:
            raise PartSizeMismatch(
                f"Part {number} is not in our storage with its {expected} bytes. Please send it again."
            )
        return self._uploads.add_part(upload.id, number)


def check_length(upload: Upload, number: int, length: int | None) -> None:
    """Raises PartSizeMismatch unless `length` (bytes) is that of part `number`."""
    expected = upload.size_of_part(number)
    if length != expected:
        given = "no Content-Length" if length is None else f"{length} bytes"
        raise PartSizeMismatch(
            f"Part {number} must have exactly {expected} bytes; it came with {given}.",
            expected=expected,
        )
