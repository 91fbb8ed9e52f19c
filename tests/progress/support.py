"""Run the progress service on a port, change items, and read its event streams."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event as Flag
from typing import Any

import httpx
import uvicorn
from dependency_injector import providers

from libs.core.adapters.memory import (
    MemoryChangeFeed,
    MemoryConversionLeases,
    MemoryConversionStore,
    MemoryNamedLeases,
    MemoryProgressReader,
    MemoryQuotas,
    MemoryRevokedSessions,
    MemoryTable,
    MemoryUploadStore,
)
from libs.core.domain.conversions import Conversion
from libs.core.domain.events import Change
from libs.core.domain.progress import Progress
from libs.core.domain.uploads import Upload
from libs.core.errors import StorageUnavailable
from libs.core.ports.change_feed import ChangeFeed
from libs.core.ports.progress_reader import ProgressReader
from libs.core.serve import Server
from libs.core.web.session_tokens import SessionTokens
from services.progress.app import create_app
from services.progress.broadcaster import Broadcaster
from services.progress.container import ProgressContainer
from services.progress.settings import ProgressSettings
from tests.fakes import a_conversion, an_upload

SECRET = "a secret of the tests, long enough"
TIMEOUT = 20.0
"""Seconds that a wait may take on a slow machine."""

NEVER = 3600.0
"""An interval in seconds that is longer than any test."""


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.005)


class ItemStore:
    """Hold items in memory, and change them."""

    def __init__(self) -> None:
        self.table = MemoryTable()
        self.uploads = MemoryUploadStore(self.table)
        self.conversions = MemoryConversionStore(self.table)
        self.leases = MemoryConversionLeases(self.table)

    def upload(self, owner: str = "somebody", **changes: Any) -> Upload:
        upload = an_upload(owner, **changes)
        self.uploads.create(upload, [])
        return upload

    def queued(self, owner: str = "somebody", **changes: Any) -> Conversion:
        """Create a conversion that any worker may claim."""
        upload = self.upload(owner)
        return self.conversions.create(
            a_conversion(upload, **changes), self.uploads.mark_uploaded(upload.id)
        )


class FaultyProgressReader(ProgressReader):
    """Read progress from memory, or fail. Count the calls."""

    def __init__(self, reader: ProgressReader) -> None:
        self._reader = reader
        self.away = False
        self.calls = 0
        self.ended: Counter[str] = Counter()
        """Calls of each method that have returned."""

    def get(self, item_id: str, owner: str) -> Progress:
        self._look()
        found = self._reader.get(item_id, owner)
        self.ended["get"] += 1
        return found

    def of_owner(self, owner: str) -> Sequence[Progress]:
        self._look()
        found = self._reader.of_owner(owner)
        self.ended["of_owner"] += 1
        return found

    def positions(self, owner: str) -> Mapping[str, int]:
        self._look()
        found = self._reader.positions(owner)
        self.ended["positions"] += 1
        return found

    def _look(self) -> None:
        self.calls += 1
        if self.away:
            raise StorageUnavailable("Away.", retry_after=2)


class FakeChangeFeed(ChangeFeed):
    """Yield the changes that a test puts in."""

    def __init__(self) -> None:
        self._batches: SimpleQueue[Sequence[Change] | Exception | None] = SimpleQueue()

    def bring(self, *changes: Change) -> None:
        self._batches.put(changes)

    def miss(self) -> None:
        """Report that changes may have been missed."""
        self._batches.put(None)

    def fail(self) -> None:
        """Raise an unexpected error."""
        self._batches.put(RuntimeError("a fault in the feed"))

    def follow(self, stop: Flag) -> Iterator[Sequence[Change] | None]:
        while not stop.is_set():
            try:
                batch = self._batches.get(timeout=0.05)
            except Empty:
                continue
            if isinstance(batch, Exception):
                raise batch
            yield batch


class ServiceHarness:
    """Run the progress service over HTTP."""

    def __init__(self, reader: ProgressReader, feed: ChangeFeed | None, **settings: Any) -> None:
        calm = {"TINYPIXO_KEEP_ALIVE": NEVER, "poll_every": 0.1, "secure_cookies": False}
        given: dict[str, Any] = {
            "bucket": "bucket",
            "table": "table",
            "session_secret": SECRET,
            "AWS_REGION": "eu-central-1",
        }
        self.container = ProgressContainer(settings=ProgressSettings(**given, **calm | settings))
        self.container.progress.override(providers.Object(reader))
        self.container.change_feed.override(providers.Object(feed))
        self.container.named_leases.override(providers.Object(MemoryNamedLeases()))
        self.container.revoked_sessions.override(providers.Object(MemoryRevokedSessions()))
        self.container.quotas.override(providers.Object(MemoryQuotas()))
        config = uvicorn.Config(
            create_app(self.container),
            host="127.0.0.1",
            port=0,
            log_config=None,
            proxy_headers=False,
            timeout_graceful_shutdown=10,
        )
        self._server = Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._open: list[httpx.Client] = []

    def start(self) -> None:
        self._thread.start()
        eventually(lambda: self._server.started)
        self.port = int(self._server.servers[0].sockets[0].getsockname()[1])

    def stop(self) -> float:
        """Stop the service as SIGTERM does, and return the seconds that it took."""
        began = time.monotonic()
        self._server.should_exit = True
        self._thread.join(TIMEOUT)
        assert not self._thread.is_alive()
        return time.monotonic() - began

    def close(self) -> None:
        for client in self._open:
            client.close()
        self.stop()

    @property
    def broadcaster(self) -> Broadcaster:
        broadcaster: Broadcaster = self.container.broadcaster()
        return broadcaster

    def client(self, owner: str | None = "somebody") -> httpx.Client:
        """Return an HTTP client with the owner's token; without an owner, a new browser."""
        headers = {"Authorization": f"Bearer {token_of(owner)}"} if owner else {}
        client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=TIMEOUT
        )
        self._open.append(client)
        return client

    @contextmanager
    def follow(
        self,
        item_id: str | None = None,
        owner: str | None = "somebody",
        last: str | None = None,
        address: str = "127.0.0.1",
    ) -> Iterator["Stream"]:
        """Open the event stream of an item, or of everything that the owner has.

        A proxy in front of the service would say that the client has this `address`.
        """
        path = f"/api/progress/{item_id}/events" if item_id else "/api/progress/events"
        headers = httpx.Headers(
            {"Last-Event-ID": last} if last is not None else {}, encoding="utf-8"
        )
        headers["X-Forwarded-For"] = address
        with self.client(owner).stream("GET", path, headers=headers) as response:
            if response.is_error:
                response.read()
            yield Stream(response)


@dataclass(frozen=True)
class Event:
    """Hold an event as a browser would dispatch it; a comment has the name `comment`."""

    name: str
    id: str
    data: Any


class Stream:
    """Parse an event stream by the HTML standard, as far as it is used here."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.retry: int | None = None
        self._events = self._parsed()

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def next(self) -> Event:
        return next(self._events)

    def take(self, count: int) -> list[Event]:
        return [next(self._events) for _ in range(count)]

    def until(self, wanted: Callable[[Event], bool]) -> list[Event]:
        """Return events up to the first that is wanted."""
        seen = []
        for event in self._events:
            seen.append(event)
            if wanted(event):
                return seen
        raise AssertionError(f"the stream ended before that; it brought {seen}")

    def rest(self) -> list[Event]:
        """Return events until the service ends the stream; raise if it ends uncleanly."""
        return list(self._events)

    def _parsed(self) -> Iterator[Event]:
        fields: dict[str, str] = {}
        for line in self.response.iter_lines():
            if line.startswith(":"):
                yield Event("comment", "", line[1:].strip())
            elif line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            else:
                if "retry" in fields:
                    self.retry = int(fields["retry"])
                if "data" in fields:
                    yield Event(fields["event"], fields.get("id", ""), json.loads(fields["data"]))
                fields = {}


def token_of(owner: str) -> str:
    """Return a token as POST /api/session issues it to this owner."""
    return SessionTokens(SECRET).issue(owner)


def memory_reader(store: ItemStore) -> FaultyProgressReader:
    return FaultyProgressReader(MemoryProgressReader(store.table))


def memory_feed(store: ItemStore) -> ChangeFeed:
    return MemoryChangeFeed(store.table)


def names_and_ids(events: list[Event]) -> list[tuple[str, str]]:
    """Return name and id of each event."""
    return [(event.name, event.id) for event in events]
