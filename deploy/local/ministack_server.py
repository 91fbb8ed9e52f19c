"""MiniStack as a child of the stack on one machine. Runs in MiniStack's own environment, started by `emulator.py`.

MiniStack by itself writes its state only at an orderly end, so a killed one comes back with the state of the run
before, but with the objects of this one. Here it also writes within `SAVE_EVERY` seconds of a change. And it ends,
in order, when its parent does: stdin is a pipe that nobody writes to, and closes with the parent.
"""

import asyncio
import logging
import os
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve  # type: ignore[import-not-found]  # is in MiniStack's environment only
from hypercorn.config import Config  # type: ignore[import-not-found]  # likewise
from ministack import app as ministack
from ministack.core import persistence

from deploy.local import ministack_patches

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

SAVE_EVERY = 2.0

# What the stack uses; the other sixty services have nothing to save, and a file each.
USED = ("s3", "dynamodb", "sqs", "sns", "cloudformation", "iam", "pipes")

# Requests that change nothing worth keeping; the relay and the inboxes ask these all day.
READS = {b"ReceiveMessage", b"GetQueueAttributes", b"GetRecords", b"GetShardIterator", b"DescribeStream", b"GetItem", b"Query"}


class SavingApp:
    """MiniStack's application, which saves its state while it runs."""

    def __init__(self, app: Asgi) -> None:
        self._app = app
        self._changed = False
        self._saving: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            self._saving = asyncio.create_task(self._save_now_and_then())
        await self._app(scope, receive, send)
        # After the answer, so that what it did is in the next save.
        self._changed = self._changed or (scope["type"] == "http" and not is_read(scope))

    async def _save_now_and_then(self) -> None:
        took = 0.0
        while True:
            # A thousand items take 0.2 s, in which nothing is served: never more than a twentieth of the time.
            await asyncio.sleep(max(SAVE_EVERY, 20 * took))
            if self._changed:
                self._changed = False
                began = time.monotonic()
                # On the event loop on purpose: requests are served there, so none changes what is being written.
                states = ministack._build_persistence_save_dict()
                persistence.save_all({name: states[name] for name in USED if name in states})
                took = time.monotonic() - began


def is_read(scope: Mapping[str, Any]) -> bool:
    """Whether a request asks without changing: by its method, or by the action in `X-Amz-Target`."""
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True
    target = dict(scope["headers"]).get(b"x-amz-target", b"")
    return bool(target.rpartition(b".")[2] in READS)


def end_with_parent() -> None:
    """Ask for an orderly end as soon as stdin closes."""
    # Not by sys.stdin: its lock, held here for ever, would end the interpreter with a fatal error.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until SIGTERM or the end of stdin. Settings are MiniStack's own environment variables."""
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    threading.Thread(target=end_with_parent, daemon=True).start()
    ministack_patches.apply(Path(os.environ["STATE_DIR"]) / "parts")
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    # Long polls have nothing to finish.
    config.graceful_timeout = 1
    asyncio.run(serve(SavingApp(ministack.app), config))


if __name__ == "__main__":
    main()
