"""Write a stream record for each item that DynamoDB's TTL removes.

MiniStack removes expired items without a record on the table's stream, so the janitor would not
learn of them and would keep their objects.

Upstream would have to emit a REMOVE record with the user identity of DynamoDB in `_ttl_reaper`.
"""

import threading
from typing import Any

from ministack.core import responses
from ministack.services import dynamodb

TTL_THREAD = "dynamodb-ttl-reaper"

# Spelled as GetRecords spells it; EventBridge Pipes and Lambda begin both names in lower case.
USER_IDENTITY = {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


def apply() -> None:
    """Replace MiniStack's function that removes an item."""
    remove_item = dynamodb._remove_item

    def remove_and_record(table: dict[str, Any], hash_value: Any, range_value: Any) -> Any:
        removed = remove_item(table, hash_value, range_value)
        # Requests write their own records; only the thread of the TTL does not.
        if removed is not None and threading.current_thread().name == TTL_THREAD:
            _emit_remove(table["TableArn"], removed)
        return removed

    dynamodb._remove_item = remove_and_record


def _emit_remove(table_arn: str, item: dict[str, Any]) -> None:
    # arn:aws:dynamodb:REGION:ACCOUNT:table/NAME
    region, account, resource = table_arn.split(":")[3:6]
    name = resource.removeprefix("table/")
    # The thread serves no request, so it has no account and region of its own.
    responses._request_account_id.set(account)
    responses._request_region.set(region)
    dynamodb._emit_stream_event(name, "REMOVE", item, None)
    dynamodb.stream_live_records(name)[-1]["userIdentity"] = USER_IDENTITY
