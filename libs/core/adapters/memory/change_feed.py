"""The table's changes and its present state, in memory."""

from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event as Flag

from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.events import Change
from libs.core.ports.change_feed import ChangeFeed

IDLE = 0.05
"""Seconds until a feed without changes gives an empty batch."""


class MemoryChangeFeed(ChangeFeed):
    """Sees every write from the moment that `follow` is called."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def follow(self, stop: Flag) -> Iterator[Sequence[Change] | None]:
        return self._batches(self._table.follow(), stop)

    def _batches(
        self, changes: SimpleQueue[Change], stop: Flag
    ) -> Iterator[Sequence[Change] | None]:
        try:
            while not stop.is_set():
                yield _waiting_in(changes)
        finally:
            self._table.unfollow(changes)


def _waiting_in(changes: SimpleQueue[Change]) -> Sequence[Change]:
    batch: list[Change] = []
    try:
        batch.append(changes.get(timeout=IDLE))
        while True:
            batch.append(changes.get_nowait())
    except Empty:
        return batch
