"""Read progress from the table in memory."""

from collections.abc import Mapping, Sequence

from libs.core.adapters.memory.conversion_queue import MemoryConversionQueue
from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Item, Progress, progress_of
from libs.core.domain.uploads import Upload
from libs.core.errors import ItemNotFound
from libs.core.ports.progress_reader import ProgressReader

MAX_ITEMS = 200
"""Items of each kind that `of_owner` returns."""


class MemoryProgressReader(ProgressReader):
    """Read the progress of the table's items."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def get(self, item_id: str, owner: str) -> Progress:
        match kind_of(item_id):
            case "upload":
                return self._progress(self._table.upload(item_id, owner))
            case "conversion":
                return self._progress(self._table.conversion(item_id, owner))
            case _:
                raise ItemNotFound("There is no upload or conversion with this id.")

    def of_owner(self, owner: str) -> Sequence[Progress]:
        uploads, _ = self._table.page(Upload, owner, MAX_ITEMS, None)
        conversions, _ = self._table.page(Conversion, owner, MAX_ITEMS, None)
        items: list[Item] = [*uploads, *conversions]
        return [
            self._progress(item)
            for item in sorted(items, key=lambda item: item.created_at, reverse=True)
        ]

    def positions(self, owner: str) -> Mapping[str, int]:
        return MemoryConversionQueue(self._table).positions(owner)

    def _progress(self, item: Item) -> Progress:
        if isinstance(item, Conversion) and item.phase is Phase.QUEUED:
            return progress_of(item, MemoryConversionQueue(self._table).position(item))
        return progress_of(item)
