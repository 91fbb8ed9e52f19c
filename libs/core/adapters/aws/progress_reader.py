"""Read progress from DynamoDB."""

from collections.abc import Iterator, Mapping, Sequence

from libs.core.adapters.aws.conversion_queue import DynamoDbConversionQueue
from libs.core.adapters.aws.conversions import DynamoDbConversionStore
from libs.core.adapters.aws.dynamodb.decoding import decode_item, decode_readable
from libs.core.adapters.aws.dynamodb.encoding import LOSS_MEANING
from libs.core.adapters.aws.dynamodb.pagination import list_by_owner
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.uploads import DynamoDbUploadStore
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.ids import Kind, kind_of
from libs.core.domain.progress import Item, Progress, progress_of
from libs.core.errors import ItemNotFound
from libs.core.ports.conversion_queue import ConversionQueue
from libs.core.ports.progress_reader import ProgressReader

MAX_ITEMS = 200
"""Items of each kind that `of_owner` returns."""

SHOWN = (
    *("pk", "schema", "owner", "version", "created_at", "updated_at", "expires_at"),
    *("status", "error", "filename", "part_size", "size", "completed_parts", "tus.offset"),
    *("upload_id", "format", "options", "phase", "percent", "speed", "eta_seconds"),
    *("attempts", "suspect", LOSS_MEANING, "client"),
)
"""Attributes that progress, queue positions and the decoding of an item need. The others, such as
the tags of the source and the ids of an upload's conversions, would take most of the memory."""


class DynamoDbProgressReader(ProgressReader):
    """Read items consistently, and count the queue position of queued conversions."""

    def __init__(self, table: Table, queue: ConversionQueue | None = None) -> None:
        """Take queue positions from `queue`, or read the table for each of them."""
        self._table = table
        self._uploads = DynamoDbUploadStore(table)
        self._conversions = DynamoDbConversionStore(table)
        self._queue = queue or DynamoDbConversionQueue(table)

    def get(self, item_id: str, owner: str) -> Progress:
        kind = kind_of(item_id)
        if kind == "upload":
            return progress_of(self._uploads.get(item_id, owner, SHOWN))
        if kind == "conversion":
            return self._of_conversion(self._conversions.get(item_id, owner, SHOWN))
        raise ItemNotFound("There is no upload or conversion with this id.")

    def of_owner(self, owner: str) -> Sequence[Progress]:
        items = [*self._newest(owner, "upload"), *self._newest(owner, "conversion")]
        items.sort(key=lambda item: item.created_at, reverse=True)
        return [
            self._of_conversion(item) if isinstance(item, Conversion) else progress_of(item)
            for item in items
        ]

    def positions(self, owner: str) -> Mapping[str, int]:
        return self._queue.positions(owner)

    def _newest(self, owner: str, kind: Kind) -> Iterator[Item]:
        items, _ = list_by_owner(self._table, owner, kind, MAX_ITEMS, None, SHOWN)
        return decode_readable(decode_item, items)

    def _of_conversion(self, conversion: Conversion) -> Progress:
        queued = conversion.phase is Phase.QUEUED
        return progress_of(conversion, self._queue.position(conversion) if queued else None)
