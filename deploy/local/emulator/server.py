"""Serve MiniStack with our patches: `python -m deploy.local.emulator.server`.

It runs in MiniStack's own environment and is started by `process.py`. MiniStack itself saves its
state only when it ends in order; a killed one would come back with the state of the run before and
the objects of this one. The server also saves within `SAVE_INTERVAL` seconds of a change. It ends
in order when its parent process ends: stdin is a pipe that closes with the parent.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve  # type: ignore[import-not-found]  # in MiniStack's environment
from hypercorn.config import Config  # type: ignore[import-not-found]  # likewise
from ministack import app as ministack
from ministack.core import persistence

from deploy.local.emulator import patches
from deploy.local.emulator.access import AccessControl, Asgi

SAVE_INTERVAL = 2.0
"""Seconds after a change until the state is saved."""

SAVED_SERVICES = ("s3", "dynamodb", "sqs", "sns", "cloudformation", "iam", "pipes")
"""The services that the stack uses; each of the others would write an empty file."""

READ_ACTIONS = {
    b"ReceiveMessage",
    b"GetQueueAttributes",
    b"GetRecords",
    b"GetShardIterator",
    b"DescribeStream",
    b"GetItem",
    b"Query",
}
"""Actions that change nothing worth saving; the relay and the inboxes call some all the time."""


class PersistentApp:
    """Wrap MiniStack's ASGI application, and save its state while it runs."""

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self._changed = False
        self._saving: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            self._saving = asyncio.create_task(self._save_repeatedly())
        await self._app(scope, receive, send)
        # Set after the response, so that the next save includes the effect of the request.
        self._changed = self._changed or (scope["type"] == "http" and not is_read(scope))

    async def _save_repeatedly(self) -> None:
        took = 0.0
        while True:
            # Saving blocks all requests, for 0.2 s with a thousand items. It may take a
            # twentieth of the time at most.
            await asyncio.sleep(max(SAVE_INTERVAL, 20 * took))
            if self._changed:
                self._changed = False
                began = time.monotonic()
                # On the event loop, so that no request changes the state while it is written.
                states = ministack._build_persistence_save_dict()
                persistence.save_all(
                    {name: states[name] for name in SAVED_SERVICES if name in states}
                )
                took = time.monotonic() - began


def is_read(scope: Mapping[str, Any]) -> bool:
    """Return True if a request changes nothing, by its method or its `X-Amz-Target` action."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True
    target = dict(scope["headers"]).get(b"x-amz-target", b"")
    return bool(target.rpartition(b".")[2] in READ_ACTIONS)


def terminate_with_parent() -> None:
    """Send SIGTERM to this process when stdin closes."""
    # Not `sys.stdin`: its lock would be held for ever and make the interpreter abort at its end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until SIGTERM or the end of stdin. MiniStack's environment variables configure it."""
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    threading.Thread(target=terminate_with_parent, daemon=True).start()
    patches.apply(Path(os.environ["STATE_DIR"]) / "parts")
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    # Long polls need not be finished.
    config.graceful_timeout = 1
    origins = [origin for origin in os.environ["ALLOWED_ORIGINS"].split(",") if origin]
    credentials = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    app = AccessControl(PersistentApp(ministack.app), origins, *credentials)
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
