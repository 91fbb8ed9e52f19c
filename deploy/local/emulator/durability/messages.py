"""Store the messages of SQS, one value for each."""

import json
from typing import Any

from ministack.services import sqs

from deploy.local.emulator.durability.store import StateStore

KIND = "message"


class Messages:
    """Compare the queues with what is stored, and queue the differences."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._stored: dict[str, set[str]] = {}
        self._seen: dict[str, tuple[Any, ...]] = {}

    def save(self) -> None:
        """Queue the messages that were sent, and the deletion of those that were deleted."""
        queues = {queue["attributes"]["QueueArn"]: queue for queue in sqs._queues.all_values()}
        for arn in self._stored.keys() - queues.keys():
            self._save_queue(arn, [])
        for arn, queue in queues.items():
            messages = queue["messages"]
            if self._seen.get(arn) != (seen := _state_of(messages)):
                self._save_queue(arn, messages)
                self._seen[arn] = seen

    def restore(self) -> None:
        """Put the stored messages into their queues, in the order in which they were sent."""
        queues = {queue["attributes"]["QueueArn"]: queue for queue in sqs._queues.all_values()}
        for queue in queues.values():
            queue.setdefault("messages", [])
        for key, text in self._store.load(KIND).items():
            arn, _, identifier = key.partition(" ")
            self._stored.setdefault(arn, set()).add(identifier)
            if arn in queues:
                queues[arn]["messages"].append(json.loads(text))
        for queue in queues.values():
            queue["messages"].sort(key=lambda message: message["sent_at"])

    def _save_queue(self, arn: str, messages: list[dict[str, Any]]) -> None:
        stored = self._stored.setdefault(arn, set())
        present = {message["id"]: message for message in messages}
        for identifier in present.keys() - stored:
            self._store.put(KIND, f"{arn} {identifier}", json.dumps(present[identifier]))
        for identifier in stored - present.keys():
            self._store.put(KIND, f"{arn} {identifier}", None)
        self._stored[arn] = set(present)
        if not messages:
            self._seen.pop(arn, None)


def _state_of(messages: list[dict[str, Any]]) -> tuple[Any, ...]:
    """Return a value that changes when a message is added or removed.

    MiniStack appends to the list, and replaces it when it removes a message.
    """
    ends = (messages[0]["id"], messages[-1]["id"]) if messages else ()
    return id(messages), len(messages), *ends
