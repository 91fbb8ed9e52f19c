"""What the janitor does: erase what a removed item leaves behind."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import structlog

from libs.core.domain.conversions import Conversion, output_prefix
from libs.core.domain.events import ItemRemoved
from libs.core.domain.progress import Item
from libs.core.domain.uploads import Upload, upload_prefix
from libs.core.ports.expired_items import ExpiredItems
from libs.core.ports.inbox import Message
from libs.core.ports.multipart_uploads import MultipartUploads, OpenMultipartUpload
from libs.core.ports.objects import ObjectInfo, ObjectStore

log = structlog.get_logger(__name__)

BATCH = 1000
"""Objects erased by one call."""


@dataclass(frozen=True)
class SweepFailure:
    """What could not be erased, by the id of its item, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class DeletionResult:
    """What was taken away, or would be."""

    objects: int = 0
    bytes: int = 0
    multipart_uploads: int = 0
    failed: tuple[SweepFailure, ...] = ()

    def __add__(self, other: "DeletionResult") -> "DeletionResult":
        return DeletionResult(
            self.objects + other.objects,
            self.bytes + other.bytes,
            self.multipart_uploads + other.multipart_uploads,
            self.failed + other.failed,
        )


class DeleteObjects:
    """Erases objects and aborts multipart uploads; repeating it finds nothing left. With `dry_run` it only counts."""

    def __init__(self, objects: ObjectStore, multiparts: MultipartUploads) -> None:
        self._objects = objects
        self._multiparts = multiparts

    def __call__(self, item: Item, *, dry_run: bool = False) -> DeletionResult:
        """Everything of an item that is gone. Raises StorageUnavailable."""
        prefix = prefix_of(item)
        # Multipart uploads first: one that is completed meanwhile is an object when the objects' turn comes.
        aborted = self.abort(self._multiparts.list_open(prefix), dry_run=dry_run)
        if not dry_run:
            self._abort_recorded(item)
        return aborted + self.erase(item.id, self._objects.list(prefix), dry_run=dry_run)

    def abort(
        self, multiparts: Iterable[OpenMultipartUpload], *, dry_run: bool = False
    ) -> DeletionResult:
        """These multipart uploads. Raises StorageUnavailable."""
        count = 0
        for multipart in list(multiparts):
            if not dry_run:
                self._multiparts.abort(multipart.key, multipart.multipart_id)
            count += 1
        return DeletionResult(multipart_uploads=count)

    def erase(
        self, item_id: str, found: Iterable[ObjectInfo], *, dry_run: bool = False
    ) -> DeletionResult:
        """These objects, which are of this id; those that could not be erased are named. Raises StorageUnavailable."""
        erased = DeletionResult()
        for batch in _batches(found):
            refused = (
                {}
                if dry_run
                else {
                    item.key: item.reason
                    for item in self._objects.erase([info.key for info in batch])
                }
            )
            gone = [info for info in batch if info.key not in refused]
            failed = tuple(
                SweepFailure(item_id, f"{key}: {reason}") for key, reason in refused.items()
            )
            erased += DeletionResult(len(gone), sum(info.size for info in gone), 0, failed)
        return erased

    def _abort_recorded(self, item: Item) -> None:
        """The multipart upload that the item itself names, should the store's listing be behind."""
        if isinstance(item, Upload):
            self._multiparts.abort(item.key, item.multipart_id)
        elif item.output_upload:
            self._multiparts.abort(item.output_upload.key, item.output_upload.multipart_id)


class DeleteItemObjects:
    """All that an item leaves behind when it is gone: for an upload its conversions' items too.

    Their own records bring the erasing of what they wrote.
    """

    def __init__(self, items: ExpiredItems, erase: DeleteObjects) -> None:
        self._items = items
        self._erase = erase

    def __call__(self, item: Item) -> DeletionResult:
        """Raises StorageUnavailable: then it is to be repeated."""
        if isinstance(item, Upload):
            for conversion_id in item.conversions:
                self._items.remove_conversion_of(conversion_id, item.id)
        return self._erase(item)


class HandleMessage:
    """A message of the inbox, any number of times and however late."""

    def __init__(self, items: ExpiredItems, clear_away: DeleteItemObjects) -> None:
        self._items = items
        self._clear_away = clear_away

    def __call__(self, message: Message) -> bool:
        """Whether all of it is done, so that it need not come again. Raises StorageUnavailable."""
        removed = [event for event in message.events if isinstance(event, ItemRemoved)]
        done = [self._handle(event) for event in removed]
        return all(done)

    def _handle(self, event: ItemRemoved) -> bool:
        item = event.item
        if self._items.exists(item.id):
            # An old record that came again: the id has an item (again), and what it owns must stay.
            log.warning("erase.refused", item=item.id, reason="there is an item of this id")
            return True
        erased = self._clear_away(item)
        log.info(
            "erased",
            item=item.id,
            expired=event.expired,
            objects=erased.objects,
            bytes=erased.bytes,
            multipart_uploads=erased.multipart_uploads,
            failures=len(erased.failed),
        )
        for failed in erased.failed:
            log.error("erase.failed", item=failed.id, reason=failed.reason)
        return not erased.failed


def prefix_of(item: Item) -> str:
    """Everything of an item lies below it."""
    return output_prefix(item.id) if isinstance(item, Conversion) else upload_prefix(item.id)


def _batches(found: Iterable[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH)):
        yield batch
