"""Convert between items of the table and objects of the domain.

An item also holds the keys of the indexes: `owner_kind` (listings), `expiry_shard` (sweep without a
scan) and `open_kind` (active items only); and `schema`. Two versions of a service run side by side
during a deployment: unknown attributes are ignored when reading and kept when writing.
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
"""Number of partitions of the `by-expiry` index. One alone would get all writes of new items."""


def owner_kind(owner: str, kind: str) -> str:
    return f"{owner}#{kind}"


def expiry_shard(pk: str) -> str:
    return str(zlib.crc32(pk.encode()) % EXPIRY_SHARDS)


def open_kind(phase: Phase) -> str:
    """Return the partition of the `open` index for a conversion in this phase."""
    return f"conversion-{phase if phase in (Phase.WAITING, Phase.QUEUED) else 'running'}"


OPEN_UPLOAD = "upload"


def to_dynamodb(value: Any) -> Any:
    """Convert a value for DynamoDB: floats to decimals, no None inside maps."""
    if isinstance(value, float):
        return Decimal(repr(round(value, 6)))
    if isinstance(value, Mapping):
        return {key: to_dynamodb(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [to_dynamodb(inner) for inner in value]
    return value


def encode_upload(upload: Upload) -> dict[str, Any]:
    """Return the item of a new upload."""
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
        item["tus"] = encode_fields(upload.tus)
    if upload.completed_parts:
        item["completed_parts"] = set(upload.completed_parts)
    return item


def encode_conversion(conversion: Conversion) -> dict[str, Any]:
    """Return the item of a new conversion."""
    item = _common(conversion, "conversion") | {
        "open_kind": open_kind(conversion.phase),
        "upload_id": conversion.upload_id,
        "format": conversion.format,
        "options": to_dynamodb(conversion.options.as_dict()),
        "filename": conversion.filename,
        "phase": conversion.phase,
        "percent": to_dynamodb(conversion.percent),
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
        "created_at": to_dynamodb(item.created_at),
        "updated_at": to_dynamodb(item.updated_at),
        "expires_at": item.expires_at,
        **({"trace": item.trace} if item.trace else {}),
    }


def decode_item(item: Mapping[str, Any]) -> Item | None:
    """Return the upload or conversion of an item, None for any other item."""
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
        tus=_decode_fields(TusState, item["tus"]) if "tus" in item else None,
    )


def decode_conversion(item: Mapping[str, Any]) -> Conversion:
    source, output, writing = item.get("source"), item.get("output"), item.get("output_upload")
    return Conversion(
        **_shared(item),
        upload_id=item["upload_id"],
        format=item["format"],
        options=_decode_fields(ConversionOptions, item["options"]),
        filename=item["filename"],
        status=ConversionStatus(item["status"]),
        phase=Phase(item["phase"]),
        percent=float(item["percent"]),
        speed=_float(item.get("speed")),
        eta_seconds=_float(item.get("eta_seconds")),
        source=_decode_fields(Source, source) if source else None,
        output=_decode_fields(Output, output) if output else None,
        warnings=tuple(item.get("warnings", ())),
        attempts=int(item["attempts"]),
        released=int(item.get("released", 0)),
        worker=item.get("worker"),
        output_upload=_decode_output_upload(writing) if writing else None,
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
        "error": _decode_fields(Failure, error) if error else None,
        "trace": item.get("trace"),
    }


def _decode_fields(kind: Callable[..., T], values: Mapping[str, Any]) -> T:
    """Create a dataclass from a map, with decimals as int or float, and ignore unknown names."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]  # dataclasses only
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


def encode_fields(value: Failure | Source | Output | TusState) -> dict[str, Any]:
    """Return the map of a dataclass."""
    encoded: dict[str, Any] = to_dynamodb(asdict(value))
    return encoded


def encode_output_upload(value: OutputUpload) -> dict[str, Any]:
    """Return the map of an output's multipart upload.

    `recipe` is the attribute's name since the first version, which may run side by side with this.
    """
    return {
        "key": value.key,
        "multipart_id": value.multipart_id,
        "recipe": value.encoder_fingerprint,
    }


def _decode_output_upload(values: Mapping[str, Any]) -> OutputUpload:
    return OutputUpload(values["key"], values["multipart_id"], values["recipe"])
