"""Define the errors of the domain: a stable `code` for programs, a `detail` for the user.

The codes are part of the HTTP API (`docs/api.md`); the wording of `detail` may change. The HTTP
status of each error is in `libs/core/web/problems.py`.
"""

from typing import Any, ClassVar


class CoreError(Exception):
    """Hold the detail of an error; the base class of those that become problem documents.

    `context` holds further members of the problem document, for example `missing_parts`.
    """

    code: ClassVar[str]
    title: ClassVar[str]

    def __init__(self, detail: str, **context: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.context = context


class UploadNotFound(CoreError):
    """Indicate that the session has no upload of this id."""

    code = "upload_not_found"
    title = "Upload not found"


class ConversionNotFound(CoreError):
    """Indicate that the session has no conversion of this id."""

    code = "conversion_not_found"
    title = "Conversion not found"


class ItemNotFound(CoreError):
    """Indicate an id that is neither of an upload nor of a conversion."""

    code = "not_found"
    title = "Not found"


class FilenameInvalid(CoreError):
    """Indicate a file name that is too long, or has no printable character."""

    code = "filename_invalid"
    title = "File name invalid"


class FileEmpty(CoreError):
    """Indicate a file size of 0 bytes."""

    code = "file_empty"
    title = "File empty"


class FileTooLarge(CoreError):
    """Indicate a file above the size limit. `limit` is in bytes."""

    code = "file_too_large"
    title = "File too large"


class UploadIncomplete(CoreError):
    """Indicate that S3 lacks parts. `missing_parts` lists their numbers."""

    code = "upload_incomplete"
    title = "Upload incomplete"


class UploadClosed(CoreError):
    """Indicate an upload that takes no more parts or conversions."""

    code = "upload_closed"
    title = "Upload closed"


class TooManyConversions(CoreError):
    """Indicate an upload that has as many conversions as one may have, which is `limit`."""

    code = "too_many_conversions"
    title = "Too many conversions"


class UploadJoined(CoreError):
    """Indicate bytes for a tus upload that was joined from others (`Upload-Concat: final`)."""

    code = "upload_joined"
    title = "Upload joined"


class PartNumberInvalid(CoreError):
    """Indicate a part number below 1, or above the upload's number of parts.

    While the size of the upload is unknown, numbers up to 10,000 are valid. For an
    upload of Uppy, FileTooLarge refuses the numbers that a file of the maximum size does not need.
    """

    code = "part_number_invalid"
    title = "Part number invalid"


class PartSizeMismatch(CoreError):
    """Indicate a part whose length differs from the expected one. `expected` is in bytes.

    For a report, `missing_parts` lists the parts that S3 does not have with their length.
    """

    code = "part_size_mismatch"
    title = "Part size mismatch"


class ChecksumMismatch(CoreError):
    """Indicate that the received bytes do not match the client's checksum."""

    code = "checksum_mismatch"
    title = "Checksum mismatch"


class OffsetMismatch(CoreError):
    """Indicate a tus request for another offset than the upload has."""

    code = "offset_mismatch"
    title = "Offset mismatch"


class UploadLocked(CoreError):
    """Indicate that another request has begun to write to this upload."""

    code = "upload_locked"
    title = "Upload locked"


class TusRequestInvalid(CoreError):
    """Indicate a tus header that is missing or malformed."""

    code = "tus_request_invalid"
    title = "Request invalid"


class MediaTypeUnsupported(CoreError):
    """Indicate a body of another media type than the route takes."""

    code = "media_type_unsupported"
    title = "Media type not supported"


class FormatUnsupported(CoreError):
    """Indicate an unknown output format."""

    code = "format_unsupported"
    title = "Format unsupported"


class OptionInvalid(CoreError):
    """Indicate an option that the format does not allow. `allowed` lists its values."""

    code = "option_invalid"
    title = "Option invalid"


class IdempotencyKeyReused(CoreError):
    """Indicate an Idempotency-Key that was used before with another request."""

    code = "idempotency_key_reused"
    title = "Idempotency key reused"


class CursorInvalid(CoreError):
    """Indicate a cursor that no listing has returned."""

    code = "cursor_invalid"
    title = "Cursor invalid"


class NotReady(CoreError):
    """Indicate a download of a conversion that is not completed."""

    code = "not_ready"
    title = "Not ready"


class ConversionFinished(CoreError):
    """Indicate a cancellation of a conversion that is completed or failed."""

    code = "conversion_finished"
    title = "Conversion finished"


class Gone(CoreError):
    """Indicate an output missing in storage, or a tus upload that ended before it was complete."""

    code = "gone"
    title = "Gone"


class SessionInvalid(CoreError):
    """Indicate a bearer token that is malformed, forged, expired or revoked."""

    code = "session_invalid"
    title = "Session invalid"


class RateLimited(CoreError):
    """Indicate too many requests. `retry_after` is in seconds."""

    code = "rate_limited"
    title = "Too many requests"


class StorageUnavailable(CoreError):
    """Indicate that S3, DynamoDB, SQS or ECS cannot answer now. `retry_after` is in seconds."""

    code = "storage_unavailable"
    title = "Storage unavailable"


class LeaseLost(CoreError):
    """Indicate that a worker no longer holds the lease of a conversion."""

    code = "lease_lost"
    title = "Lease lost"


class MultipartUploadGone(CoreError):
    """Indicate a multipart upload that S3 does not know: S3's NoSuchUpload."""

    code = "multipart_upload_gone"
    title = "Multipart upload gone"


class PartsChanged(CoreError):
    """Indicate that a part was stored again after the parts were listed: S3's InvalidPart."""

    code = "parts_changed"
    title = "Parts changed"


class ObjectMissing(CoreError):
    """Indicate that there is no object under a key: S3's NoSuchKey."""

    code = "object_missing"
    title = "Object missing"


def title_of(code: str) -> str:
    """Return the title of a code: RFC 9457 (3.1.3) allows only one for all problems of a type."""
    titles = {kind.code: kind.title for kind in CoreError.__subclasses__()}
    return titles.get(code) or _OTHER_TITLES.get(code) or code.replace("_", " ").capitalize()


_OTHER_TITLES = {"internal": "Internal error", "http_error": "HTTP error"}
