"""Listings of one owner's items, newest first, and the cursor that pages through them."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from boto3.dynamodb.conditions import Key

from libs.core.adapters.aws.dynamodb.codec import owner_kind, to_plain
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.domain.ids import Kind, kind_of
from libs.core.errors import CursorInvalid

LONGEST_CURSOR = 200
"""Characters; ours have about 70. A longer one could nest deeper than the JSON parser can follow."""

END_OF_TIME = 1e11
"""Epoch seconds; DynamoDB refuses numbers of any size, and a forged one must not become its error."""


def list_by_owner(
    table: Table, owner: str, kind: Kind, limit: int, cursor: str | None
) -> tuple[list[dict[str, Any]], str | None]:
    """A page of live items and the cursor of the next page. Raises CursorInvalid."""
    partition = owner_kind(owner, kind)
    after = _position(cursor, partition, kind) if cursor else None
    keys, last = table.page("by-owner", Key("owner_kind").eq(partition), limit, after)
    items = [item for item in table.get_many(keys) if item["expires_at"] > table.now()]
    return items, _cursor(last) if last else None


def _cursor(last: dict[str, Any]) -> str:
    # The partition is left out: it is the owner's, and comes from the session, never from a cursor.
    return urlsafe_b64encode(json.dumps([last["pk"], str(last["created_at"])]).encode()).decode()


def _position(cursor: str, partition: str, kind: Kind) -> dict[str, Any]:
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError(len(cursor))
        pk, created_at = json.loads(urlsafe_b64decode(cursor))
        created_at = float(created_at)
        if kind_of(pk) != kind or not 0 <= created_at < END_OF_TIME:
            raise ValueError(pk)
    except (ValueError, TypeError) as error:
        raise CursorInvalid(
            "This “next” is not from one of our listings. Please start from the first page."
        ) from error
    return {"pk": pk, "owner_kind": partition, "created_at": to_plain(created_at)}
