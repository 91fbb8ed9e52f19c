"""Read the queue from the sparse `open` index."""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice

from boto3.dynamodb.conditions import Key

from libs.core.adapters.aws.dynamodb.decoding import decode_conversion, decode_readable
from libs.core.adapters.aws.dynamodb.encoding import open_kind
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.domain.conversions import RUNNING, Conversion, Phase
from libs.core.domain.fair_order import fair_order, fair_position
from libs.core.ports.conversion_queue import (
    BACKLOG_SAMPLE,
    REREAD_DELAY_FACTOR,
    Backlog,
    ConversionQueue,
)


class DynamoDbConversionQueue(ConversionQueue):
    """Read the `open` index, which holds active items only.

    Positions need all of them, so they are read once for all that ask within a moment. The index
    says which conversions are queued; their items hardly change, so they are remembered: otherwise
    a visitor with a thousand of them would make each choice cost a thousand reads.
    """

    def __init__(self, table: Table, max_age: float = 0.0, remembered: float = 0.0) -> None:
        """Answer `position` from a reading that is up to `max_age` seconds old.

        After a slow reading the age may be `REREAD_DELAY_FACTOR` times as long as the reading took.
        Items of queued conversions are read again after `remembered` seconds, which must be less
        than a lease: an older copy would not show that an attempt was lost meanwhile, and that the
        conversion may have to run alone.
        """
        self._table = table
        self._max_age = max_age
        self._remembered = remembered
        self._known: dict[str, tuple[float, Conversion]] = {}
        self._reading = threading.Lock()
        self._positions: dict[str, dict[str, int]] = {}
        self._queued: list[Conversion] = []
        self._running: list[Conversion] = []
        self._fresh_until = float("-inf")

    def position(self, conversion: Conversion) -> int:
        with self._reading:
            self._read_if_old()
            if place := self._positions.get(conversion.owner, {}).get(conversion.id):
                return place
            queued, running = self._queued, self._running
        return fair_position(conversion, queued, running)

    def positions(self, owner: str) -> Mapping[str, int]:
        with self._reading:
            self._read_if_old()
            return self._positions.get(owner, {})

    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        kinds = dict.fromkeys(map(open_kind, phases))
        found = [
            self._read_queued() if kind == open_kind(Phase.QUEUED) else self._of_kind(kind, phases)
            for kind in kinds
        ]
        return merge(*found, key=lambda conversion: conversion.created_at)

    def _read_if_old(self) -> None:
        if time.monotonic() < self._fresh_until:
            return
        began = time.monotonic()
        found = list(self.in_phase(Phase.QUEUED, *RUNNING))
        self._queued = [c for c in found if c.phase is Phase.QUEUED]
        self._running = [c for c in found if c.phase is not Phase.QUEUED]
        order = fair_order(self._queued, self._running)
        positions: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for place, conversion in enumerate(order, 1):
            positions[conversion.owner][conversion.id] = place
        self._positions = positions
        took = time.monotonic() - began
        if self._max_age:
            self._fresh_until = began + took + max(self._max_age, REREAD_DELAY_FACTOR * took)

    def forget(self, conversion_id: str) -> None:
        # The index may list it for a moment after it was claimed.
        self._known.pop(conversion_id, None)

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

    def _of_kind(self, kind: str, phases: Collection[Phase]) -> Iterator[Conversion]:
        return self._decode(self._keys(kind), phases)

    def _read_queued(self) -> Iterator[Conversion]:
        """Yield the queued conversions, and read only those that are not remembered."""
        keys, known = self._keys(open_kind(Phase.QUEUED)), self._known
        oldest = time.monotonic() - self._remembered
        kept = {key: old for key in keys if (old := known.get(key)) and old[0] > oldest}
        read_at = time.monotonic()
        unknown = [key for key in keys if key not in kept]
        for conversion in self._decode(unknown, (Phase.QUEUED,)):
            kept[conversion.id] = read_at, conversion
        self._known = kept if self._remembered else {}
        now = self._table.now()
        found = (kept[key][1] for key in keys if key in kept)
        return (conversion for conversion in found if conversion.expires_at > now)

    def _keys(self, kind: str) -> list[str]:
        return list(self._table.keys("open", Key("open_kind").eq(kind)))

    def _decode(self, keys: Sequence[str], phases: Collection[Phase]) -> Iterator[Conversion]:
        items = self._table.get_many(keys)
        return decode_readable(
            decode_conversion,
            (i for i in items if self._table.is_live(i) and i.get("phase") in phases),
        )
