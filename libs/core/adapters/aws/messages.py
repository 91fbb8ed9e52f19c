"""Message bodies of the inboxes, as S3 and the table's stream write them, read as events of the domain.

S3: `{"Records": [{"eventName": "ObjectCreated:…", "s3": {"object": {"key": "uploads%2F…"}}}]}`, the key URL-encoded
in one of several ways; `{"Event": "s3:TestEvent"}` when a notification is set up.
The stream: one record as GetRecords gives it, through pipe or relay, topic and subscription.
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from libs.core.adapters.aws.dynamodb.codec import decode_item
from libs.core.adapters.aws.dynamodb.table import python_item
from libs.core.domain.conversions import Phase
from libs.core.domain.events import Change, ConversionQueued, Event, FileUploaded, ItemRemoved
from libs.core.domain.ids import kind_of
from libs.core.domain.uploads import upload_id_of

TTL_PRINCIPAL = "dynamodb.amazonaws.com"
"""Who removes an item when DynamoDB's TTL does (`userIdentity` of the record)."""


MISTAKES = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What reading raises where a record is not as it should be, or of a version that we do not know."""


class UnreadableMessage(Exception):
    """Indicates a body that is neither of the two."""


def parse_message(body: str) -> tuple[Event, ...]:
    """What a message says; empty for one that says nothing to us. Raises UnreadableMessage."""
    try:
        message = json.loads(body)
        if message.get("Event") == "s3:TestEvent":
            return ()
        if "Records" in message:
            return tuple(_from_s3(message["Records"]))
        if "dynamodb" in message:
            return tuple(_from_stream(message))
    except (*MISTAKES, RecursionError) as error:
        raise UnreadableMessage(
            f"not a message of S3 or of the stream: {type(error).__name__}"
        ) from error
    raise UnreadableMessage("not a message of S3 or of the stream")


def _from_s3(records: list[dict[str, Any]]) -> Iterator[Event]:
    for record in records:
        if not record["eventName"].startswith("ObjectCreated:"):
            continue
        upload_id = upload_id_of(unquote_plus(record["s3"]["object"]["key"]))
        if upload_id and kind_of(upload_id) == "upload":
            yield FileUploaded(upload_id)


def _from_stream(record: dict[str, Any]) -> Iterator[Event]:
    change = parse_change(record)
    if change is None:
        return
    if change.now is None:
        yield ItemRemoved(
            change.item, expired=record.get("userIdentity", {}).get("principalId") == TTL_PRINCIPAL
        )
    elif getattr(change.now, "phase", None) is Phase.QUEUED:
        yield ConversionQueued(change.now.id)


def parse_change(record: dict[str, Any]) -> Change | None:
    """The change that a stream record tells of; None for an item that is neither upload nor conversion."""
    images = record["dynamodb"]
    old, new = (python_item(images.get(name)) for name in ("OldImage", "NewImage"))
    before, now = (decode_item(image) if image else None for image in (old, new))
    if record["eventName"] == "REMOVE":
        now = None
    return Change(before, now) if before or now else None
