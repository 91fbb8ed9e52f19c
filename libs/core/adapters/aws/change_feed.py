"""Decode stream records into changes."""

import threading
from collections.abc import Iterator, Sequence

import structlog

from libs.core.adapters.aws.dynamodb.stream import Record, StreamReader
from libs.core.adapters.aws.messages import DECODE_ERRORS, parse_change
from libs.core.domain.events import Change
from libs.core.ports.change_feed import ChangeFeed

log = structlog.get_logger(__name__)


class DynamoDbChangeFeed(ChangeFeed):
    """Follow the table's stream."""

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader

    def follow(self, stop: threading.Event) -> Iterator[Sequence[Change] | None]:
        for records in self._reader.follow(stop):
            yield None if records is None else [c for r in records if (c := _decode(r))]


def _decode(record: Record) -> Change | None:
    """Return the change of a record; None for one that cannot be read.

    The records after it are still delivered.
    """
    try:
        return parse_change(record)
    except DECODE_ERRORS as error:
        keys = record.get("dynamodb", {}).get("Keys")
        log.warning("stream.record_unreadable", reason=repr(error), keys=keys)
        return None
