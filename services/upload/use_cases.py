"""What people do with uploads: begin, send parts, see, complete, delete."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Conversion
from libs.core.domain.filenames import clean_filename, download_filename
from libs.core.domain.formats import ConversionRequest, find_format
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import Failure, Upload, UploadStatus, check_size, choose_part_size, source_key
from libs.core.errors import ConversionNotFound, MultipartUploadGone, ObjectMissing, PartSizeMismatch, UploadClosed, UploadIncomplete
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.objects import MultipartUploads, ObjectStore, Part, UrlSigner
from libs.core.ports.uploads import UploadPage, UploadStore

Clock = Callable[[], float]

EXPIRED = Failure("upload_expired", "The parts of this upload are gone from our storage. Please upload the file again.")


class StartUpload:
    """Begins a multipart upload in S3 and writes the upload with the conversions that wait for it, all or none."""

    def __init__(self, uploads: UploadStore, multipart: MultipartUploads, max_size: int, lifetime: int, clock: Clock = time.time) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._max_size = max_size
        self._lifetime = lifetime
        self._clock = clock

    def __call__(
        self, owner: str, filename: str, size: int, content_type: str, convert: Sequence[ConversionRequest], trace: str | None = None
    ) -> Upload:
        filename = clean_filename(filename)
        check_size(size, self._max_size)
        upload_id, now = new_id("upload"), self._clock()
        expires_at = int(now) + self._lifetime
        conversions = [
            Conversion(
                id=new_id("conversion"),
                owner=owner,
                upload_id=upload_id,
                format=request.format,
                options=request.options,
                filename=download_filename(clean_filename(request.filename or filename), find_format(request.format).extension),
                created_at=now,
                updated_at=now,
                expires_at=expires_at,
                trace=trace,
            )
            for request in convert
        ]
        metadata = {"upload": upload_id, **({"traceparent": trace} if trace else {})}
        upload = Upload(
            id=upload_id,
            owner=owner,
            filename=filename,
            size=size,
            content_type=content_type,
            part_size=choose_part_size(size),
            multipart_id=self._multipart.create(source_key(upload_id), content_type, metadata),
            created_at=now,
            updated_at=now,
            expires_at=expires_at,
            conversions=tuple(conversion.id for conversion in conversions),
            trace=trace,
        )
        self._uploads.create(upload, conversions)
        return upload


class ReconcileUpload:
    """Brings an upload in line with S3, which alone knows which parts there are."""

    def __init__(self, uploads: UploadStore, multipart: MultipartUploads, objects: ObjectStore) -> None:
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
        return [part for part in listed if part.number <= upload.part_count and part.size == upload.size_of_part(part.number)]

    def closed_in_s3(self, upload: Upload) -> Upload:
        """What became of an upload whose multipart upload is gone: the object decides."""
        try:
            found = self._objects.head(upload.key)
        except ObjectMissing:
            # It may have been completed, or deleted, since it was read.
            now = self._uploads.get(upload.id)
            return self._uploads.mark_failed(upload.id, EXPIRED) if now.status is UploadStatus.UPLOADING else now
        if found.size != upload.size:
            return self._uploads.mark_failed(upload.id, EXPIRED)
        return self._uploads.mark_uploaded(upload.id)


class ShowUpload:
    """An upload, reconciled with S3: what a client asks before it resumes."""

    def __init__(self, uploads: UploadStore, reconcile: ReconcileUpload) -> None:
        self._uploads = uploads
        self._reconcile = reconcile

    def __call__(self, owner: str, upload_id: str) -> Upload:
        return self._reconcile(self._uploads.get(upload_id, owner))


class ListUploads:
    """The uploads of a session, newest first."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def __call__(self, owner: str, limit: int, cursor: str | None) -> UploadPage:
        return self._uploads.list(owner, limit, cursor)


@dataclass(frozen=True)
class SignedPart:
    """Where to PUT a part, until when (epoch seconds)."""

    number: int
    url: str
    expires_at: float


class SignParts:
    """Presigned URLs for parts, each good for exactly the bytes of its place in the file."""

    def __init__(self, uploads: UploadStore, signer: UrlSigner, lifetime: int, clock: Clock = time.time) -> None:
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
                self._signer.sign_part(upload.key, upload.multipart_id, number, upload.size_of_part(number), lifetime),
                now + lifetime,
            )
            for number in numbers
        ]


class ExpectPart:
    """Checks a part before its bytes are read: that it is wanted, and as long as its place in the file."""

    def __init__(self, uploads: UploadStore) -> None:
        self._uploads = uploads

    def __call__(self, owner: str, upload_id: str, number: int, length: int | None) -> Upload:
        upload = still_open(self._uploads.get(upload_id, owner))
        check_length(upload, number, length)
        return upload


class StorePart:
    """Takes a part through the service."""

    def __init__(self, uploads: UploadStore, multipart: MultipartUploads, reconcile: ReconcileUpload) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._reconcile = reconcile

    def __call__(self, upload: Upload, number: int, body: bytes) -> Upload:
        check_length(upload, number, len(body))
        try:
            self._multipart.put_part(upload.key, upload.multipart_id, number, body)
        except MultipartUploadGone as error:
            raise UploadClosed(f"This upload is {self._reconcile.closed_in_s3(upload).status} and takes no more parts.") from error
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
            raise PartSizeMismatch(f"Part {number} is not in our storage with its {expected} bytes. Please send it again.")
        return self._uploads.add_part(upload.id, number)


class CompleteUpload:
    """Makes the parts one object. Any number of calls, at once or one after another, make one object and say the same."""

    def __init__(self, uploads: UploadStore, multipart: MultipartUploads, reconcile: ReconcileUpload) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._reconcile = reconcile

    def __call__(self, owner: str, upload_id: str) -> Upload:
        upload = self._uploads.get(upload_id, owner)
        if upload.status is UploadStatus.UPLOADED:
            return upload
        still_open(upload)
        try:
            parts = self._reconcile.parts(upload)
            self._check_complete(upload, parts)
            self._multipart.complete(upload.key, upload.multipart_id, parts)
        except MultipartUploadGone:
            pass  # by an earlier call, or not at all: the object decides, below
        done = self._reconcile.closed_in_s3(upload)
        if done.status is not UploadStatus.UPLOADED:
            raise UploadClosed(done.error.detail if done.error else f"This upload is {done.status}.")
        return done

    def _check_complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        there = {part.number for part in parts}
        missing = [number for number in range(1, upload.part_count + 1) if number not in there]
        if missing:
            if there != upload.completed_parts:
                self._uploads.set_parts(upload, there)
            some = ", ".join(map(str, missing[:5])) + (", …" if len(missing) > 5 else "")
            raise UploadIncomplete(f"{len(missing)} of {upload.part_count} parts are missing: {some}", missing_parts=missing)


class DeleteUpload:
    """Takes the upload and its conversions out of the table; the stream makes the janitor erase their bytes."""

    def __init__(self, uploads: UploadStore, conversions: ConversionStore) -> None:
        self._uploads = uploads
        self._conversions = conversions

    def __call__(self, owner: str, upload_id: str) -> None:
        # The upload first: no conversion can join it then. Those that it has go with it by the janitor's hand too,
        # should this process die in between.
        removed = self._uploads.remove(upload_id, owner)
        for conversion_id in removed.conversions:
            self._remove(conversion_id, owner)

    def _remove(self, conversion_id: str, owner: str) -> None:
        try:
            self._conversions.remove(conversion_id, owner)
        except ConversionNotFound:
            return


def still_open(upload: Upload) -> Upload:
    """The upload, unless it takes no more parts: then raises UploadClosed."""
    if upload.status is not UploadStatus.UPLOADING:
        raise UploadClosed(f"This upload is {upload.status} and takes no more parts.")
    return upload


def check_length(upload: Upload, number: int, length: int | None) -> None:
    """Raises PartSizeMismatch unless `length` (bytes) is that of part `number`."""
    expected = upload.size_of_part(number)
    if length != expected:
        given = "no Content-Length" if length is None else f"{length} bytes"
        raise PartSizeMismatch(f"Part {number} must have exactly {expected} bytes; it came with {given}.", expected=expected)
