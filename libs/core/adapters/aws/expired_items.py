"""Find expired items in DynamoDB and remove them."""

from collections.abc import Iterator

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from libs.core.adapters.aws.dynamodb.codec import EXPIRY_SHARDS, decode_item
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import ConditionFailed
from libs.core.domain.progress import Item
from libs.core.ports.expired_items import ExpiredItems


class DynamoDbExpiredItems(ExpiredItems):
    """Read all shards of the `by-expiry` index."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def expired(self, now: float) -> Iterator[Item]:
        for shard in range(EXPIRY_SHARDS):
            past = Key("expiry_shard").eq(str(shard)) & Key("expires_at").lte(int(now))
            for raw in self._table.get_many(list(self._table.keys("by-expiry", past))):
                item = decode_item(raw)
                if item and item.expires_at <= now:
                    yield item

    def remove_expired(self, item: Item, now: float) -> bool:
        return self._remove(item.id, Attr("expires_at").lte(int(now)))

    def exists(self, item_id: str) -> bool:
        return self._table.get(item_id) is not None

    def remove_conversion_of(self, conversion_id: str, upload_id: str) -> None:
        self._remove(conversion_id, Attr("upload_id").eq(upload_id))

    def _remove(self, pk: str, condition: ConditionBase) -> bool:
        try:
            self._table.delete(pk, condition)
        except ConditionFailed:
            return False
        return True
