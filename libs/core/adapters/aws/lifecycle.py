"""ExpiredThings and ProgressReader on the table."""

from collections.abc import Iterator, Sequence

from boto3.dynamodb.conditions import Attr, ConditionBase, Key

from libs.core.adapters.aws.codec import EXPIRY_SHARDS, thing_of
from libs.core.adapters.aws.conversions import DynamoDbConversionStore, DynamoDbQueue
from libs.core.adapters.aws.listing import list_owned
from libs.core.adapters.aws.table import Table
from libs.core.adapters.aws.updates import Conflict
from libs.core.adapters.aws.uploads import DynamoDbUploadStore
from libs.core.domain.conversions import Conversion, Phase
from libs.core.domain.ids import Kind, kind_of
from libs.core.domain.progress import Progress, Thing, progress_of
from libs.core.errors import ThingNotFound
from libs.core.ports.changes import ProgressReader
from libs.core.ports.lifecycle import ExpiredThings

NEWEST = 200
"""Things of each kind that one event stream begins with."""


class DynamoDbExpiredThings(ExpiredThings):
    """The `by-expiry` index, shard by shard."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def expired(self, now: float) -> Iterator[Thing]:
        for shard in range(EXPIRY_SHARDS):
            past = Key("expiry_shard").eq(str(shard)) & Key("expires_at").lte(int(now))
            for item in self._table.get_many(list(self._table.keys("by-expiry", past))):
                thing = thing_of(item)
                if thing and thing.expires_at <= now:
                    yield thing

    def remove_expired(self, thing: Thing, now: float) -> bool:
        return self._remove(thing.id, Attr("expires_at").lte(int(now)))

    def exists(self, thing_id: str) -> bool:
        return self._table.get(thing_id) is not None

    def remove_conversion_of(self, conversion_id: str, upload_id: str) -> None:
        self._remove(conversion_id, Attr("upload_id").eq(upload_id))

    def _remove(self, pk: str, condition: ConditionBase) -> bool:
        try:
            self._table.delete(pk, condition)
        except Conflict:
            return False
        return True


class DynamoDbProgressReader(ProgressReader):
    """The items themselves, by consistent reads; the queue position is counted only for what is queued."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._uploads = DynamoDbUploadStore(table)
        self._conversions = DynamoDbConversionStore(table)
        self._queue = DynamoDbQueue(table)

    def get(self, thing_id: str, owner: str) -> Progress:
        kind = kind_of(thing_id)
        if kind == "upload":
            return progress_of(self._uploads.get(thing_id, owner))
        if kind == "conversion":
            return self._of_conversion(self._conversions.get(thing_id, owner))
        raise ThingNotFound("There is no upload and no conversion of this id.")

    def of_owner(self, owner: str) -> Sequence[Progress]:
        things = [*self._newest(owner, "upload"), *self._newest(owner, "conversion")]
        things.sort(key=lambda thing: thing.created_at, reverse=True)
        return [self._of_conversion(thing) if isinstance(thing, Conversion) else progress_of(thing) for thing in things]

    def _newest(self, owner: str, kind: Kind) -> Iterator[Thing]:
        items, _ = list_owned(self._table, owner, kind, NEWEST, None)
        return (thing for item in items if (thing := thing_of(item)))

    def _of_conversion(self, conversion: Conversion) -> Progress:
        queued = conversion.phase is Phase.QUEUED
        return progress_of(conversion, self._queue.position(conversion) if queued else None)
