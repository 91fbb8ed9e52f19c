"""Store values by kind and key in SQLite, with one commit for all that is waiting."""

import asyncio
import sqlite3
import threading
import time
from pathlib import Path

Change = dict[tuple[str, str], str | None]

RETRY_INTERVAL = 1.0
"""Seconds until changes are written again that could not be written."""


class StateStore:
    """Write changes in a thread of its own, and tell when they are on disk.

    Changes that arrive during a commit wait for the next one, which takes them all: a commit costs
    several milliseconds, because SQLite waits for the disk.
    """

    def __init__(self, path: Path) -> None:
        # Readable by this user only: it contains uploaded data.
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS state"
            " (kind TEXT, key TEXT, value TEXT NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"
        )
        self._changes: Change = {}
        self._queued = 0
        self._stored = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._changed = threading.Condition()
        self._closing = False
        self._writer = threading.Thread(target=self._write, name="state-store", daemon=True)
        self._writer.start()

    def load(self, kind: str) -> dict[str, str]:
        """Return all values of a kind by key, as they were when the process started."""
        query = "SELECT key, value FROM state WHERE kind = ?"
        return dict(self._connection.execute(query, (kind,)).fetchall())

    def put(self, kind: str, key: str, value: str | None) -> None:
        """Queue a change; None deletes the value. Any thread may call it."""
        with self._changed:
            self._changes[kind, key] = value
            self._queued += 1
            self._changed.notify()

    async def flush(self) -> None:
        """Return when every change that was queued until now is on disk.

        Raises the error of SQLite if it cannot be stored, for example because the disk is full.
        """
        with self._changed:
            if self._stored >= self._queued:
                return
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((self._queued, future))
        await future

    def close(self) -> None:
        """Store what is queued, and end the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._writer.join()
        self._connection.close()

    def _write(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._changes or self._closing)
                changes, self._changes, number = self._changes, {}, self._queued
            if not changes:
                return
            error = self._commit(changes)
            with self._changed:
                if error:
                    # Kept for the next attempt; a later value of the same key wins.
                    self._changes = {**changes, **self._changes}
                else:
                    self._stored = number
                answered = [future for at, future in self._waiting if at <= number]
                self._waiting = [(at, future) for at, future in self._waiting if at > number]
            for future in answered:
                future.get_loop().call_soon_threadsafe(_resolve, future, error)
            if error and self._closing:
                return
            if error:
                time.sleep(RETRY_INTERVAL)

    def _commit(self, changes: Change) -> sqlite3.Error | None:
        try:
            self._connection.execute("BEGIN")
            for (kind, key), value in changes.items():
                if value is None:
                    delete = "DELETE FROM state WHERE kind = ? AND key = ?"
                    self._connection.execute(delete, (kind, key))
                else:
                    replace = "INSERT OR REPLACE INTO state VALUES (?, ?, ?)"
                    self._connection.execute(replace, (kind, key, value))
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return error
        return None


def _resolve(future: "asyncio.Future[None]", error: Exception | None) -> None:
    if future.done():  # the client has disconnected
        return
    if error:
        future.set_exception(error)
    else:
        future.set_result(None)
