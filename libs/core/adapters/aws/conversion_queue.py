"""Read the queue from the sparse `open` index."""

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice

from boto3.dynamodb.conditions import Key

from libs.core.adapters.aws.dynamodb.codec import (
    decode_conversion,
    decode_readable,
    open_kind,
    to_dynamodb,
)
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import RawItem
from libs.core.domain.conversions import Conversion, Phase
from libs.core.ports.conversion_queue import BACKLOG_SAMPLE, Backlog, ConversionQueue


class DynamoDbConversionQueue(ConversionQueue):
    """Read the `open` index. It holds active items only, so counting stays cheap."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def position(self, conversion: Conversion) -> int:
        before = Key("created_at").lt(to_dynamodb(conversion.created_at))
        return self._table.count("open", Key("open_kind").eq(open_kind(Phase.QUEUED)) & before) + 1

    def in_phase(self, *phases: Phase) -> Iterator[Conversion]:
        found = [
            decode_readable(decode_conversion, self._query(kind, phases))
            for kind in dict.fromkeys(map(open_kind, phases))
        ]
        return merge(*found, key=lambda conversion: conversion.created_at)

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
