"""Read and write the table: conditional writes, consistent reads, and queries of indexes.

Permissions: dynamodb:GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem, Query on the table
and its indexes.

botocore repeats a write whose reply was lost, and the repetition fails the condition that the first
one made false. Each write therefore stores a random `write_id`: a failed condition on an item with
our own id is a success (docs/decisions/0003-write-ids.md). All indexes hold keys only, so listings
read the items themselves, consistently.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.conditions import Attr, ConditionBase
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from libs.core.adapters.aws.dynamodb.updates import (
    ConditionFailed,
    RawItem,
    Update,
    conditional,
    projection_of,
)
from libs.core.adapters.aws.errors import RETRY_AFTER, code_of, translate_errors
from libs.core.domain.ids import Kind, kind_of
from libs.core.errors import StorageUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH_GET = 100
"""Maximum number of keys in a BatchGetItem request."""

TRANSACTION_TRIES = 6
"""Attempts of a transaction that conflicts with another one on the same item."""


class Table:
    """Read and write items as Python values; boto3's resource client converts the values."""

    def __init__(
        self, client: DynamoDBClient, name: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.client = client
        self.name = name
        self.now = clock
        self._kind: Kind | None = None

    def of_kind(self, kind: Kind) -> Table:
        """Return the same table, in which items of other kinds count as absent.

        Ids come from clients, which may send the id of the other kind, or any text.
        """
        table = copy(self)
        table._kind = kind
        return table

    def live(self) -> ConditionBase:
        """Return the condition that an item has not expired."""
        return Attr("expires_at").gt(int(self.now()))

    def is_live(self, item: RawItem) -> bool:
        """Return True if an item has not expired; one without a readable expiry has."""
        expires_at = item.get("expires_at")
        return isinstance(expires_at, Decimal | int) and expires_at > self.now()

    def get(self, pk: str, paths: Sequence[str] = ()) -> RawItem | None:
        """Return an item, or these paths of it, by a consistent read, expired or not."""
        if not self._is_key(pk):
            return None
        request: RawItem = {"TableName": self.name, "Key": {"pk": pk}, "ConsistentRead": True}
        with translate_errors("DynamoDB"):
            answer = self.client.get_item(**request, **(projection_of(paths) if paths else {}))
        return cast("RawItem | None", answer.get("Item"))

    def get_live(self, pk: str, paths: Sequence[str] = ()) -> RawItem | None:
        """Return an item by a consistent read, None if it has expired; `paths` as in `get`."""
        item = self.get(pk, paths)
        return item if item and self.is_live(item) else None

    def get_many(self, pks: Sequence[str], paths: Sequence[str] = ()) -> Iterator[RawItem]:
        """Yield the items, or these paths of them, in the order of the keys, consistently."""
        projection = projection_of(paths) if paths else {}
        for start in range(0, len(pks), BATCH_GET):
            batch = pks[start : start + BATCH_GET]
            found: dict[str, RawItem] = {}
            keys: RawItem = {"Keys": [{"pk": pk} for pk in batch], "ConsistentRead": True}
            wanted: RawItem = {self.name: keys | projection}
            while wanted:
                with translate_errors("DynamoDB"):
                    answer = self.client.batch_get_item(RequestItems=wanted)
                items = cast("list[RawItem]", answer["Responses"].get(self.name, []))
                found.update({item["pk"]: item for item in items})
                wanted = answer.get("UnprocessedKeys", {})
            yield from (found[pk] for pk in batch if pk in found)

    def update(self, pk: str, change: Update) -> RawItem:
        """Update an existing item and return its new state. Raises ConditionFailed."""
        if not self._is_key(pk):
            raise ConditionFailed(None)
        write_id = secrets.token_hex(8)
        request = change.expression(pk, write_id)
        try:
            with translate_errors("DynamoDB"):
                answer = self.client.update_item(
                    TableName=self.name,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **request,
                )
        except ClientError as error:
            current = self._conflicting_item(pk, error)
            if current and current.get("write_id") == write_id:
                return current
            raise ConditionFailed(current) from error
        item: RawItem = answer["Attributes"]
        return item

    def delete(self, pk: str, condition: ConditionBase) -> RawItem:
        """Delete an item and return its last state. Raises ConditionFailed."""
        if not self._is_key(pk):
            raise ConditionFailed(None)
        try:
            with translate_errors("DynamoDB"):
                answer = self.client.delete_item(
                    TableName=self.name,
                    Key={"pk": pk},
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **conditional(Attr("pk").exists() & condition),
                )
        except ClientError as error:
            raise ConditionFailed(self._conflicting_item(pk, error)) from error
        item: RawItem = answer["Attributes"]
        return item

    def write_together(
        self, puts: Sequence[RawItem], updates: Mapping[str, Update] | None = None
    ) -> None:
        """Put new items and update others, in one transaction.

        Raises:
            ConditionFailed: with the first item whose condition was false.
        """
        write_id = secrets.token_hex(8)
        actions: list[RawItem] = [
            {
                "Put": {
                    "TableName": self.name,
                    "Item": {**item, "write_id": write_id},
                    # An expired item counts as absent, and TTL deletes it up to two days late.
                    "ConditionExpression": "attribute_not_exists(pk) OR expires_at <= :now",
                    "ExpressionAttributeValues": {":now": int(self.now())},
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            }
            for item in puts
        ]
        actions += [
            {
                "Update": {
                    "TableName": self.name,
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                    **change.expression(pk, write_id),
                }
            }
            for pk, change in (updates or {}).items()
        ]
        self._transact(actions, write_id)

    def delete_together(self, pks: Sequence[str], condition: ConditionBase) -> None:
        """Delete up to 100 items that meet a condition, in one transaction.

        Raises:
            ConditionFailed: with the first item whose condition was false.
        """
        meets = conditional(Attr("pk").exists() & condition)
        actions: list[RawItem] = [
            {"Delete": {"TableName": self.name, "Key": {"pk": pk}, **meets}} for pk in pks
        ]
        self._transact(actions, secrets.token_hex(8))

    def _transact(self, actions: Sequence[RawItem], write_id: str) -> None:
        """Run a transaction, and repeat it while others change the same items."""
        for attempt in range(TRANSACTION_TRIES):
            try:
                with translate_errors("DynamoDB"):
                    self.client.transact_write_items(
                        TransactItems=cast("Any", actions), ClientRequestToken=write_id
                    )
                return
            except ClientError as error:
                if code_of(error) == "IdempotentParameterMismatchException":
                    # The token is random, so it was taken by our own call, whose reply was lost.
                    # MiniStack compares the repetition with items that were updated since.
                    return
                if _conflicted(error):
                    jitter = random.uniform(0, 0.05 * 2**attempt)  # noqa: S311 -- no secret
                    time.sleep(jitter)
                    continue
                current = _conflicting_item(error)
                if current and current.get("write_id") == write_id:
                    return
                raise ConditionFailed(current) from error
        raise StorageUnavailable(
            "There are too many changes at once. Please try again in a moment.",
            retry_after=RETRY_AFTER,
        )

    def keys(self, index: str, condition: ConditionBase, **more: Any) -> Iterator[str]:
        """Yield the keys that match a condition in an index, over all pages."""
        # Without the projection, the keys of the index come, too: reading them takes twice as long.
        request = self._query(index, condition) | {"ProjectionExpression": "pk"} | more
        while True:
            with translate_errors("DynamoDB"):
                page = self.client.query(**request)
            yield from (str(item["pk"]) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def page(
        self, index: str, condition: ConditionBase, limit: int, after: RawItem | None
    ) -> tuple[list[str], RawItem | None]:
        """Return a page of keys in descending order, and the start key of the next page."""
        request: RawItem = {"ExclusiveStartKey": after} if after else {}
        with translate_errors("DynamoDB"):
            answer = self.client.query(
                ScanIndexForward=False, Limit=limit, **self._query(index, condition), **request
            )
        return [str(item["pk"]) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def count(self, index: str, condition: ConditionBase) -> int:
        """Return the number of items that match a condition in an index."""
        total = 0
        request = self._query(index, condition) | {"Select": "COUNT"}
        while True:
            with translate_errors("DynamoDB"):
                page = self.client.query(**request)
            total += int(page["Count"])
            if "LastEvaluatedKey" not in page:
                return total
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _query(self, index: str, condition: ConditionBase) -> RawItem:
        """Return the parameters of a query of an index."""
        return {
            "TableName": self.name,
            "IndexName": index,
            **conditional(condition, of_key=True),
        }

    def _is_key(self, pk: str) -> bool:
        """Return False for a key that no item of this table has."""
        return self._kind is None or kind_of(pk) == self._kind

    def _conflicting_item(self, pk: str, error: ClientError) -> RawItem | None:
        """Return the item whose condition failed. LocalStack omits it, so it is read then."""
        return _conflicting_item(error) or self.get(pk)


def _conflicting_item(error: ClientError) -> RawItem | None:
    """Return the item whose condition failed, None if it is absent. Other errors are raised."""
    response: Any = error.response
    if code_of(error) == "ConditionalCheckFailedException":
        return deserialize_item(response.get("Item"))
    for reason in response.get("CancellationReasons", []):
        if reason.get("Code") == "ConditionalCheckFailed":
            return deserialize_item(reason.get("Item"))
    raise error


def _conflicted(error: ClientError) -> bool:
    """Return True if a transaction conflicted with another one and can be repeated."""
    reasons: Any = error.response.get("CancellationReasons", [])
    codes = {reason.get("Code") for reason in reasons}
    return "TransactionConflict" in codes and "ConditionalCheckFailed" not in codes


def deserialize_item(attributes: RawItem | None) -> RawItem | None:
    """Convert an item from DynamoDB JSON, as in errors and stream records, to Python values."""
    if not attributes:
        return None
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in attributes.items()}
