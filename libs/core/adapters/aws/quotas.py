"""Count what visitors use in items of the table, which expire by TTL.

Permissions: dynamodb:UpdateItem on the table, for keys that begin with PREFIX.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from libs.core.adapters.aws.errors import code_of, translate_errors
from libs.core.domain.quotas import Quota
from libs.core.ports.quotas import Quotas

PREFIX = "qta_"
"""Prefix of the keys of counter items. Uploads and conversions have other prefixes, so no stream
record of a counter is taken for one of theirs."""


class DynamoDbQuotas(Quotas):
    """Hold one item for each subject and window, with a number for each resource.

    A call is one conditional write: nothing is read before it.
    """

    def __init__(self, client: Any, table: str, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock

    def take(self, subject: str, window: int, wanted: Sequence[Quota]) -> int:
        now = int(self._clock())
        begin = now - now % window
        wait = begin + window - now
        if any(quota.amount > quota.limit for quota in wanted):
            return wait
        names = {f"#{quota.resource}": str(quota.resource) for quota in wanted}
        values = {":expires_at": begin + 2 * window}
        for quota in wanted:
            values[f":{quota.resource}"] = quota.amount
            values[f":{quota.resource}_before"] = quota.limit - quota.amount
        adds = ", ".join(f"#{quota.resource} :{quota.resource}" for quota in wanted)
        conditions = " AND ".join(
            f"(attribute_not_exists(#{quota.resource})"
            f" OR #{quota.resource} <= :{quota.resource}_before)"
            for quota in wanted
        )
        try:
            with translate_errors("DynamoDB"):
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": _key(subject, window, begin)},
                    UpdateExpression=f"SET expires_at = :expires_at ADD {adds}",
                    ConditionExpression=conditions,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return wait
        return 0


def _key(subject: str, window: int, begin: int) -> str:
    # A digest, so that keys are short, and the table has no ids of sessions.
    text = f"{subject}\x00{window}\x00{begin}"
    return PREFIX + hashlib.sha256(text.encode()).hexdigest()
