"""Convert items of the table to objects of the domain. `encoding.py` writes them.

Two versions of a service run side by side during a deployment: unknown attributes are ignored when
reading and kept when writing, and unknown statuses and phases are shown as they are. A conversion
with an unknown format or option, or with a `schema` above ours, is left to the workers of the
version that wrote it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from typing import Any, TypeVar

from libs.core.adapters.aws.dynamodb.attributes import (
    DecodeError,
    ItemAttributes,
    decode_fields,
    log_unreadable,
)
from libs.core.adapters.aws.dynamodb.encoding import (
    LOSS_MEANING,
    REQUEST_DIGEST,
    SCHEMA,
    UNBLAMED,
    YIELDED,
)
from libs.core.adapters.aws.dynamodb.sources import decode_source
from libs.core.adapters.aws.dynamodb.updates import RawItem
from libs.core.adapters.aws.dynamodb.warnings import decode_warnings
from libs.core.domain.conversions import (
    Conversion,
    ConversionStatus,
    LossMeaning,
    Output,
    OutputUpload,
    Phase,
)
from libs.core.domain.formats import FORMATS, ConversionOptions
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Item, StoredItem, UnreadableItem
from libs.core.domain.uploads import Failure, TusState, Upload, UploadStatus

T = TypeVar("T")


def decode_item(item: Mapping[str, Any]) -> Item | None:
    """Return the upload or conversion of an item, None for any other item.

    Raises:
        DecodeError: this version cannot read the item.
    """
    kind = kind_of(str(item.get("pk", "")))
    if kind is None:
        return None
    return decode_upload(item) if kind == "upload" else decode_conversion(item)


def decode_readable(decode: Callable[[RawItem], T | None], items: Iterable[RawItem]) -> Iterator[T]:
    """Yield decoded items, and pass over those that cannot be read: they must block nobody."""
    for item in items:
        try:
            decoded = decode(item)
        except DecodeError as error:
            log_unreadable(error)
        else:
            if decoded is not None:
                yield decoded


def decode_if_readable(item: RawItem) -> Item | None:
    """Return the upload or conversion of an item, None for any other and for unreadable ones."""
    try:
        return decode_item(item)
    except DecodeError as error:
        log_unreadable(error)
        return None


def decode_for_removal(item: Mapping[str, Any]) -> StoredItem | None:
    """Return an item whose objects are to be deleted, also if only its key can be read."""
    try:
        return decode_item(item)
    except DecodeError as error:
        log_unreadable(error)
        return UnreadableItem(error.item_id, ItemAttributes(item).integer("expires_at", 0))


def decode_upload(item: Mapping[str, Any]) -> Upload:
    """Return an upload. Raises DecodeError."""
    attributes = ItemAttributes(item)
    size = attributes.optional_number("size")
    tus = attributes.record("tus", TusState)
    if tus is None and "tus" in item:
        raise DecodeError(attributes.id, "no readable tus")
    return Upload(
        **_decode_common(attributes),
        filename=attributes.text("filename"),
        size=None if size is None else int(size),
        content_type=attributes.text("content_type", "application/octet-stream"),
        part_size=attributes.integer("part_size"),
        multipart_id=attributes.optional_text("multipart_id") or "",
        status=UploadStatus.of(attributes.text("status")),
        completed_parts=attributes.integers("completed_parts"),
        conversions=attributes.texts("conversions"),
        tus=tus,
        request_digest=attributes.optional_text(REQUEST_DIGEST),
        sha256=attributes.optional_text("sha256"),
        counted_bytes=attributes.integer("counted_bytes", 0),
    )


def decode_conversion(item: Mapping[str, Any]) -> Conversion:
    """Return a conversion. Raises DecodeError."""
    attributes = ItemAttributes(item)
    return Conversion(
        **_decode_common(attributes),
        upload_id=attributes.text("upload_id"),
        format=attributes.text("format"),
        options=decode_fields(ConversionOptions, attributes.mapping("options")),
        filename=attributes.text("filename"),
        status=ConversionStatus.of(attributes.text("status")),
        phase=Phase.of(attributes.text("phase")),
        percent=attributes.number("percent", 0.0),
        speed=attributes.optional_number("speed"),
        eta_seconds=attributes.optional_number("eta_seconds"),
        source=decode_source(attributes),
        output=attributes.record("output", Output, duration=0.0, sha256=""),
        warnings=attributes.texts("warnings"),
        warning_details=decode_warnings(attributes),
        attempts=attributes.integer("attempts", 0),
        unblamed_count=attributes.integer(UNBLAMED, 0),
        yielded=attributes.integer(YIELDED, 0),
        blamed=attributes.integers("blamed"),
        suspect=item.get("suspect") is True,
        loss_meaning=_decode_loss_meaning(attributes),
        worker=attributes.optional_text("worker"),
        output_upload=_decode_output_upload(attributes.mapping("output_upload")),
        started_at=attributes.optional_number("started_at"),
        finished_at=attributes.optional_number("finished_at"),
        request_digest=attributes.optional_text(REQUEST_DIGEST),
        client=attributes.optional_text("client"),
        unsupported=_find_unsupported(attributes),
    )


def _decode_common(attributes: ItemAttributes) -> dict[str, Any]:
    created_at = attributes.number("created_at")
    return {
        "id": attributes.id,
        "owner": attributes.text("owner"),
        "version": attributes.integer("version", 1),
        "created_at": created_at,
        "updated_at": attributes.number("updated_at", created_at),
        "expires_at": attributes.integer("expires_at"),
        "error": attributes.record("error", Failure, code="internal", detail=""),
        "trace": attributes.optional_text("trace"),
    }


def _find_unsupported(attributes: ItemAttributes) -> tuple[str, ...]:
    """Return what a worker would have to know, and does not."""
    known = {f.name for f in fields(ConversionOptions)}
    found = [f"option {name}" for name in attributes.mapping("options") if name not in known]
    if attributes.text("format") not in FORMATS:
        found.append(f"format {attributes.text('format')}")
    if attributes.integer("schema", SCHEMA) > SCHEMA:
        found.append(f"schema {attributes.integer('schema')}")
    return tuple(sorted(found))


def _decode_loss_meaning(attributes: ItemAttributes) -> LossMeaning | None:
    values = attributes.mapping(LOSS_MEANING)
    if values.get("attempt") != attributes.integer("attempts", 0):
        return None  # a worker of an earlier version has claimed it since
    return LossMeaning.of(str(values.get("is")))


def _decode_output_upload(values: Mapping[str, Any]) -> OutputUpload | None:
    names = ("key", "multipart_id", "recipe")
    found = [values[name] for name in names if isinstance(values.get(name), str)]
    # Without it the next attempt only starts from the beginning.
    return OutputUpload(*found) if len(found) == len(names) else None
