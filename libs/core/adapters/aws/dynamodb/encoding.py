"""Convert objects of the domain to items of the table. `decoding.py` reads them.

An item also holds the keys of the indexes: `owner_kind` (listings), `expiry_shard` (sweep without a
scan) and `open_kind` (active items only).
"""

import zlib
from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from libs.core.adapters.aws.dynamodb.updates import RawItem
from libs.core.domain.conversions import (
    Conversion,
    Output,
    OutputUpload,
    Phase,
    Source,
)
from libs.core.domain.progress import Item
from libs.core.domain.uploads import Failure, TusState, Upload

SCHEMA = 1
"""Raise it for items that workers of earlier versions must not run."""

REQUEST_DIGEST = "fingerprint"
"""Attribute of `request_digest`, by its name since the first version."""

UNBLAMED, YIELDED, LOSS_MEANING = "released", "handed_over", "circumstance"
"""Attributes of the fields `unblamed_count`, `yielded` and `loss_meaning`. They keep the fields'
first names, because workers of earlier versions read them."""

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
        "conversions": list(upload.conversions),
    }
    if upload.size is not None:
        item["size"] = upload.size
    if upload.multipart_id:
        item["multipart_id"] = upload.multipart_id
    if upload.tus is not None:
        item["tus"] = encode_tus(upload.tus)
    if upload.request_digest:
        item[REQUEST_DIGEST] = upload.request_digest
    if upload.sha256:
        item["sha256"] = upload.sha256
    if upload.counted_bytes:
        item["counted_bytes"] = upload.counted_bytes
    if upload.completed_parts:
        item["completed_parts"] = set(upload.completed_parts)
    return item


def encode_tus(state: TusState) -> RawItem:
    """Return the attributes of a tus upload; older emulators refuse empty strings."""
    return {name: value for name, value in encode_fields(state).items() if value != ""}


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
        UNBLAMED: conversion.unblamed_count,
        REQUEST_DIGEST: conversion.request_digest,
        "client": conversion.client,
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
