"""Create uploads, with the conversions that wait for them."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from libs.core.domain.conversions import Conversion
from libs.core.domain.filenames import clean_filename, download_filename
from libs.core.domain.formats import ConversionRequest, find_format
from libs.core.domain.ids import derived_id, new_id
from libs.core.domain.uploads import TusState, Upload, check_size, choose_part_size
from libs.core.errors import IdempotencyKeyReused, UploadNotFound
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.uploads import IdTaken, UploadStore
from libs.core.rate_limiter import Usage

Clock = Callable[[], float]


@dataclass(frozen=True)
class NewUpload:
    """Describe an upload to create. `Upload` explains the kinds of uploads."""

    owner: str
    filename: str
    size: int | None
    """Bytes; None while unknown."""
    content_type: str
    convert: Sequence[ConversionRequest] = ()
    """The conversions that start when its bytes have arrived."""
    trace: str | None = None
    tus: TusState | None = None
    is_form: bool = False
    """S3 stores it as one object, so there is no multipart upload."""
    idempotency_key: str | None = None
    sha256: str | None = None
    """SHA-256 of the whole file in hex, where the client knows it."""


class StartUpload:
    """Create a multipart upload in S3, and store the upload with its waiting conversions.

    Either all of them are stored, or none.
    """

    def __init__(
        self,
        uploads: UploadStore,
        multipart: MultipartUploads,
        max_size: int,
        lifetime: int,
        clock: Clock = time.time,
    ) -> None:
        self._uploads = uploads
        self._multipart = multipart
        self._max_size = max_size
        self._lifetime = lifetime
        self._clock = clock

    def __call__(
        self,
        new: NewUpload,
        usage: Usage | None = None,
        on_created: Callable[[Upload], Upload] = lambda upload: upload,
    ) -> Upload:
        """Return the new upload, or the one that the same idempotency key made before.

        `on_created` is called with a new upload only, and returns it as it is then. It may be
        costly: a request that is repeated with the same key is not counted.

        `usage` counts a new upload, once the request is known to be good. If its size is not known
        yet, a tus upload counts as the largest one. The bytes of Uppy's uploads count as their
        parts are stored; those of forms are not counted.

        Raises:
            FileEmpty: The size is 0.
            FileTooLarge: The size is over the limit.
            FilenameInvalid: The name cannot be kept.
            IdempotencyKeyReused: The key made an upload from another request.
            RateLimited: The session or its address has used up a quota.
        """
        new = replace(new, filename=clean_filename(new.filename))
        if new.size is not None:
            check_size(new.size, self._max_size)
        # The id is derived from the key, so the table recognises a repeated request for as long
        # as the upload exists.
        upload_id, digest = new_id("upload"), None
        if new.idempotency_key:
            upload_id = id_of_request(new.owner, new.idempotency_key)
            digest = request_digest(new)
            if earlier := self._find(upload_id, new.owner, digest):
                return earlier
        now = self._clock()
        upload = Upload(
            id=upload_id,
            owner=new.owner,
            filename=new.filename,
            size=new.size,
            content_type=new.content_type,
            part_size=choose_part_size(new.size, self._max_size),
            multipart_id="",
            created_at=now,
            updated_at=now,
            expires_at=int(now) + self._lifetime,
            trace=new.trace,
            tus=new.tus,
            request_digest=digest,
            sha256=new.sha256,
        )
        client = usage.address if usage else None
        conversions = [waiting_conversion(upload, request, client) for request in new.convert]
        if usage:
            counted = new.size or (self._max_size if new.tus else 0)
            usage.take(uploads=1, size=counted, conversions=len(conversions))
        upload = replace(
            upload,
            conversions=tuple(conversion.id for conversion in conversions),
            multipart_id="" if new.is_form else self._start_multipart(upload),
        )
        return self._create(upload, conversions, on_created)

    def _start_multipart(self, upload: Upload) -> str:
        metadata = {"upload": upload.id, **({"traceparent": upload.trace} if upload.trace else {})}
        return self._multipart.create(upload.key, upload.content_type, metadata)

    def _create(
        self,
        upload: Upload,
        conversions: Sequence[Conversion],
        on_created: Callable[[Upload], Upload],
    ) -> Upload:
        """Store the upload; return the earlier one if the same request came twice at once."""
        try:
            self._uploads.create(upload, conversions)
        except IdTaken:
            if upload.request_digest is None:
                raise
            self._multipart.abort(upload.key, upload.multipart_id)
            earlier = self._find(upload.id, upload.owner, upload.request_digest)
            if earlier is None:
                raise
            return earlier
        return on_created(upload)

    def _find(self, upload_id: str, owner: str, digest: str) -> Upload | None:
        """Return the upload that an earlier request with the same key made, if there is one."""
        try:
            earlier = self._uploads.get(upload_id, owner)
        except UploadNotFound:
            return None
        if earlier.request_digest != digest:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another upload. Use a new key for a new one."
            )
        return earlier


def id_of_request(owner: str, idempotency_key: str) -> str:
    """Return the id of the upload that a request with this key makes, or has made."""
    return derived_id("upload", owner, idempotency_key)


def waiting_conversion(
    upload: Upload, request: ConversionRequest, client: str | None
) -> Conversion:
    """Return a new conversion that starts when the bytes of the upload have arrived."""
    return Conversion(
        id=new_id("conversion"),
        owner=upload.owner,
        upload_id=upload.id,
        format=request.format,
        options=request.options,
        filename=download_filename(
            clean_filename(request.filename or upload.filename),
            find_format(request.format).extension,
        ),
        created_at=upload.created_at,
        updated_at=upload.created_at,
        expires_at=upload.expires_at,
        trace=upload.trace,
        client=client,
    )


def request_digest(new: NewUpload) -> str:
    """Return a digest that is equal for equal requests.

    Only options that were given count, so versions that know more options agree on it.
    """
    conversions = [[each.format, each.options.as_dict(), each.filename] for each in new.convert]
    declared = [new.sha256] if new.sha256 else []
    described = [new.filename, new.size, new.content_type, conversions, *declared]
    text = json.dumps(described, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
