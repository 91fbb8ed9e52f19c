"""Define the JSON documents of formats, conversions and downloads."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from libs.core.domain.conversions import Conversion, ConversionStatus, Output, Phase
from libs.core.domain.formats import Format, QualityRange
from libs.core.ports.conversions import ConversionPage
from libs.core.web.schemas import (
    ConversionRequestSchema,
    FailureSchema,
    Percent,
    Schema,
    Timestamp,
    rfc3339,
    unless_none,
)
from services.conversion.source_schemas import Seconds, SourceSchema
from services.conversion.use_cases import Download


class CreateConversionRequest(ConversionRequestSchema, forbid_unknown_fields=True, kw_only=True):
    """Describe a conversion of an upload that has arrived or is on its way."""

    upload_id: str


class QualityRangeSchema(Schema):
    """Describe the encoder's own scale of variable bitrate; `best` is the better end.

    `default` is what a form should show at first. The service itself does not use it.
    """

    min: int
    max: int
    default: int
    best: int

    @classmethod
    def of(cls, quality: QualityRange | None) -> "QualityRangeSchema | UnsetType":
        """Return the document of a range, UNSET for a format without one."""
        if quality is None:
            return UNSET
        return cls(min=quality.min, max=quality.max, default=quality.suggested, best=quality.best)


class FormatOptionsSchema(Schema):
    """List the values that a format takes; an option that it does not have is absent."""

    bitrate: list[str] | UnsetType = UNSET
    quality: QualityRangeSchema | UnsetType = UNSET
    sample_rate: list[int] | UnsetType = UNSET
    channels: list[int] | UnsetType = UNSET
    bit_depth: list[int] | UnsetType = UNSET


class FormatSchema(Schema):
    """Describe an output format."""

    format: str
    extension: str
    media_type: str
    lossless: bool
    options: FormatOptionsSchema

    @classmethod
    def of(cls, fmt: Format) -> "FormatSchema":
        """Return the document of a format."""
        return cls(
            format=fmt.name,
            extension=fmt.extension,
            media_type=fmt.media_type,
            lossless=fmt.lossless,
            options=FormatOptionsSchema(
                bitrate=list(fmt.bitrates) or UNSET,
                quality=QualityRangeSchema.of(fmt.quality),
                sample_rate=list(fmt.sample_rates) or UNSET,
                channels=list(fmt.channels) or UNSET,
                bit_depth=list(fmt.bit_depths) or UNSET,
            ),
        )


class FormatsSchema(Schema):
    """List all output formats."""

    formats: list[FormatSchema]

    @classmethod
    def of(cls, formats: Iterable[Format]) -> "FormatsSchema":
        """Return the document of these formats."""
        return cls(formats=[FormatSchema.of(fmt) for fmt in formats])


class ConversionOptionsSchema(Schema):
    """Repeat the options that a conversion was requested with."""

    bitrate: str | UnsetType = UNSET
    quality: int | UnsetType = UNSET
    sample_rate: int | UnsetType = UNSET
    channels: int | UnsetType = UNSET
    bit_depth: int | UnsetType = UNSET
    start: Seconds | UnsetType = UNSET
    end: Seconds | UnsetType = UNSET
    normalize: Annotated[float, Meta(description="LUFS")] | UnsetType = UNSET
    fade_in: Seconds | UnsetType = UNSET
    fade_out: Seconds | UnsetType = UNSET
    track: int | UnsetType = UNSET
    keep_delay: bool | UnsetType = UNSET


class OutputSchema(Schema):
    """Describe a finished file."""

    filename: str
    size: Annotated[int, Meta(description="bytes")]
    media_type: str
    duration: Seconds
    sha256: Annotated[str, Meta(description="hexadecimal")]

    @classmethod
    def of(cls, output: Output | None) -> "OutputSchema | UnsetType":
        """Return the document of an output, UNSET before there is one."""
        if output is None:
            return UNSET
        return cls(
            filename=output.filename,
            size=output.size,
            media_type=output.media_type,
            duration=output.duration,
            sha256=output.sha256,
        )


class WarningSchema(Schema):
    """Describe a warning by a stable code, a reason if the code has several, and a sentence."""

    code: str
    detail: str
    reason: str | UnsetType = UNSET


class ConversionSchema(Schema, kw_only=True):
    """Describe a conversion."""

    id: str
    upload_id: str
    status: ConversionStatus
    phase: Phase
    percent: Percent
    eta_seconds: float | UnsetType = UNSET
    speed: Annotated[float, Meta(description="seconds of audio a second")] | UnsetType = UNSET
    format: str
    options: ConversionOptionsSchema
    source: SourceSchema | UnsetType = UNSET
    output: OutputSchema | UnsetType = UNSET
    warnings: list[str]
    warning_details: list[WarningSchema]
    error: FailureSchema | UnsetType = UNSET
    attempts: int
    queue_position: int | UnsetType = UNSET
    started_at: Timestamp | UnsetType = UNSET
    finished_at: Timestamp | UnsetType = UNSET
    version: int
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp

    @classmethod
    def of(cls, conversion: Conversion, queue_position: int | None = None) -> "ConversionSchema":
        """Return the document of a conversion."""
        return cls(
            id=conversion.id,
            upload_id=conversion.upload_id,
            status=conversion.status,
            phase=conversion.phase,
            percent=conversion.percent,
            eta_seconds=unless_none(conversion.eta_seconds),
            speed=unless_none(conversion.speed),
            format=conversion.format,
            options=ConversionOptionsSchema(**conversion.options.as_dict()),
            source=SourceSchema.of(conversion.source),
            output=OutputSchema.of(conversion.output),
            warnings=list(conversion.warnings),
            warning_details=[
                WarningSchema(code=each.code, reason=unless_none(each.reason), detail=each.detail)
                for each in conversion.warning_details
            ],
            error=FailureSchema.of(conversion.error),
            attempts=conversion.attempts,
            queue_position=unless_none(queue_position),
            started_at=_time(conversion.started_at),
            finished_at=_time(conversion.finished_at),
            version=conversion.version,
            created_at=rfc3339(conversion.created_at),
            updated_at=rfc3339(conversion.updated_at),
            expires_at=rfc3339(conversion.expires_at),
        )


class ConversionListSchema(Schema):
    """List conversions, the newest first; `next` is the cursor of the next page."""

    items: list[ConversionSchema]
    next: str | None

    @classmethod
    def of(cls, page: ConversionPage) -> "ConversionListSchema":
        """Return the document of a page of conversions."""
        return cls(items=[ConversionSchema.of(found) for found in page.items], next=page.next)


class DownloadSchema(Schema):
    """Say where a finished file can be downloaded, and until when."""

    url: str
    filename: str
    media_type: str
    size: Annotated[int, Meta(description="bytes")]
    expires_at: Timestamp

    @classmethod
    def of(cls, download: Download) -> "DownloadSchema":
        """Return the document of a download."""
        return cls(
            url=download.url,
            filename=download.filename,
            media_type=download.media_type,
            size=download.size,
            expires_at=rfc3339(download.expires_at),
        )


def _time(epoch: float | None) -> str | UnsetType:
    return UNSET if epoch is None else rfc3339(epoch)
