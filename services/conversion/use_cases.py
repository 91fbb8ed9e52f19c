"""Request conversions, and show, list, cancel, delete and download them."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from libs.core.domain.conversions import Conversion, ConversionStatus, Phase
from libs.core.domain.filenames import clean_filename, download_filename
from libs.core.domain.formats import ConversionRequest, find_format
from libs.core.domain.ids import derived_id, new_id
from libs.core.errors import Gone, IdempotencyKeyReused, NotReady, ObjectMissing
from libs.core.ports.conversion_queue import ConversionQueue
from libs.core.ports.conversions import ConversionPage, ConversionStore
from libs.core.ports.objects import ObjectStore
from libs.core.ports.uploads import UploadStore
from libs.core.ports.url_signer import UrlSigner
from libs.core.rate_limiter import Usage

log = structlog.get_logger(__name__)

Clock = Callable[[], float]


class RequestConversion:
    """Write a conversion, which starts by itself once its upload is complete."""

    def __init__(
        self,
        uploads: UploadStore,
        conversions: ConversionStore,
        lifetime: int,
        wake: Callable[[str], None],
        clock: Clock = time.time,
    ) -> None:
        """Keep conversions for `lifetime` seconds.

        `wake` is called with the id of a conversion that may start: a worker in this process then
        need not wait for the stream.
        """
        self._uploads = uploads
        self._conversions = conversions
        self._lifetime = lifetime
        self._wake = wake
        self._clock = clock

    def __call__(
        self,
        owner: str,
        upload_id: str,
        request: ConversionRequest,
        idempotency_key: str | None = None,
        trace: str | None = None,
        usage: Usage | None = None,
    ) -> Conversion:
        """Return the new conversion, or the one that the same idempotency key made before.

        `usage` counts a repeated request, too.

        Raises:
            IdempotencyKeyReused: The key was used before with another request.
            RateLimited: The session or its address has used up a quota.
            TooManyConversions: The upload has `MAX_CONVERSIONS`, with those that were deleted.
            UploadClosed: The upload has failed or was aborted.
            UploadNotFound: There is no such upload of this session.
        """
        upload = self._uploads.get(upload_id, owner)
        now = self._clock()
        name = clean_filename(request.filename or upload.filename)
        wanted = Conversion(
            # The id is derived from the key, so the table recognises a repeated request for as long
            # as the conversion exists.
            id=derived_id("conversion", owner, idempotency_key)
            if idempotency_key
            else new_id("conversion"),
            owner=owner,
            upload_id=upload_id,
            format=request.format,
            options=request.options,
            filename=download_filename(name, find_format(request.format).extension),
            created_at=now,
            updated_at=now,
            expires_at=int(now) + self._lifetime,
            request_digest=request_digest(upload_id, request),
            trace=trace,
            client=usage.address if usage else None,
        )
        if usage:
            usage.take(conversions=1)
        made = self._conversions.create(wanted, upload)
        if made.request_digest != wanted.request_digest:
            raise IdempotencyKeyReused(
                "This Idempotency-Key was used for another conversion. Use a new key for a new one."
            )
        if made.phase is Phase.QUEUED:
            self._wake(made.id)
        return made


def request_digest(upload_id: str, request: ConversionRequest) -> str:
    """Return a digest that is equal for equal requests.

    Only options that were given count, so versions that know more options agree on it.
    """
    text = json.dumps(
        [upload_id, request.format, request.options.as_dict(), request.filename], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class ShowConversion:
    """Show a conversion, with its place in the queue (from 1) while it is queued."""

    def __init__(self, conversions: ConversionStore, queue: ConversionQueue) -> None:
        self._conversions = conversions
        self._queue = queue

    def __call__(self, owner: str, conversion_id: str) -> tuple[Conversion, int | None]:
        return self.with_position(self._conversions.get(conversion_id, owner))

    def with_position(self, conversion: Conversion) -> tuple[Conversion, int | None]:
        """Add the place in the queue to a conversion that was read already."""
        queued = conversion.phase is Phase.QUEUED
        return conversion, self._queue.position(conversion) if queued else None


class ListConversions:
    """List the conversions of a session, newest first."""

    def __init__(self, conversions: ConversionStore) -> None:
        self._conversions = conversions

    def __call__(self, owner: str, limit: int, cursor: str | None) -> ConversionPage:
        return self._conversions.list(owner, limit, cursor)


class CancelConversion:
    """Cancel a conversion, wherever it runs.

    The worker writes about once a second: its next write fails, which ends the attempt.
    """

    def __init__(self, conversions: ConversionStore) -> None:
        self._conversions = conversions

    def __call__(self, owner: str, conversion_id: str) -> Conversion:
        return self._conversions.cancel(conversion_id, owner)


class DeleteConversion:
    """Remove a conversion from the table; the stream makes the janitor delete its objects."""

    def __init__(self, conversions: ConversionStore) -> None:
        self._conversions = conversions

    def __call__(self, owner: str, conversion_id: str) -> None:
        self._conversions.remove(conversion_id, owner)


@dataclass(frozen=True)
class Download:
    """Hold where to get an output; `expires_at` is when the URL expires, in epoch seconds."""

    url: str
    filename: str
    media_type: str
    size: int
    expires_at: float


class DownloadConversion:
    """Sign a URL for an output. It expires with the output at the latest, but never in the past."""

    def __init__(
        self,
        conversions: ConversionStore,
        objects: ObjectStore,
        signer: UrlSigner,
        lifetime: int,
        clock: Clock = time.time,
    ) -> None:
        self._conversions = conversions
        self._objects = objects
        self._signer = signer
        self._lifetime = lifetime
        self._clock = clock

    def __call__(self, owner: str, conversion_id: str, *, inline: bool) -> Download:
        conversion = self._conversions.get(conversion_id, owner)
        output = conversion.output
        if conversion.status is not ConversionStatus.COMPLETED or output is None:
            raise NotReady(
                f"There is nothing to download yet: this conversion is {conversion.status}."
            )
        try:
            self._objects.head(output.key)
        except ObjectMissing as error:
            log.error("conversion.output_missing", conversion=conversion.id, key=output.key)
            raise Gone(
                "The converted file is no longer in our storage. Please convert the file again."
            ) from error
        now = self._clock()
        lifetime = max(1, min(self._lifetime, int(conversion.expires_at - now)))
        lifetime = self._signer.limit_lifetime(lifetime)
        url = self._signer.sign_download(
            output.key, output.filename, output.media_type, lifetime, inline=inline
        )
        return Download(url, output.filename, output.media_type, output.size, now + lifetime)
