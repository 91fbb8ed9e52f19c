"""List an owner's items, newest first, page by page."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

from boto3.dynamodb.conditions import Key

from libs.core.adapters.aws.dynamodb.encoding import owner_kind, to_dynamodb
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.domain.ids import Kind, kind_of
from libs.core.errors import CursorInvalid

MAX_CURSOR = 200
"""Characters. A cursor has about 70; a longer one could exceed the JSON parser's depth."""

MAX_TIME = 1e11
"""Epoch seconds. DynamoDB answers with an error to larger numbers in forged cursors."""


def list_by_owner(
    table: Table,
    owner: str,
    kind: Kind,
    limit: int,
    cursor: str | None,
    paths: Sequence[str] = (),
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of items that have not expired, and the cursor of the next page.

    If `paths` is given, only these attributes of the items are read.

    Raises:
        CursorInvalid: the cursor is not from a listing of this kind.
    """
    partition = owner_kind(owner, kind)
    after = _position(cursor, partition, kind) if cursor else None
    keys, last = table.page("by-owner", Key("owner_kind").eq(partition), limit, after)
    items = [item for item in table.get_many(keys, paths) if table.is_live(item)]
    return items, _cursor(last) if last else None


def _cursor(last: dict[str, Any]) -> str:
    # The partition is not in the cursor: it is the owner's, and comes from the session.
    return urlsafe_b64encode(json.dumps([last["pk"], str(last["created_at"])]).encode()).decode()


def _position(cursor: str, partition: str, kind: Kind) -> dict[str, Any]:
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError(len(cursor))
        pk, created_at = json.loads(urlsafe_b64decode(cursor))
        created_at = float(created_at)
        if kind_of(pk) != kind or not 0 <= created_at < MAX_TIME:
            raise ValueError(pk)
    except (ValueError, TypeError) as error:
        raise CursorInvalid(
            "This “next” value is not from a listing. Please start from the first page."
        ) from error
    return {"pk": pk, "owner_kind": partition, "created_at": to_dynamodb(created_at)}
