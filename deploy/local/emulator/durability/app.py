"""Send each response when everything that its request has changed is on disk."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from deploy.local.emulator.durability import files
from deploy.local.emulator.durability.configuration import Configuration
from deploy.local.emulator.durability.messages import Messages
from deploy.local.emulator.durability.store import StateStore

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

READ_PREFIXES = ("Describe", "Get", "List", "Query", "Scan", "BatchGet", "TransactGet", "Receive")
"""Beginnings of the names of actions that change nothing. Receiving a message only hides it."""

DATA_ACTIONS = {
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "TransactWriteItems",
    "SendMessage",
    "SendMessageBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "ChangeMessageVisibility",
    "ChangeMessageVisibilityBatch",
    "PurgeQueue",
    "Publish",
    "PublishBatch",
}
"""Actions that change items or messages, and no configuration."""


class DurableApp:
    """Wrap MiniStack's ASGI application, and delay responses until the changes are stored."""

    def __init__(
        self, app: Asgi, store: StateStore, configuration: Configuration, messages: Messages
    ) -> None:
        self._app = app
        self._store = store
        self._configuration = configuration
        self._messages = messages

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or is_read(scope):
            await self._app(scope, receive, send)
            return
        written = files.start_request()

        async def send_when_stored(message: Any) -> None:
            if message["type"] == "http.response.start":
                await self._store_changes(scope, written)
            await send(message)

        await self._app(scope, receive, send_when_stored)

    async def _store_changes(self, scope: Any, written: list[Path]) -> None:
        if changes_configuration(scope):
            self._configuration.mark_changed()
        # An item is of no use without its table, so the configuration is never behind.
        self._configuration.save()
        self._messages.save()
        if written:
            await asyncio.to_thread(files.sync, written)
        await self._store.flush()


def is_read(scope: Any) -> bool:
    """Return True if a request changes nothing, by its method or its action."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True
    return str(scope["aws_action"]).startswith(READ_PREFIXES)


def changes_configuration(scope: Any) -> bool:
    """Return True if a request may change a bucket, a table, a queue or the like."""
    if scope["aws_action"]:
        return scope["aws_action"] not in DATA_ACTIONS
    # A request to S3 that names no object is about the bucket.
    return "/" not in scope["path"].strip("/")
