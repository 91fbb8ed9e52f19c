"""Create uploads from tus requests."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from libs.core.domain.formats import ConversionRequest
from libs.core.domain.uploads import TusState, Upload
from libs.core.rate_limiter import Usage
from services.upload.start_upload import NewUpload, StartUpload

UNNAMED = "upload"
"""Name of a file whose client sends no `filename`."""


@dataclass(frozen=True)
class TusRequest:
    """Hold what `Upload-Metadata` and `Upload-Concat` of a creation say."""

    metadata: str = ""
    """`Upload-Metadata` as sent: HEAD answers with it."""
    filename: str = UNNAMED
    content_type: str = "application/octet-stream"
    convert: Sequence[ConversionRequest] = field(default_factory=tuple)
    concat: str = ""
    """`Upload-Concat` as sent; empty for an ordinary upload."""
    trace: str | None = None


class CreateTusUpload:
    """Start an upload that is written from an offset."""

    def __init__(self, start: StartUpload) -> None:
        self._start = start

    def __call__(
        self,
        owner: str,
        request: TusRequest,
        size: int | None,
        usage: Usage | None = None,
        offset: int = 0,
        idempotency_key: str | None = None,
    ) -> Upload:
        """Return the new upload, or the one that the same idempotency key made before.

        Args:
            owner: The session.
            request: What the client says about the file.
            size: Bytes; None if the client will say it later.
            usage: Counts the upload in the quotas.
            offset: Bytes that it has from the beginning: all of them, if it is joined from others.
            idempotency_key: A name of the request, by which a repeated one is recognised.

        Raises:
            FileEmpty: The size is 0.
            FileTooLarge: The size is over the limit.
            FilenameInvalid: The name cannot be kept.
            RateLimited: The session or its address has used up a quota.
        """
        state = TusState(offset=offset, metadata=request.metadata, concat=request.concat)
        new = NewUpload(
            owner,
            request.filename,
            size,
            request.content_type,
            () if request.concat == "partial" else request.convert,
            request.trace,
            tus=state,
            idempotency_key=idempotency_key,
        )
        return self._start(new, usage)
