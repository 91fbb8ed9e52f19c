"""The one table, under the stores: single conditional writes, consistent reads, listings by index.

Permissions: dynamodb:GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem, Query on the table and its indexes.

Considerations: botocore repeats a write whose reply was lost, and the repetition then fails the very condition that the
first one made untrue. So each write leaves a random `write_id`, and a failed condition on an item that bears ours is a
success. All indexes hold keys only: listings read the items themselves, consistently.
"""

import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from libs.core.adapters.aws.dynamodb.updates import Conflict, RawItem, Update, conditional
from libs.core.adapters.aws.errors import RETRY_AFTER, code_of, translate_errors
from libs.core.errors import StorageUnavailable

BATCH_GET = 100
"""Items a BatchGetItem call takes at most."""

TRANSACTION_TRIES = 6
"""Two transactions on one item refuse each other; a few tries with jitter bring both through."""


class Table:
    """The table of this name, through the client behind boto3's resource (Python values in and out)."""

    def __init__(self, client: Any, name: str, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self.name = name
        self.now = clock

    def live(self) -> ConditionBase:
        """The condition that an item has not expired."""
        return Attr("expires_at").gt(int(self.now()))

    def get(self, pk: str) -> RawItem | None:
        """The item, expired or not, as it is now."""
        with translate_errors("DynamoDB"):
            item: RawItem | None = self._client.get_item(
                TableName=self.name, Key={"pk": pk}, ConsistentRead=True
            ).get("Item")
        return item

    def get_live(self, pk: str) -> RawItem | None:
        """The item unless it has expired."""
        item = self.get(pk)
        return item if item and item["expires_at"] > self.now() else None

    def get_many(self, pks: Sequence[str]) -> Iterator[RawItem]:
        """The items of these keys that there are, in the order of the keys."""
        for start in range(0, len(pks), BATCH_GET):
            batch = pks[start : start + BATCH_GET]
            found: dict[str, RawItem] = {}
            wanted: RawItem = {
                self.name: {"Keys": [{"pk": pk} for pk in batch], "ConsistentRead": True}
            }
            while wanted:
                with translate_errors("DynamoDB"):
                    answer = self._client.batch_get_item(RequestItems=wanted)
                found.update({item["pk"]: item for item in answer["Responses"].get(self.name, [])})
                wanted = answer.get("UnprocessedKeys", {})
            yield from (found[pk] for pk in batch if pk in found)

    def update(self, pk: str, change: Update) -> RawItem:
        """Changes an item that is there and returns it as it is then. Raises Conflict."""
        write_id = secrets.token_hex(8)
        request = change.expression(pk, write_id)
        try:
            with translate_errors("DynamoDB"):
                answer = self._client.update_item(
                    TableName=self.name,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **request,
                )
        except ClientError as error:
            standing = self._standing(pk, error)
            if standing and standing.get("write_id") == write_id:
                return standing
            raise Conflict(standing) from error
        item: RawItem = answer["Attributes"]
        return item

    def delete(self, pk: str, condition: ConditionBase) -> RawItem:
        """Takes an item away and returns it as it was. Raises Conflict."""
        try:
            with translate_errors("DynamoDB"):
                answer = self._client.delete_item(
                    TableName=self.name,
                    Key={"pk": pk},
                    ReturnValues="ALL_OLD",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **conditional(Attr("pk").exists() & condition),
                )
        except ClientError as error:
            raise Conflict(self._standing(pk, error)) from error
        item: RawItem = answer["Attributes"]
        return item

    def write_together(
        self, puts: Sequence[RawItem], updates: Mapping[str, Update] | None = None
    ) -> None:
        """Puts new items and changes others: all or none.

        Raises Conflict with the first item that stood in the way.
        """
        write_id = secrets.token_hex(8)
        actions: list[RawItem] = [
            {
                "Put": {
                    "TableName": self.name,
                    "Item": {**item, "write_id": write_id},
                    # An expired item is absent, also while TTL has not come round to it.
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
        for attempt in range(TRANSACTION_TRIES):
            try:
                with translate_errors("DynamoDB"):
                    self._client.transact_write_items(
                        TransactItems=actions, ClientRequestToken=write_id
                    )
                return
            except ClientError as error:
                if _collided(error):
                    time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 -- jitter, not a secret
                    continue
                standing = _standing(error)
                if standing and standing.get("write_id") == write_id:
                    return
                raise Conflict(standing) from error
        raise StorageUnavailable(
            "Too many changes at once. Please try again in a moment.", retry_after=RETRY_AFTER
        )

    def keys(self, index: str, condition: ConditionBase, **more: Any) -> Iterator[str]:
        """The keys that an index lists under a condition, through all its pages."""
        request = {
            "TableName": self.name,
            "IndexName": index,
            **conditional(condition, of_key=True),
            **more,
        }
        while True:
            with translate_errors("DynamoDB"):
                page = self._client.query(**request)
            yield from (item["pk"] for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def page(
        self, index: str, condition: ConditionBase, limit: int, after: RawItem | None
    ) -> tuple[list[str], RawItem | None]:
        """One page of an index, last entries first: the keys, and where the next page begins."""
        request = {"ExclusiveStartKey": after} if after else {}
        with translate_errors("DynamoDB"):
            answer = self._client.query(
                TableName=self.name,
                IndexName=index,
                ScanIndexForward=False,
                Limit=limit,
                **conditional(condition, of_key=True),
                **request,
            )
        return [item["pk"] for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def count(self, index: str, condition: ConditionBase) -> int:
        """How many items an index has under a condition."""
        total = 0
        request: RawItem = {
            "TableName": self.name,
            "IndexName": index,
            "Select": "COUNT",
            **conditional(condition, of_key=True),
        }
        while True:
            with translate_errors("DynamoDB"):
                page = self._client.query(**request)
            total += int(page["Count"])
            if "LastEvaluatedKey" not in page:
                return total
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _standing(self, pk: str, error: ClientError) -> RawItem | None:
        """The item that a write of one item failed on. LocalStack leaves it out of the error, so there it is read."""
        return _standing(error) or self.get(pk)


def _standing(error: ClientError) -> RawItem | None:
    """The item a condition failed on, None where there was none; any other error is raised on."""
    response: Any = error.response
    if code_of(error) == "ConditionalCheckFailedException":
        return python_item(response.get("Item"))
    for reason in response.get("CancellationReasons", []):
        if reason.get("Code") == "ConditionalCheckFailed":
            return python_item(reason.get("Item"))
    raise error


def _collided(error: ClientError) -> bool:
    """Whether a transaction met another one on the same item: it may be repeated as it is."""
    reasons: Any = error.response.get("CancellationReasons", [])
    codes = {reason.get("Code") for reason in reasons}
    return "TransactionConflict" in codes and "ConditionalCheckFailed" not in codes


def python_item(attributes: RawItem | None) -> RawItem | None:
    """An item in DynamoDB's own notation, as errors and stream records carry it, in Python values."""
    if not attributes:
        return None
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in attributes.items()}
