"""The table's changes and its present state, in memory."""

from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event as Flag

from libs.core.adapters.memory.conversions import MemoryQueue
from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.events import Change
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Progress, Thing, progress_of
from libs.core.domain.uploads import Upload
from libs.core.errors import ThingNotFound
from libs.core.ports.changes import ChangeFeed, ProgressReader

IDLE = 0.05
"""Seconds until a feed without changes gives an empty batch."""

NEWEST = 200
"""Things of each kind that `of_owner` shows."""


class MemoryChangeFeed(ChangeFeed):
    """Sees every write from the moment that `follow` is called."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def follow(self, stop: Flag) -> Iterator[Sequence[Change] | None]:
        return self._batches(self._table.follow(), stop)

    def _batches(self, changes: SimpleQueue[Change], stop: Flag) -> Iterator[Sequence[Change] | None]:
        try:
            while not stop.is_set():
                yield _waiting_in(changes)
        finally:
            self._table.unfollow(changes)


class MemoryProgressReader(ProgressReader):
    """Progress of the table's items."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def get(self, thing_id: str, owner: str) -> Progress:
        match kind_of(thing_id):
            case "upload":
                return self._progress(self._table.upload(thing_id, owner))
            case "conversion":
                return self._progress(self._table.conversion(thing_id, owner))
            case _:
                raise ThingNotFound("There is neither an upload nor a conversion of this id.")

    def of_owner(self, owner: str) -> Sequence[Progress]:
        uploads, _ = self._table.page(Upload, owner, NEWEST, None)
        conversions, _ = self._table.page(Conversion, owner, NEWEST, None)
        things: list[Thing] = [*uploads, *conversions]
        return [self._progress(thing) for thing in sorted(things, key=lambda thing: thing.created_at, reverse=True)]

    def _progress(self, thing: Thing) -> Progress:
        if isinstance(thing, Conversion) and thing.phase is Phase.QUEUED:
            return progress_of(thing, MemoryQueue(self._table).position(thing))
        return progress_of(thing)


def _waiting_in(changes: SimpleQueue[Change]) -> Sequence[Change]:
    batch: list[Change] = []
    try:
        batch.append(changes.get(timeout=IDLE))
        while True:
            batch.append(changes.get_nowait())
    except Empty:
        return batch
