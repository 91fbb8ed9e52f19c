"""A backend: an adapter for every port on the same data, and helpers for what a test cannot do through a port."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from libs.core.adapters.memory import (
    MemoryBucket,
    MemoryChangeFeed,
    MemoryConversionLeases,
    MemoryConversionQueue,
    MemoryConversionStore,
    MemoryExpiredItems,
    MemoryInbox,
    MemoryMultipartUploads,
    MemoryObjectStore,
    MemoryProgressReader,
    MemoryTable,
    MemoryUploadStore,
    MemoryUrlSigner,
)
from libs.core.domain.events import FileUploaded
from libs.core.ports.change_feed import ChangeFeed
from libs.core.ports.conversion_queue import ConversionQueue
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.expired_items import ExpiredItems
from libs.core.ports.inbox import Inbox
from libs.core.ports.leases import ConversionLeases
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.objects import ObjectStore
from libs.core.ports.progress_reader import ProgressReader
from libs.core.ports.uploads import UploadStore
from libs.core.ports.url_signer import UrlSigner
from tests.fakes import FakeClock


@dataclass(frozen=True)
class Answer:
    """What came back for a URL; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def filename(self) -> str:
        """What a browser saves it as: by RFC 6266 `filename*` goes before `filename`."""
        _, _, encoded = self.headers["content-disposition"].partition("filename*=UTF-8''")
        return unquote(encoded)


class Post(ABC):
    """An inbox and what stands around it."""

    inbox: Inbox

    @abstractmethod
    def send(self, event: FileUploaded) -> None:
        """A message with this event arrives."""

    @abstractmethod
    def send_nonsense(self) -> None:
        """A message that makes no sense arrives."""

    @abstractmethod
    def dead_letters(self) -> int:
        """How many messages the dead-letter queue has."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Lets the queue's time pass."""


class Backend(ABC):
    """All ports on one set of data. `clock` is the one that leases and expiry go by."""

    clock: FakeClock
    objects: ObjectStore
    multiparts: MultipartUploads
    signer: UrlSigner
    uploads: UploadStore
    conversions: ConversionStore
    queue: ConversionQueue
    leases: ConversionLeases
    expired: ExpiredItems
    progress: ProgressReader
    feed: ChangeFeed
    lacks: frozenset[str] = frozenset()

    def needs(self, ability: str) -> None:
        """Skips the test where the emulator does not do this."""
        if ability in self.lacks:
            pytest.skip(f"this emulator lacks: {ability}")

    @abstractmethod
    def described(self, key: str) -> tuple[str, Mapping[str, str]]:
        """Media type and metadata of an object."""

    @abstractmethod
    def http(self, method: str, url: str, body: bytes | None = None) -> Answer:
        """What a browser gets for a presigned URL."""

    @abstractmethod
    def post(self, visibility: float = 1, max_receives: int = 20) -> Post:
        """A fresh inbox."""


class MemoryPost(Post):
    """A MemoryInbox; its time is the fake clock's."""

    def __init__(self, visibility: float, max_receives: int, clock: FakeClock) -> None:
        self._memory = MemoryInbox(visibility, max_receives, clock)
        self._clock = clock
        self.inbox = self._memory

    def send(self, event: FileUploaded) -> None:
        self._memory.send(event)

    def send_nonsense(self) -> None:
        self._memory.send(readable=False)

    def dead_letters(self) -> int:
        return len(self._memory.dead_letters)

    def wait(self, seconds: float) -> None:
        self._clock.advance(seconds)


class MemoryBackend(Backend):
    """Everything in memory, new for each test."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self._bucket = MemoryBucket(clock)
        table = MemoryTable(clock)
        self.objects = MemoryObjectStore(self._bucket)
        self.multiparts = MemoryMultipartUploads(self._bucket)
        self.signer = MemoryUrlSigner()
        self.uploads = MemoryUploadStore(table)
        self.conversions = MemoryConversionStore(table)
        self.queue = MemoryConversionQueue(table)
        self.leases = MemoryConversionLeases(table)
        self.expired = MemoryExpiredItems(table)
        self.progress = MemoryProgressReader(table)
        self.feed = MemoryChangeFeed(table)

    def described(self, key: str) -> tuple[str, Mapping[str, str]]:
        stored = self._bucket.objects[key]
        return stored.media_type, stored.metadata

    def http(self, method: str, url: str, body: bytes | None = None) -> Answer:
        split = urlsplit(url)
        key = unquote(split.path[1:])
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        if method == "PUT":
            etag = self.multiparts.put_part(
                key, query["uploadId"], int(query["partNumber"]), body or b""
            )
            return Answer(200, {"etag": f'"{etag}"'}, b"")
        headers = {
            "content-type": query["media_type"],
            "content-disposition": f"{query['disposition']}; filename*=UTF-8''{quote(query['filename'])}",
        }
        return Answer(200, headers, self._bucket.objects[key].body)

    def post(self, visibility: float = 1, max_receives: int = 20) -> Post:
        return MemoryPost(visibility, max_receives, self.clock)
