"""Read the queue from the sparse `open` index."""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from heapq import merge
from itertools import islice

from boto3.dynamodb.conditions import Key

from libs.core.adapters.aws.conversion_copies import ConversionCopies
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
    says which conversions wait or are queued; their items hardly change, so they are remembered:
    otherwise a visitor with a thousand of them would make each choice cost a thousand reads.
    """

    def __init__(self, table: Table, max_age: float = 0.0, remembered: float = 0.0) -> None:
        """Answer `position` from a reading that is up to `max_age` seconds old.

        After a slow reading the age may be `REREAD_DELAY_FACTOR` times as long as the reading took.
        Items of conversions that wait or are queued are remembered, see `ConversionCopies`. They
        are read again at the earliest after `remembered` seconds.
        """
        self._table = table
        self._max_age = max_age
        self._copies = {
            phase: ConversionCopies(table, phase, remembered)
            for phase in (Phase.WAITING, Phase.QUEUED)
        }
        self._reading = threading.Lock()
        self._positions: dict[str, dict[str, int]] = {}
        self._added: dict[str, int] = {}
        self._queued: list[Conversion] = []
        self._running: list[Conversion] = []
        self._fresh_until = float("-inf")

    def position(self, conversion: Conversion) -> int:
        with self._reading:
            self._read_if_old()
            if place := self._positions.get(conversion.owner, {}).get(conversion.id):
                return place
            # It was queued after the reading. Its place takes as long as ordering the whole queue,
            # and visitors may ask for it many times at once: so count it once for each reading.
            if conversion.id not in self._added:
                place = fair_position(conversion, self._queued, self._running)
                self._added[conversion.id] = place
            return self._added[conversion.id]

    def positions(self, owner: str) -> Mapping[str, int]:
        with self._reading:
            self._read_if_old()
            return self._positions.get(owner, {})

    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        found: list[Iterable[Conversion]] = [
            copies.list() for phase, copies in self._copies.items() if phase in phases
        ]
        if running := [phase for phase in phases if phase not in self._copies]:
            found.append(self._read_running(running))
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
        self._positions, self._added = positions, {}
        took = time.monotonic() - began
        if self._max_age:
            self._fresh_until = began + took + max(self._max_age, REREAD_DELAY_FACTOR * took)

    def forget(self, conversion_id: str) -> None:
        # The index may list it for a moment after it was claimed.
        for copies in self._copies.values():
            copies.forget(conversion_id)

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

    def _read_running(self, phases: Collection[Phase]) -> Iterator[Conversion]:
        running = Key("open_kind").eq(open_kind(Phase.CONVERTING))
        items = self._table.get_many(list(self._table.keys("open", running)))
        return decode_readable(
            decode_conversion,
            (i for i in items if self._table.is_live(i) and i.get("phase") in phases),
        )
