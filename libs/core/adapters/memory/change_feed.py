"""Follow the changes of a table in memory."""

import threading
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue

from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.events import Change
from libs.core.ports.change_feed import ChangeFeed

EMPTY_BATCH_AFTER = 0.05
"""Seconds without changes after which an empty batch is yielded."""


class MemoryChangeFeed(ChangeFeed):
    """Deliver every write after the call of `follow`."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def follow(self, stop: threading.Event) -> Iterator[Sequence[Change] | None]:
        return self._batches(self._table.subscribe(), stop)

    def _batches(
        self, changes: SimpleQueue[Change], stop: threading.Event
    ) -> Iterator[Sequence[Change] | None]:
        try:
            while not stop.is_set():
                yield _take_batch(changes)
        finally:
            self._table.unsubscribe(changes)


def _take_batch(changes: SimpleQueue[Change]) -> Sequence[Change]:
    batch: list[Change] = []
    try:
        batch.append(changes.get(timeout=EMPTY_BATCH_AFTER))
        while True:
            batch.append(changes.get_nowait())
    except Empty:
        return batch
