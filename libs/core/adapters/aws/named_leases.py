"""Store named leases as items of the table.

Permissions: dynamodb:UpdateItem on the table.
"""

from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError

from libs.core.adapters.aws.dynamodb.encoding import to_dynamodb
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import conditional
from libs.core.adapters.aws.errors import code_of, translate_errors
from libs.core.ports.named_leases import NamedLeases

PREFIX = "lease_"
"""Prefix of these items' keys. No stream record of a lease is taken for one of an upload or a
conversion."""


class DynamoDbNamedLeases(NamedLeases):
    """Hold one item for each name. A repeated write succeeds, because the holder is the same."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def acquire(self, name: str, holder: str, seconds: float) -> bool:
        now = self._table.now()
        free = Attr("pk").not_exists() | Attr("held_until").lte(to_dynamodb(now))
        return self._hold_until(name, holder, now + seconds, free | Attr("holder").eq(holder))

    def release(self, name: str, holder: str) -> None:
        self._hold_until(name, holder, self._table.now(), Attr("holder").eq(holder))

    def _hold_until(self, name: str, holder: str, until: float, condition: ConditionBase) -> bool:
        """Write the lease if the condition is true, and return whether it was."""
        built = conditional(condition)
        values = {":holder": holder, ":until": to_dynamodb(float(until))}
        try:
            with translate_errors("DynamoDB"):
                self._table.client.update_item(
                    TableName=self._table.name,
                    Key={"pk": PREFIX + name},
                    UpdateExpression="SET holder = :holder, held_until = :until",
                    ConditionExpression=built["ConditionExpression"],
                    ExpressionAttributeNames=built["ExpressionAttributeNames"],
                    ExpressionAttributeValues={**built["ExpressionAttributeValues"], **values},
                )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True
