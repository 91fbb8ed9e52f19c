"""Store the items of DynamoDB, one value for each."""

import json
from typing import Any

from ministack.services import dynamodb

from deploy.local.emulator.durability.store import StateStore

KIND = "item"


def save(
    store: StateStore, table: dict[str, Any], hash_key: Any, range_key: Any, item: Any
) -> None:
    """Queue a new value of an item; None if it was removed."""
    # By the id of the table and not by its name, which another table may have later.
    key = json.dumps([table["TableId"], hash_key, range_key])
    store.put(KIND, key, None if item is None else json.dumps(item))


def restore(store: StateStore) -> None:
    """Put the stored items into their tables, and forget those of deleted tables."""
    tables = {table["TableId"]: table for table in dynamodb._tables.all_values()}
    for key, text in store.load(KIND).items():
        table_id, hash_key, range_key = json.loads(key)
        if table_id in tables:
            tables[table_id]["items"][hash_key][range_key] = json.loads(text)
        else:
            store.put(KIND, key, None)
    for table in tables.values():
        dynamodb._items_replaced(table)
