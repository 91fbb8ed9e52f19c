"""Provide the janitor on memory adapters, with faults on request."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dependency_injector import providers

from libs.core.adapters.memory import (
    MemoryBucket,
    MemoryConversionLeases,
    MemoryConversionQueue,
    MemoryConversionStore,
    MemoryExpiredItems,
    MemoryInbox,
    MemoryMultipartUploads,
    MemoryNamedLeases,
    MemoryObjectStore,
    MemoryTable,
    MemoryUploadStore,
)
from libs.core.domain.conversions import Conversion
from libs.core.domain.ids import Kind
from libs.core.domain.progress import Item, StoredItem
from libs.core.domain.uploads import Upload
from libs.core.errors import StorageUnavailable
from libs.core.ports.objects import ObjectInfo, UndeletedObject
from services.janitor.container import JanitorContainer
from services.janitor.settings import JanitorSettings
from services.janitor.sweep import Sweep
from services.janitor.use_cases import HandleMessages
from tests.fakes import FakeClock, a_conversion, an_output, an_upload

TOKEN = "the janitor's own token"
HOUR = 3600
DAY = 24 * HOUR


class FaultyObjectStore(MemoryObjectStore):
    """Refuse to delete some objects, or answer nothing at all."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(bucket)
        self.undeletable: set[str] = set()
        self.is_unavailable = False

    def delete(self, keys: Iterable[str]) -> Sequence[UndeletedObject]:
        wanted = list(keys)
        super().delete([key for key in wanted if key not in self.undeletable])
        return [
            UndeletedObject(key, "AccessDenied: not this one")
            for key in wanted
            if key in self.undeletable
        ]

    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        if self.is_unavailable:
            raise StorageUnavailable("Unavailable.", retry_after=2)
        return super().list(prefix, after)


class FaultyExpiredItems(MemoryExpiredItems):
    """Fail to read some items."""

    def __init__(self, table: MemoryTable) -> None:
        super().__init__(table)
        self.unreadable: set[str] = set()

    def read_many(self, item_ids: Sequence[str]) -> Mapping[str, Item | None]:
        for item_id in item_ids:
            self._fail_for(item_id)
        return super().read_many(item_ids)

    def remove_expired(self, items: Sequence[StoredItem], now: float) -> Set[str]:
        for item in items:
            self._fail_for(item.id)
        return super().remove_expired(items, now)

    def _fail_for(self, item_id: str) -> None:
        if item_id in self.unreadable:
            raise StorageUnavailable("Unavailable.", retry_after=2)


class JanitorEnvironment:
    """Hold a bucket, a table and an inbox. `timer` is the time that sweeps take."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.timer = FakeClock(0)
        self.bucket = MemoryBucket(clock)
        self.table = MemoryTable(clock)
        self.objects = FaultyObjectStore(self.bucket)
        self.multiparts = MemoryMultipartUploads(self.bucket)
        self.items = FaultyExpiredItems(self.table)
        self.uploads = MemoryUploadStore(self.table)
        self.conversions = MemoryConversionStore(self.table)
        self.leases = MemoryConversionLeases(self.table)
        self.inbox = MemoryInbox(visibility=30, max_receives=3, clock=clock)
        self.queue = MemoryConversionQueue(self.table)
        self.named_leases = MemoryNamedLeases(clock)
        self.executor = ThreadPoolExecutor(4)
        # Sweeps begin at the beginning, unless a test says otherwise.
        self.first_id: Callable[[Kind], str] = lambda kind: ""
        self.shuffle: Callable[[list[Any]], None] = lambda steps: None

    def container(self, **settings: Any) -> JanitorContainer:
        """Return the service's own container on this environment."""
        given: dict[str, Any] = {
            "bucket": "bucket",
            "table": "tinypixo",
            "AWS_REGION": "eu-central-1",
            "janitor_inbox_url": "http://queue.invalid",
            "janitor_token": TOKEN,
        }
        container = JanitorContainer(settings=JanitorSettings(**{**given, **settings}))
        container.objects.override(providers.Object(self.objects))
        container.multipart.override(providers.Object(self.multiparts))
        container.items.override(providers.Object(self.items))
        container.queue.override(providers.Object(self.queue))
        container.named_leases.override(providers.Object(self.named_leases))
        container.inbox.override(providers.Object(self.inbox))
        container.executor.override(providers.Object(self.executor))
        container.delete_orphans.add_kwargs(
            clock=self.clock, first_id=self.first_id, shuffle=self.shuffle
        )
        container.sweep_once.add_kwargs(clock=self.clock, timer=self.timer)
        return container

    def handler(self) -> HandleMessages:
        handle: HandleMessages = self.container().handle_messages()
        return handle

    def sweeper(self, **settings: Any) -> Sweep:
        sweep: Sweep = self.container(**settings).sweep_once()
        return sweep

    def store_object(self, key: str, size: int = 3) -> str:
        self.objects.put(key, b"x" * size, "application/octet-stream", {})
        return key

    def open_multipart(self, key: str) -> str:
        """Open a multipart upload with one part, and return its id."""
        multipart_id = self.multiparts.create(key, "application/octet-stream", {})
        self.multiparts.put_part(key, multipart_id, 1, b"part")
        return multipart_id

    def add_upload(self, **changes: Any) -> Upload:
        """Create an upload of 3 bytes that is complete."""
        upload = an_upload(now=self.clock(), **changes)
        self.uploads.create(upload, [])
        self.store_object(upload.key)
        return self.uploads.mark_uploaded(upload.id)

    def add_completed(self, upload: Upload) -> Conversion:
        """Create a completed conversion whose output has 5 bytes."""
        conversion = self.conversions.create(a_conversion(upload), upload)
        claimed = self.leases.claim(conversion.id, "worker", 30)
        assert claimed
        output = an_output(claimed)
        self.store_object(output.key, 5)
        return self.leases.publish(claimed, output, ())

    @property
    def keys(self) -> set[str]:
        return set(self.bucket.objects)

    @property
    def open_uploads(self) -> set[str]:
        return {multipart.key for multipart in self.multiparts.list_open("")}

    @property
    def ids(self) -> set[str]:
        return {item.id for item in self.table.all()}
