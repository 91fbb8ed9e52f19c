"""Define the JSON documents of uploads."""

import re
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from libs.core.domain.checksums import ChecksumAlgorithm, PartChecksum
from libs.core.domain.formats import ConversionRequest
from libs.core.domain.uploads import Upload, UploadStatus
from libs.core.errors import ChecksumMismatch
from libs.core.ports.uploads import UploadPage
from libs.core.web.schemas import (
    ConversionRequestSchema,
    FailureSchema,
    Percent,
    Schema,
    Timestamp,
    rfc3339,
    unless_none,
)
from libs.core.web.strict_json import convert_strictly
from services.upload.parts import SignedPart

MAX_CONVERT = 8
"""Conversions that the request for one upload may contain."""
MAX_SIGN = 100
"""Parts that one request may sign."""
MAX_REPORT = 1_000
"""Parts that one request may report: as many as one call of ListParts shows."""


class StartUploadRequest(Struct, forbid_unknown_fields=True, kw_only=True):
    """Describe the file that a client is going to send."""

    filename: str
    size: Annotated[int, Meta(description="bytes, at least 1")]
    content_type: (
        Annotated[str, Meta(max_length=255, pattern=r"^[\x21-\x7e][\x20-\x7e]*$")] | None
    ) = None
    convert: (
        ConversionRequestSchema
        | Annotated[list[ConversionRequestSchema], Meta(max_length=MAX_CONVERT)]
        | None
    ) = None
    sha256: (
        Annotated[
            str, Meta(pattern=r"^[0-9a-f]{64}$", description="of the whole file, in hexadecimal")
        ]
        | None
    ) = None

    def conversions(self) -> list[ConversionRequestSchema]:
        """Return the requested conversions as a list, however they were given."""
        if self.convert is None:
            return []
        return self.convert if isinstance(self.convert, list) else [self.convert]


def choose_media_type(value: str | None) -> str:
    """Return the media type that a tus or Uppy client names, or that of unknown bytes.

    Those clients send whatever the browser says; a type that no header can hold is not an error.
    """
    usable = value and value.isascii() and value.isprintable() and len(value) <= 255
    return value if usable and value else "application/octet-stream"


def read_conversions(value: object) -> list[ConversionRequest]:
    """Read the metadata `convert` of a tus or Uppy client: a request, or a list of up to 8.

    It is JSON, or text that holds JSON.

    Raises:
        FormatUnsupported: The format does not exist.
        OptionInvalid: The format does not take an option or its value.
        ValueError: It is not JSON, not a conversion request, or a longer list.
    """
    if not value:
        return []
    try:
        # Python's own parser takes NaN, and halves of surrogate pairs, which no answer can hold.
        decoded = msgspec.json.decode(value) if isinstance(value, str) else value
        wanted = decoded if isinstance(decoded, list) else [decoded]
        asked: list[ConversionRequestSchema] = convert_strictly(
            wanted, Annotated[list[ConversionRequestSchema], Meta(max_length=MAX_CONVERT)]
        )
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    return [options.checked() for options in asked]


class SignPartsRequest(Struct, forbid_unknown_fields=True):
    """Name the parts to presign URLs for."""

    part_numbers: Annotated[list[int], Meta(min_length=1, max_length=MAX_SIGN)]
    checksum_algorithm: ChecksumAlgorithm | None = None
    checksums: Annotated[
        dict[str, str], Meta(max_length=MAX_SIGN, description="in Base64, by part number")
    ] = {}

    def by_part(self) -> dict[int, PartChecksum]:
        """Return the checksums by part number.

        Raises:
            ChecksumMismatch: One of the keys is not a number.
        """
        if not all(re.fullmatch("[0-9]{1,5}", key) for key in self.checksums):
            raise ChecksumMismatch("The checksums are named by part numbers.")
        algorithm = self.checksum_algorithm or "sha256"
        return {int(key): PartChecksum(algorithm, value) for key, value in self.checksums.items()}


class ReportPartsRequest(Struct, forbid_unknown_fields=True):
    """Name the parts that went straight to S3."""

    part_numbers: Annotated[list[int], Meta(min_length=1, max_length=MAX_REPORT)]


class EmptyRequest(Struct, forbid_unknown_fields=True):
    """Contain no fields, and refuse any."""


class UploadSchema(Schema, kw_only=True):
    """Describe an upload."""

    id: str
    status: UploadStatus
    filename: str
    size: Annotated[int, Meta(description="bytes; 0 while unknown (tus, Uppy)")]
    content_type: str
    part_size: Annotated[int, Meta(description="bytes of every part but the last")]
    part_count: int
    completed_parts: list[int]
    uploaded_bytes: int
    percent: Percent
    conversions: list[str]
    sha256: str | UnsetType = UNSET
    error: FailureSchema | UnsetType = UNSET
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp

    @classmethod
    def of(cls, upload: Upload) -> "UploadSchema":
        """Return the document of an upload."""
        return cls(
            id=upload.id,
            status=upload.status,
            filename=upload.filename,
            size=upload.size or 0,
            content_type=upload.content_type,
            part_size=upload.part_size,
            part_count=upload.part_count or 0,
            completed_parts=upload.completed_positions,
            uploaded_bytes=upload.uploaded_bytes,
            percent=upload.percent,
            conversions=list(upload.conversions),
            sha256=unless_none(upload.sha256),
            error=FailureSchema.of(upload.error),
            version=upload.version,
            created_at=rfc3339(upload.created_at),
            updated_at=rfc3339(upload.updated_at),
            expires_at=rfc3339(upload.expires_at),
        )


class UploadLimitsSchema(Schema):
    """Say how large a file may be, in bytes, and how long it is kept, in seconds."""

    max_file_size: int
    lifetime: int


class UploadListSchema(Schema):
    """List uploads, the newest first; `next` is the cursor of the next page."""

    items: list[UploadSchema]
    next: str | None
    limits: UploadLimitsSchema

    @classmethod
    def of(cls, page: UploadPage, limits: UploadLimitsSchema) -> "UploadListSchema":
        """Return the document of a page of uploads."""
        items = [UploadSchema.of(upload) for upload in page.items]
        return cls(items=items, next=page.next, limits=limits)


class SignedPartSchema(Schema):
    """Say where to PUT one part, with which headers, and until when."""

    part_number: int
    url: str
    headers: dict[str, str]
    expires_at: Timestamp


class SignedPartsSchema(Schema):
    """Give presigned URLs for parts."""

    parts: list[SignedPartSchema]

    @classmethod
    def of(cls, signed: list[SignedPart]) -> "SignedPartsSchema":
        """Return the document of signed parts."""
        # Content-Length is signed too, but every HTTP client sends it, and a browser lets no
        # script set it.
        return cls(
            parts=[
                SignedPartSchema(
                    part_number=part.number,
                    url=part.url,
                    headers=dict(part.headers),
                    expires_at=rfc3339(part.expires_at),
                )
                for part in signed
            ]
        )
