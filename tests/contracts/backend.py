"""Provide an adapter for every port on the same data, and helpers beyond the ports."""

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
    MemoryNamedLeases,
    MemoryObjectStore,
    MemoryProgressReader,
    MemoryQuotas,
    MemoryResumableUploads,
    MemoryRevokedSessions,
    MemoryTable,
    MemoryUploadStore,
    MemoryUrlSigner,
)
from libs.core.domain.checksums import CHECKSUM_LENGTHS, PartChecksum
from libs.core.domain.events import FileUploaded
from libs.core.errors import ChecksumMismatch
from libs.core.ports.change_feed import ChangeFeed
from libs.core.ports.conversion_queue import ConversionQueue
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.expired_items import ExpiredItems
from libs.core.ports.inbox import Inbox
from libs.core.ports.leases import ConversionLeases
from libs.core.ports.multipart_uploads import MultipartUploads
from libs.core.ports.named_leases import NamedLeases
from libs.core.ports.objects import ObjectStore
from libs.core.ports.progress_reader import ProgressReader
from libs.core.ports.quotas import Quotas
from libs.core.ports.resumable_uploads import ResumableUploads
from libs.core.ports.revoked_sessions import RevokedSessions
from libs.core.ports.uploads import UploadStore
from libs.core.ports.url_signer import UrlSigner
from tests.fakes import FakeClock


@dataclass(frozen=True)
class HttpResponse:
    """Hold the HTTP response to a presigned URL; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def filename(self) -> str:
        """Return the name that a browser saves the file under.

        By RFC 6266, `filename*` takes precedence over `filename`.
        """
        _, _, encoded = self.headers["content-disposition"].partition("filename*=UTF-8''")
        return unquote(encoded)


class InboxHarness(ABC):
    """Provide an inbox, and helpers to send messages to it."""

    inbox: Inbox

    @abstractmethod
    def send(self, event: FileUploaded) -> None:
        """Send a message with this event."""

    @abstractmethod
    def send_unreadable(self) -> None:
        """Send a message that cannot be parsed."""

    @abstractmethod
    def dead_letters(self) -> int:
        """Return the number of messages in the dead-letter queue."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Advance the queue's clock."""


class Backend(ABC):
    """Hold all ports on one set of data. `clock` is the time of leases and expiry."""

    clock: FakeClock
    objects: ObjectStore
    multiparts: MultipartUploads
    signer: UrlSigner
    uploads: UploadStore
    resumable: ResumableUploads
    conversions: ConversionStore
    queue: ConversionQueue
    leases: ConversionLeases
    expired: ExpiredItems
    progress: ProgressReader
    feed: ChangeFeed
    revoked: RevokedSessions
    named: NamedLeases
    quotas: Quotas
    lacks: frozenset[str] = frozenset()

    def needs(self, ability: str) -> None:
        """Skip the test if the emulator does not do this."""
        if ability in self.lacks:
            pytest.skip(f"this emulator lacks: {ability}")

    @abstractmethod
    def metadata_of(self, key: str) -> tuple[str, Mapping[str, str]]:
        """Return the media type and the metadata of an object."""

    @abstractmethod
    def http(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """Send a request to a presigned URL, as a browser does."""

    @abstractmethod
    def harness(self, visibility: float = 1, max_receives: int = 20) -> InboxHarness:
        """Create an inbox."""


class MemoryHarness(InboxHarness):
    """Provide a MemoryInbox whose time is the fake clock's."""

    def __init__(self, visibility: float, max_receives: int, clock: FakeClock) -> None:
        self._memory = MemoryInbox(visibility, max_receives, clock)
        self._clock = clock
        self.inbox = self._memory

    def send(self, event: FileUploaded) -> None:
        self._memory.send(event)

    def send_unreadable(self) -> None:
        self._memory.send(readable=False)

    def dead_letters(self) -> int:
        return len(self._memory.dead_letters)

    def wait(self, seconds: float) -> None:
        self._clock.advance(seconds)


class MemoryBackend(Backend):
    """Hold all ports in memory, new for each test."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self._bucket = MemoryBucket(clock)
        table = MemoryTable(clock)
        self.objects = MemoryObjectStore(self._bucket)
        self.multiparts = MemoryMultipartUploads(self._bucket)
        self.signer = MemoryUrlSigner()
        self.uploads = MemoryUploadStore(table)
        self.resumable = MemoryResumableUploads(table)
        self.revoked = MemoryRevokedSessions(clock)
        self.named = MemoryNamedLeases(clock)
        self.quotas = MemoryQuotas(clock)
        self.conversions = MemoryConversionStore(table)
        self.queue = MemoryConversionQueue(table)
        self.leases = MemoryConversionLeases(table)
        self.expired = MemoryExpiredItems(table)
        self.progress = MemoryProgressReader(table)
        self.feed = MemoryChangeFeed(table)

    def metadata_of(self, key: str) -> tuple[str, Mapping[str, str]]:
        stored = self._bucket.objects[key]
        return stored.media_type, stored.metadata

    def http(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        split = urlsplit(url)
        key = unquote(split.path[1:])
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        if method == "PUT":
            number = int(query["partNumber"])
            checksum = _checksum_in(headers or {})
            try:
                etag = self.multiparts.put_part(
                    key, query["uploadId"], number, body or b"", checksum
                )
            except ChecksumMismatch:
                return HttpResponse(400, {}, b"<Code>BadDigest</Code>")
            return HttpResponse(200, {"etag": f'"{etag}"'}, b"")
        filename = quote(query["filename"])
        headers = {
            "content-type": query["media_type"],
            "content-disposition": f"{query['disposition']}; filename*=UTF-8''{filename}",
        }
        return HttpResponse(200, headers, self._bucket.objects[key].body)

    def harness(self, visibility: float = 1, max_receives: int = 20) -> InboxHarness:
        return MemoryHarness(visibility, max_receives, self.clock)


def _checksum_in(headers: Mapping[str, str]) -> PartChecksum | None:
    for algorithm in CHECKSUM_LENGTHS:
        if value := headers.get(f"x-amz-checksum-{algorithm}"):
            return PartChecksum(algorithm, value)
    return None
