"""The JSON shapes that more than one service shows: uploads, conversions, requests for conversions."""

from dataclasses import fields
from typing import Annotated, Any

import msgspec

from libs.core.domain.conversions import Conversion
from libs.core.domain.formats import ConversionOptions, ConversionRequest, check_request
from libs.core.domain.uploads import Failure, Upload
from libs.core.web.session import rfc3339


class ConvertOptions(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A conversion asked for, without the upload it is of."""

    format: str
    bitrate: str | None = None
    quality: int | None = None
    sample_rate: int | None = None
    channels: int | None = None
    bit_depth: int | None = None
    start: Annotated[float, msgspec.Meta(ge=0)] | None = None
    end: Annotated[float, msgspec.Meta(gt=0)] | None = None
    normalize: float | None = None
    fade_in: float | None = None
    fade_out: float | None = None
    filename: str | None = None

    def checked(self) -> ConversionRequest:
        """The request, when every part of it is possible. Raises FormatUnsupported, OptionInvalid."""
        options = ConversionOptions(
            **{option.name: getattr(self, option.name) for option in fields(ConversionOptions)}
        )
        return check_request(ConversionRequest(self.format, options, self.filename))


def upload_view(upload: Upload) -> dict[str, Any]:
    """An *upload* of the contract."""
    return _present(
        id=upload.id,
        status=upload.status.value,
        filename=upload.filename,
        size=upload.size,
        content_type=upload.content_type,
        part_size=upload.part_size,
        part_count=upload.part_count,
        completed_parts=sorted(upload.completed_parts),
        uploaded_bytes=upload.uploaded_bytes,
        percent=upload.percent,
        conversions=list(upload.conversions),
        error=failure_view(upload.error),
        **_stamps(upload),
    )


def conversion_view(conversion: Conversion, queue_position: int | None = None) -> dict[str, Any]:
    """A *conversion* of the contract."""
    source, output = conversion.source, conversion.output
    return _present(
        id=conversion.id,
        upload_id=conversion.upload_id,
        status=conversion.status.value,
        phase=conversion.phase.value,
        percent=conversion.percent,
        eta_seconds=conversion.eta_seconds,
        speed=conversion.speed,
        format=conversion.format,
        options=conversion.options.as_dict(),
        source=source
        and _present(
            codec=source.codec,
            container=source.container,
            duration=source.duration,
            sample_rate=source.sample_rate,
            channels=source.channels,
            bit_depth=source.bit_depth,
            bitrate=source.bitrate,
            tags=dict(source.tags),
            has_cover=source.has_cover,
        ),
        output=output
        and {
            "filename": output.filename,
            "size": output.size,
            "media_type": output.media_type,
            "duration": output.duration,
            "sha256": output.sha256,
        },
        warnings=list(conversion.warnings),
        error=failure_view(conversion.error),
        attempts=conversion.attempts,
        queue_position=queue_position,
        started_at=conversion.started_at and rfc3339(conversion.started_at),
        finished_at=conversion.finished_at and rfc3339(conversion.finished_at),
        **_stamps(conversion),
    )


def failure_view(error: Failure | None) -> dict[str, str] | None:
    return {"code": error.code, "detail": error.detail} if error else None


def _stamps(item: Upload | Conversion) -> dict[str, Any]:
    return {
        "version": item.version,
        "created_at": rfc3339(item.created_at),
        "updated_at": rfc3339(item.updated_at),
        "expires_at": rfc3339(item.expires_at),
    }


def _present(**members: Any) -> dict[str, Any]:
    """The members that there are: the contract leaves out what is not known instead of sending null."""
    return {name: value for name, value in members.items() if value is not None}
