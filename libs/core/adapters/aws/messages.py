"""Parse message bodies of the inboxes into events.

S3 sends `{"Records": [{"eventName": "ObjectCreated:…", "s3": {"object": {"key": "uploads%2F…"}}}]}`
with a URL-encoded key, and `{"Event": "s3:TestEvent"}` when a notification is set up. The topic
sends one record of the table's stream, as GetRecords returns it.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from libs.core.adapters.aws.dynamodb.decoding import (
    decode_for_removal,
    decode_if_readable,
    decode_item,
)
from libs.core.adapters.aws.dynamodb.table import deserialize_item
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.events import Change, ConversionQueued, Event, FileUploaded, ItemRemoved
from libs.core.domain.ids import kind_of
from libs.core.domain.uploads import upload_id_of

TTL_PRINCIPAL = "dynamodb.amazonaws.com"
"""The `userIdentity` of a record whose item was removed by DynamoDB's TTL."""

DECODE_ERRORS = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""Errors of parsing a record that is malformed, or of an unknown version."""


class UnreadableMessage(Exception):
    """Indicate a body that is neither an S3 event nor a stream record."""


def parse_message(body: str) -> tuple[Event, ...]:
    """Return the events of a message, none if it needs no action. Raises UnreadableMessage."""
    try:
        message = json.loads(body)
        if message.get("Event") == "s3:TestEvent":
            return ()
        if "Records" in message:
            return tuple(_from_s3(message["Records"]))
        if "dynamodb" in message:
            return tuple(_from_stream(message))
    except (*DECODE_ERRORS, RecursionError) as error:
        raise UnreadableMessage(
            f"neither an S3 event nor a stream record: {type(error).__name__}"
        ) from error
    raise UnreadableMessage("neither an S3 event nor a stream record")


def _from_s3(records: list[dict[str, Any]]) -> Iterator[Event]:
    for record in records:
        if not record["eventName"].startswith("ObjectCreated:"):
            continue
        upload_id = upload_id_of(unquote_plus(record["s3"]["object"]["key"]))
        if upload_id and kind_of(upload_id) == "upload":
            yield FileUploaded(upload_id)


def _from_stream(record: dict[str, Any]) -> Iterator[Event]:
    if record["eventName"] == "REMOVE":
        image = deserialize_item(record["dynamodb"].get("OldImage"))
        removed = decode_for_removal(image) if image else None
        if removed:
            principal = record.get("userIdentity", {}).get("principalId")
            yield ItemRemoved(removed, expired=principal == TTL_PRINCIPAL)
        return
    change = parse_change(record)
    if change and isinstance(change.after, Conversion) and change.after.phase is Phase.QUEUED:
        yield ConversionQueued(change.after.id)


def parse_change(record: dict[str, Any]) -> Change | None:
    """Return the change of a stream record, None if it is neither upload nor conversion.

    Raises:
        DecodeError: this version cannot read the item.
    """
    images = record["dynamodb"]
    old, new = (deserialize_item(images.get(name)) for name in ("OldImage", "NewImage"))
    if record["eventName"] == "REMOVE" or not new:
        removed = decode_item(old) if old else None
        return Change(removed, None) if removed else None
    after = decode_item(new)
    if after is None:
        return None
    # An old image that cannot be read becomes None; no consumer needs it.
    return Change(decode_if_readable(old) if old else None, after)
