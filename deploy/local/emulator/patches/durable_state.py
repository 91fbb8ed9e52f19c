"""Store items, messages and configuration when they change, instead of at the end.

MiniStack writes one JSON file for each service when it shuts down cleanly. A killed one comes back
with the state of the run before.

Upstream would have to write each change to disk before it answers, for example with a store like
`durability.store`.
"""

import time
from typing import Any

from ministack import app
from ministack.services import cloudformation, dynamodb, s3, sqs

from deploy.local.emulator.durability import configuration, items
from deploy.local.emulator.durability.configuration import Configuration
from deploy.local.emulator.durability.messages import Messages
from deploy.local.emulator.durability.store import StateStore


def apply(store: StateStore, saved: Configuration, messages: Messages) -> None:
    """Replace MiniStack's functions that change, save and load state."""
    _store_items(store)
    _save_configuration_without_data()
    _load(store, saved, messages)
    _save_at_the_end(store, saved, messages)
    _deliver_bucket_events_at_once()


def _store_items(store: StateStore) -> None:
    set_item, remove_item = dynamodb._set_item, dynamodb._remove_item

    def set_and_store(table: dict[str, Any], hash_key: Any, range_key: Any, item: Any) -> Any:
        old = set_item(table, hash_key, range_key, item)
        items.save(store, table, hash_key, range_key, item)
        return old

    def remove_and_store(table: dict[str, Any], hash_key: Any, range_key: Any) -> Any:
        old = remove_item(table, hash_key, range_key)
        if old is not None:
            items.save(store, table, hash_key, range_key, None)
        return old

    dynamodb._set_item, dynamodb._remove_item = set_and_store, remove_and_store


def _save_configuration_without_data() -> None:
    dynamodb_state, sqs_state = dynamodb.get_state, sqs.get_state

    def state_without_items() -> dict[str, Any]:
        # The lock keeps the thread of the TTL away from the table that is replaced for a moment.
        with dynamodb._lock:
            tables = dynamodb._tables
            dynamodb._tables = configuration.without(
                tables, "items", "ItemCount", "TableSizeBytes", dynamodb._INDEX_MEMBERS
            )
            try:
                return dynamodb_state()  # type: ignore[no-any-return]
            finally:
                dynamodb._tables = tables

    def state_without_messages() -> dict[str, Any]:
        with sqs._queues_lock:
            queues = sqs._queues
            sqs._queues = configuration.without(queues, "messages", "dedup_cache")
            try:
                return sqs_state()  # type: ignore[no-any-return]
            finally:
                sqs._queues = queues

    dynamodb.get_state, sqs.get_state = state_without_items, state_without_messages


def _load(store: StateStore, saved: Configuration, messages: Messages) -> None:
    stored = saved.load()
    load_file = app.load_state
    load_tables, load_queues = dynamodb.load_persisted_state, sqs.load_persisted_state
    load_stacks = cloudformation.load_persisted_state

    def load_state(service: str) -> Any:
        # Files are from a version of this emulator that had no store.
        return stored[service] if service in stored else load_file(service)

    def load_tables_and_items(data: dict[str, Any]) -> None:
        for (_account, _region, _name), table in data["tables"].all_items():
            table.setdefault("items", {})
        load_tables(data)
        for table in dynamodb._tables.all_values():
            for hash_key, by_range in table["items"].items():
                for range_key, item in by_range.items():
                    items.save(store, table, hash_key, range_key, item)
        items.restore(store)
        configuration.restart_streams(time.time())

    def load_queues_and_messages(data: dict[str, Any]) -> None:
        for queue in data["queues"].all_values():
            queue.setdefault("dedup_cache", {})
        load_queues(data)
        messages.restore()

    def load_stacks_and_settle(data: dict[str, Any]) -> None:
        load_stacks(data)
        configuration.settle_stacks()

    app.load_state = load_state
    dynamodb.load_persisted_state = load_tables_and_items
    sqs.load_persisted_state = load_queues_and_messages
    cloudformation.load_persisted_state = load_stacks_and_settle


def _save_at_the_end(store: StateStore, saved: Configuration, messages: Messages) -> None:
    def save_all(_states: Any) -> None:
        saved.mark_changed()
        saved.save()
        messages.save()
        store.close()

    app.save_all = save_all


def _deliver_bucket_events_at_once() -> None:
    """Deliver in the request and not in a thread, so that the message is stored as well."""

    def fire(
        bucket: str, key: str, event: str, size: int = 0, etag: str = "", *rest: Any, **more: Any
    ) -> None:
        if bucket in s3._bucket_notifications:
            more["sequencer"] = s3._next_event_sequencer(event)
            s3._fire_s3_event(bucket, key, event, size, etag, *rest, **more)

    s3._fire_s3_event_async = fire
