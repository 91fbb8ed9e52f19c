"""Every error of the domain: a stable `code` for programs, a `detail` sentence for people.

The code is the public contract (it is what `API.md` lists); the sentence may change.
Which HTTP status belongs to which error is said in `libs.core.web.problems`, not here.
"""

from typing import Any, ClassVar


class CoreError(Exception):
    """The base of all: `context` holds extra members of the problem document, as `missing_parts`."""

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, **context: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.context = context


class UploadNotFound(CoreError):
    """Indicates that no upload has this id, or that it belongs to somebody else."""

    code = "upload_not_found"
    title = "Upload not found"


class ConversionNotFound(CoreError):
    """Indicates that no conversion has this id, or that it belongs to somebody else."""

    code = "conversion_not_found"
    title = "Conversion not found"


class ItemNotFound(CoreError):
    """Indicates an id that is of neither kind."""

    code = "not_found"
    title = "Not found"


class FilenameInvalid(CoreError):
    """Indicates a file name that is empty, too long, or of nothing but unprintable characters."""

    code = "filename_invalid"
    title = "File name invalid"


class FileEmpty(CoreError):
    """Indicates a file of no bytes."""

    code = "file_empty"
    title = "File empty"


class FileTooLarge(CoreError):
    """Indicates a file over the size limit; `limit` is in bytes."""

    code = "file_too_large"
    title = "File too large"


class UploadIncomplete(CoreError):
    """Indicates that parts are missing in S3; `missing_parts` lists them."""

    code = "upload_incomplete"
    title = "Upload incomplete"


class UploadClosed(CoreError):
    """Indicates a part for an upload that is finished, failed or aborted."""

    code = "upload_closed"
    title = "Upload closed"


class PartNumberInvalid(CoreError):
    """Indicates a part number outside 1 to `part_count`."""

    code = "part_number_invalid"
    title = "Part number invalid"


class PartSizeMismatch(CoreError):
    """Indicates a part with another length than its place in the file asks for."""

    code = "part_size_mismatch"
    title = "Part size mismatch"


class ChecksumMismatch(CoreError):
    """Indicates that the bytes received are not those that the client's checksum was made of."""

    code = "checksum_mismatch"
    title = "Checksum mismatch"


class OffsetMismatch(CoreError):
    """Indicates a tus request for another offset than the upload has."""

    code = "offset_mismatch"
    title = "Offset mismatch"


class UploadLocked(CoreError):
    """Indicates that another request has begun to write to this upload."""

    code = "upload_locked"
    title = "Upload locked"


class TusRequestInvalid(CoreError):
    """Indicates a tus header that is missing or malformed."""

    code = "tus_request_invalid"
    title = "Request invalid"


class MediaTypeUnsupported(CoreError):
    """Indicates a body of another media type than the route takes."""

    code = "media_type_unsupported"
    title = "Media type not supported"


class FormatUnsupported(CoreError):
    """Indicates an output format that is not in the table of formats."""

    code = "format_unsupported"
    title = "Format unsupported"


class OptionInvalid(CoreError):
    """Indicates an option the format does not have; names it and what it allows."""

    code = "option_invalid"
    title = "Option invalid"


class IdempotencyKeyReused(CoreError):
    """Indicates an Idempotency-Key that was used before with another request."""

    code = "idempotency_key_reused"
    title = "Idempotency key reused"


class CursorInvalid(CoreError):
    """Indicates a `next` that no listing of ours gave out."""

    code = "cursor_invalid"
    title = "Cursor invalid"


class NotReady(CoreError):
    """Indicates a download asked for before the conversion is completed."""

    code = "not_ready"
    title = "Not ready"


class ConversionFinished(CoreError):
    """Indicates a cancel of a conversion that has ended already."""

    code = "conversion_finished"
    title = "Conversion finished"


class Gone(CoreError):
    """Indicates an output that has expired or was deleted."""

    code = "gone"
    title = "Gone"


class SessionInvalid(CoreError):
    """Indicates a bearer token that is malformed, forged or expired."""

    code = "session_invalid"
    title = "Session invalid"


class RateLimited(CoreError):
    """Indicates too many calls; `retry_after` is in seconds."""

    code = "rate_limited"
    title = "Too many requests"


class StorageUnavailable(CoreError):
    """Indicates that S3, DynamoDB or SQS does not answer now; `retry_after` is in seconds."""

    code = "storage_unavailable"
    title = "Storage unavailable"


class LeaseLost(CoreError):
    """Indicates that a conversion is no longer this worker's: cancelled, deleted, or taken over."""

    code = "lease_lost"
    title = "Lease lost"


class MultipartUploadGone(CoreError):
    """Indicates a multipart upload that S3 does not know (any more): completed, aborted, or expired."""

    code = "multipart_upload_gone"
    title = "Multipart upload gone"


class ObjectMissing(CoreError):
    """Indicates a key that holds no object."""

    code = "object_missing"
    title = "Object missing"
