"""Items of the table and the domain's objects: one turned into the other.

Besides the object's fields an item holds what the indexes need: `owner_kind` (history), `expiry_shard` (sweep without a
scan), `open_kind` (only while under way), and `schema`, so that two versions of a service can run side by side: unknown
attributes are ignored on read and left alone on write.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any, TypeVar

from libs.core.domain.conversions import (
    Conversion,
    ConversionStatus,
    Output,
    OutputUpload,
    Phase,
    Source,
)
from libs.core.domain.formats import ConversionOptions
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Item
from libs.core.domain.uploads import Failure, TusState, Upload, UploadStatus

T = TypeVar("T")

SCHEMA = 1
EXPIRY_SHARDS = 8
"""Partitions of the `by-expiry` index: every write of a new item lands in one, so one alone would be hot."""


def owner_kind(owner: str, kind: str) -> str:
    return f"{owner}#{kind}"


def expiry_shard(pk: str) -> str:
    return str(zlib.crc32(pk.encode()) % EXPIRY_SHARDS)


def open_kind(phase: Phase) -> str:
    """The partition of the `open` index for a conversion in this phase."""
    return f"conversion-{phase if phase in (Phase.WAITING, Phase.QUEUED) else 'running'}"


OPEN_UPLOAD = "upload"


def to_plain(value: Any) -> Any:
    """A value as DynamoDB takes it: floats as decimals, no None inside maps."""
    if isinstance(value, float):
        return Decimal(repr(round(value, 6)))
    if isinstance(value, Mapping):
        return {key: to_plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [to_plain(inner) for inner in value]
    return value


def encode_upload(upload: Upload) -> dict[str, Any]:
    """The item of a new upload."""
    item = _common(upload, "upload") | {
        "open_kind": OPEN_UPLOAD,
        "filename": upload.filename,
        "content_type": upload.content_type,
        "part_size": upload.part_size,
        "multipart_id": upload.multipart_id,
        "conversions": list(upload.conversions),
    }
    if upload.size is not None:
        item["size"] = upload.size
    if upload.tus is not None:
        item["tus"] = fields_of(upload.tus)
    if upload.completed_parts:
        item["completed_parts"] = set(upload.completed_parts)
    return item


def encode_conversion(conversion: Conversion) -> dict[str, Any]:
    """The item of a new conversion."""
    item = _common(conversion, "conversion") | {
        "open_kind": open_kind(conversion.phase),
        "upload_id": conversion.upload_id,
        "format": conversion.format,
        "options": to_plain(conversion.options.as_dict()),
        "filename": conversion.filename,
        "phase": conversion.phase,
        "percent": to_plain(conversion.percent),
        "attempts": conversion.attempts,
        "released": conversion.released,
        "fingerprint": conversion.fingerprint,
    }
    return {name: value for name, value in item.items() if value is not None}


def _common(item: Item, kind: str) -> dict[str, Any]:
    return {
        "pk": item.id,
        "schema": SCHEMA,
        "owner": item.owner,
        "owner_kind": owner_kind(item.owner, kind),
        "expiry_shard": expiry_shard(item.id),
        "status": item.status,
        "version": item.version,
        "created_at": to_plain(item.created_at),
        "updated_at": to_plain(item.updated_at),
        "expires_at": item.expires_at,
        **({"trace": item.trace} if item.trace else {}),
    }


def decode_item(item: Mapping[str, Any]) -> Item | None:
    """The upload or conversion that an item is; None for an item that is neither."""
    kind = kind_of(str(item.get("pk", "")))
    if kind is None:
        return None
    return decode_upload(item) if kind == "upload" else decode_conversion(item)


def decode_upload(item: Mapping[str, Any]) -> Upload:
    return Upload(
        **_shared(item),
        filename=item["filename"],
        size=int(item["size"]) if "size" in item else None,
        content_type=item["content_type"],
        part_size=int(item["part_size"]),
        multipart_id=item["multipart_id"],
        status=UploadStatus(item["status"]),
        completed_parts=frozenset(int(number) for number in item.get("completed_parts", ())),
        conversions=tuple(item.get("conversions", ())),
        tus=_part(TusState, item["tus"]) if "tus" in item else None,
    )


def decode_conversion(item: Mapping[str, Any]) -> Conversion:
    source, output, writing = item.get("source"), item.get("output"), item.get("output_upload")
    return Conversion(
        **_shared(item),
        upload_id=item["upload_id"],
        format=item["format"],
        options=_part(ConversionOptions, item["options"]),
        filename=item["filename"],
        status=ConversionStatus(item["status"]),
        phase=Phase(item["phase"]),
        percent=float(item["percent"]),
        speed=_float(item.get("speed")),
        eta_seconds=_float(item.get("eta_seconds")),
        source=_part(Source, source) if source else None,
        output=_part(Output, output) if output else None,
        warnings=tuple(item.get("warnings", ())),
        attempts=int(item["attempts"]),
        released=int(item.get("released", 0)),
        worker=item.get("worker"),
        lease_until=_float(item.get("lease_until")),
        output_upload=_part(OutputUpload, writing) if writing else None,
        started_at=_float(item.get("started_at")),
        finished_at=_float(item.get("finished_at")),
        fingerprint=item.get("fingerprint"),
    )


def _shared(item: Mapping[str, Any]) -> dict[str, Any]:
    error = item.get("error")
    return {
        "id": item["pk"],
        "owner": item["owner"],
        "version": int(item["version"]),
        "created_at": float(item["created_at"]),
        "updated_at": float(item["updated_at"]),
        "expires_at": int(item["expires_at"]),
        "error": _part(Failure, error) if error else None,
        "trace": item.get("trace"),
    }


def _part(kind: Callable[..., T], values: Mapping[str, Any]) -> T:
    """A part of an object from its map: decimals as the int or float that they were, unknown names ignored."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]  # a class, and one of ours
    return kind(
        **{
            name: _number(value) if isinstance(value, Decimal) else value
            for name, value in values.items()
            if name in known
        }
    )


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def fields_of(value: Failure | Source | Output | OutputUpload | TusState) -> dict[str, Any]:
    """A part of an object as a map of the item."""
    plain: dict[str, Any] = to_plain(asdict(value))
    return plain
