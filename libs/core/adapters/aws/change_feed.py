"""Decode stream records into changes."""

from collections.abc import Iterator, Sequence
from threading import Event as Flag

import structlog

from libs.core.adapters.aws.dynamodb.stream import Record, StreamReader
from libs.core.adapters.aws.messages import MISTAKES, parse_change
from libs.core.domain.events import Change
from libs.core.ports.change_feed import ChangeFeed

log = structlog.get_logger(__name__)


class DynamoDbChangeFeed(ChangeFeed):
    """ChangeFeed on a StreamReader."""

    def __init__(self, tail: StreamReader) -> None:
        self._tail = tail

    def follow(self, stop: Flag) -> Iterator[Sequence[Change] | None]:
        for records in self._tail.follow(stop):
            yield (
                None
                if records is None
                else [change for record in records if (change := _readable(record))]
            )


def _readable(record: Record) -> Change | None:
    """The change that a record tells of; one that cannot be read must not keep back those after it."""
    try:
        return parse_change(record)
    except MISTAKES as error:
        log.warning(
            "stream.unreadable", reason=repr(error), keys=record.get("dynamodb", {}).get("Keys")
        )
        return None
