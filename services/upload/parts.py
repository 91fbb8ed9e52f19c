"""Sign, validate, store and report the parts of an upload."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from libs.core.domain.checksums import PartChecksum
from libs.core.domain.uploads import Upload, closed_to_parts
from libs.core.errors import ChecksumMismatch, MultipartUploadGone, PartSizeMismatch
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.uploads import UploadStore
from libs.core.ports.url_signer import UrlSigner
from libs.core.rate_limiter import Usage
from services.upload.reconcile import ReconcileUpload, require_open, require_parts

Clock = Callable[[], float]


@dataclass(frozen=True)
class SignedPart:
    """Hold the presigned URL of a part, and until when it is valid (epoch seconds)."""

    number: int
    url: str
    headers: Mapping[str, str]
    """Headers that the request must send, besides Content-Length."""
    expires_at: float


class SignParts:
    """Presign URLs for parts. Each URL takes exactly the bytes of its part."""

    def __init__(
        self, uploads: UploadStore, signer: UrlSigner, lifetime: int, clock: Clock = time.time
    ) -> None:
        self._uploads = uploads
        self._signer = signer
        self._lifetime = lifetime
        self._clock = clock

    def __call__(
        self,
        owner: str,
        upload_id: str,
        numbers: Sequence[int],
        usage: Usage | None = None,
        checksums: Mapping[int, PartChecksum] | None = None,
    ) -> list[SignedPart]:
        """Return a URL for each number. `usage` counts them.

        For a part that `checksums` names, S3 accepts only bytes with that checksum.

        Raises:
            ChecksumMismatch: A checksum has not the form of its algorithm, or its part is not
                among `numbers`.
            PartNumberInvalid: The upload has no such part.
            RateLimited: The session or its address has used up a quota.
            UploadClosed: The upload takes no more parts.
            UploadNotFound: There is no such upload of this session.
        """
        upload = require_parts(self._uploads.get(upload_id, owner))
        sizes = [upload.size_of_part(number) for number in numbers]
        checksums = checksums or {}
        for number, checksum in checksums.items():
            if number not in numbers or not checksum.is_well_formed:
                raise ChecksumMismatch(
                    f"The checksum of part {number} is not a {checksum.algorithm} in Base64, or "
                    "this request asks for no URL of that part."
                )
        if usage:
            usage.take(urls=len(numbers))
        now = self._clock()
        lifetime = url_lifetime(self._signer, upload, self._lifetime, now)
        return [
            SignedPart(
                number,
                self._signer.sign_part(
                    upload.key,
                    upload.multipart_id,
                    number,
                    size,
                    lifetime,
                    checksums.get(number),
                ),
                {each.header: each.value} if (each := checksums.get(number)) else {},
                now + lifetime,
            )
            for number, size in zip(numbers, sizes, strict=True)
        ]


class ValidatePart:
    """Check a part before its body is read: its upload is open, and its length is right."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def __call__(self, owner: str, upload_id: str, number: int, length: int | None) -> Upload:
        upload = require_parts(self._uploads.get(upload_id, owner))
        check_length(upload, number, length)
        return upload


class StorePart:
    """Store a part that came through the service."""

    def __init__(
        self, uploads: UploadStore, multipart: MultipartUploads, reconcile: ReconcileUpload
    ) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._reconcile = reconcile

    def __call__(
        self, upload: Upload, number: int, body: bytes, checksum: PartChecksum | None = None
    ) -> Upload:
        """Return the upload with the part, whose checksum S3 has verified.

        Raises:
            ChecksumMismatch: Other bytes arrived in S3.
            PartSizeMismatch: The part must have another length.
            UploadClosed: The upload takes no more parts.
            UploadNotFound: It was deleted or has expired meanwhile.
        """
        check_length(upload, number, len(body))
        try:
            self._multipart.put_part(upload.key, upload.multipart_id, number, body, checksum)
        except MultipartUploadGone as error:
            raise closed_to_parts(self._reconcile.finish_from_object(upload)) from error
        return self._uploads.add_parts(upload.id, number)


class ReportParts:
    """Record parts that a client sent straight to S3, if S3 has them."""

    def __init__(self, uploads: UploadStore, reconcile: ReconcileUpload) -> None:
        self._uploads = uploads
        self._reconcile = reconcile

    def __call__(self, owner: str, upload_id: str, *numbers: int) -> Upload:
        """Record those of the parts that S3 has, in one write.

        ListParts is called once if the numbers span at most 1,000, and once more for each further
        1,000 parts.

        Raises:
            PartNumberInvalid: The upload has no such part.
            PartSizeMismatch: S3 does not have one of them with its length; others are recorded.
            UploadClosed: The upload takes no more parts.
            UploadNotFound: There is no such upload of this session.
        """
        upload = self._uploads.get(upload_id, owner)
        sizes = {number: upload.size_of_part(number) for number in numbers}
        new = sizes.keys() - upload.completed_parts
        if not new:
            return upload
        require_parts(upload)
        try:
            listed = self._reconcile.parts(upload, min(new), max(new))
        except MultipartUploadGone:
            return require_open(self._reconcile.finish_from_object(upload))
        stored = new & {part.number for part in listed}
        if stored:
            upload = self._uploads.add_parts(upload.id, *stored)
        if missing := sorted(new - stored):
            raise PartSizeMismatch(
                f"Part {missing[0]} is not in our storage with its {sizes[missing[0]]} bytes. "
                "Please send it again.",
                missing_parts=missing,
            )
        return upload


def url_lifetime(signer: UrlSigner, upload: Upload, longest: int, now: float) -> int:
    """Return the seconds that a URL may live: no longer than its upload and its credentials."""
    return signer.limit_lifetime(max(1, min(longest, int(upload.expires_at - now))))


def check_length(upload: Upload, number: int, length: int | None) -> None:
    """Raise PartSizeMismatch unless part `number` has `length` bytes."""
    expected = upload.size_of_part(number)
    if length != expected:
        given = "no Content-Length" if length is None else f"{length} bytes"
        raise PartSizeMismatch(
            f"Part {number} must have exactly {expected} bytes; it came with {given}.",
            expected=expected,
        )
