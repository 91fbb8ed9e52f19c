"""Serve MiniStack with our patches: `python -m deploy.local.emulator.server`.

It runs in MiniStack's own environment and is started by `process.py`. It shuts down cleanly when
its parent process ends: stdin is a pipe that closes with the parent.
"""

import asyncio
import logging
import os
import signal
import threading
from pathlib import Path

from hypercorn.asyncio import serve  # type: ignore[import-not-found]  # in MiniStack's environment
from hypercorn.config import Config  # type: ignore[import-not-found]  # likewise
from ministack import app as ministack

from deploy.local.emulator import patches
from deploy.local.emulator.access import AccessControl
from deploy.local.emulator.durability.app import DurableApp
from deploy.local.emulator.durability.configuration import Configuration
from deploy.local.emulator.durability.messages import Messages
from deploy.local.emulator.durability.store import StateStore
from libs.core.descriptors import raise_descriptor_limit


def terminate_with_parent() -> None:
    """Send SIGTERM to this process when stdin closes."""
    # Not `sys.stdin`: its lock would be held for ever and make the interpreter abort at its end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until SIGTERM or the end of stdin. MiniStack's environment variables configure it."""
    logging.getLogger("hypercorn.access").setLevel(logging.WARNING)
    raise_descriptor_limit()
    threading.Thread(target=terminate_with_parent, daemon=True).start()
    folder = Path(os.environ["STATE_DIR"])
    store = StateStore(folder / "state.db")
    configuration, messages = Configuration(store), Messages(store)
    patches.apply(folder, store, configuration, messages)
    config = Config()
    config.bind = [f"{os.environ['BIND_HOST']}:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    # Long polls need not be finished.
    config.graceful_timeout = 1
    origins = [origin for origin in os.environ["ALLOWED_ORIGINS"].split(",") if origin]
    credentials = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    durable = DurableApp(ministack.app, store, configuration, messages)
    app = AccessControl(durable, origins, *credentials)
    asyncio.run(serve(app, config))


if __name__ == "__main__":
    main()
