"""Read the queue from the sparse `open` index."""

import threading
import time
from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice

from boto3.dynamodb.conditions import Key

from libs.core.adapters.aws.dynamodb.codec import (
    decode_conversion,
    decode_readable,
    open_kind,
)
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import RawItem
from libs.core.domain.conversions import RUNNING, Conversion, Phase
from libs.core.domain.fair_order import fair_order, fair_position
from libs.core.ports.conversion_queue import BACKLOG_SAMPLE, Backlog, ConversionQueue

READING_SHARE = 5
"""At most one part in this many of the time goes into readings of a long queue."""


class DynamoDbConversionQueue(ConversionQueue):
    """Read the `open` index, which holds active items only.

    Positions need all of them, so they are read once for all that ask within a moment.
    """

    def __init__(self, table: Table, max_age: float = 0.0) -> None:
        """Answer `position` from a reading that is up to `max_age` seconds old.

        After a slow reading the age may be `READING_SHARE` times as long as the reading took.
        """
        self._table = table
        self._max_age = max_age
        self._reading = threading.Lock()
        self._positions: dict[str, int] = {}
        self._queued: list[Conversion] = []
        self._running: list[Conversion] = []
        self._fresh_until = float("-inf")

    def position(self, conversion: Conversion) -> int:
        with self._reading:
            if time.monotonic() >= self._fresh_until:
                self._read()
            if place := self._positions.get(conversion.id):
                return place
            queued, running = self._queued, self._running
        return fair_position(conversion, queued, running)

    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        found = [
            decode_readable(decode_conversion, self._query(kind, phases))
            for kind in dict.fromkeys(map(open_kind, phases))
        ]
        return merge(*found, key=lambda conversion: conversion.created_at)

    def _read(self) -> None:
        began = time.monotonic()
        found = list(self.in_phase(Phase.QUEUED, *RUNNING))
        self._queued = [c for c in found if c.phase is Phase.QUEUED]
        self._running = [c for c in found if c.phase is not Phase.QUEUED]
        order = fair_order(self._queued, self._running)
        self._positions = {c.id: place for place, c in enumerate(order, 1)}
        took = time.monotonic() - began
        if self._max_age:
            self._fresh_until = began + took + max(self._max_age, READING_SHARE * took)

    def backlog(self) -> Backlog:
        queued, running = (
            Key("open_kind").eq(open_kind(phase)) for phase in (Phase.QUEUED, Phase.CONVERTING)
        )
        first = list(islice(self._table.keys("open", queued, Limit=BACKLOG_SAMPLE), BACKLOG_SAMPLE))
        waited = [
            self._table.now() - float(item["updated_at"])
            for item in self._table.get_many(first)
            if self._table.is_live(item) and item.get("phase") == Phase.QUEUED
        ]
        return Backlog(
            self._table.count("open", queued),
            self._table.count("open", running),
            max(waited, default=0.0),
        )

    def _query(self, kind: str, phases: Sequence[Phase]) -> Iterator[RawItem]:
        keys = list(self._table.keys("open", Key("open_kind").eq(kind)))
        for item in self._table.get_many(keys):
            if self._table.is_live(item) and item.get("phase") in phases:
                yield item
