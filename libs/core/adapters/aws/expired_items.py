"""Find expired items in DynamoDB and remove them."""

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import islice

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from libs.core.adapters.aws.dynamodb.decoding import decode_for_removal, decode_if_readable
from libs.core.adapters.aws.dynamodb.encoding import EXPIRY_SHARDS
from libs.core.adapters.aws.dynamodb.table import BATCH_GET, Table
from libs.core.adapters.aws.dynamodb.updates import ConditionFailed
from libs.core.domain.progress import Item, StoredItem
from libs.core.ports.expired_items import ExpiredItems


class DynamoDbExpiredItems(ExpiredItems):
    """Read all shards of the `by-expiry` index."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def expired(self, now: float) -> Iterator[StoredItem]:
        for shard in range(EXPIRY_SHARDS):
            past = Key("expiry_shard").eq(str(shard)) & Key("expires_at").lte(int(now))
            keys = self._table.keys("by-expiry", past)
            # Read in batches, because the keys of all of them would fill memory.
            while batch := list(islice(keys, BATCH_GET)):
                for raw in self._table.get_many(batch):
                    item = decode_for_removal(raw)
                    if item and item.expires_at <= now:
                        yield item

    def remove_expired(self, items: Sequence[StoredItem], now: float) -> Set[str]:
        still_expired = Attr("expires_at").lte(int(now))
        ids = [item.id for item in items]
        try:
            self._table.delete_together(ids, still_expired)
        except ConditionFailed:
            # At least one of them was renewed or is gone, so none was removed. Ask one by one.
            return {item_id for item_id in ids if self._remove(item_id, still_expired)}
        return set(ids)

    def remove_conversion_of(self, conversion_id: str, upload_id: str) -> None:
        self._remove(conversion_id, Attr("upload_id").eq(upload_id))

    def read_many(self, item_ids: Sequence[str]) -> Mapping[str, Item | None]:
        return {item["pk"]: decode_if_readable(item) for item in self._table.get_many(item_ids)}

    def _remove(self, pk: str, condition: ConditionBase) -> bool:
        try:
            self._table.delete(pk, condition)
        except ConditionFailed:
            return False
        return True
