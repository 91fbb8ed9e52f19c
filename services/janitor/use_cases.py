"""Delete what a removed item leaves behind."""

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
"""Objects that one call deletes."""


@dataclass(frozen=True)
class SweepFailure:
    """Name what could not be deleted, by the id of its item, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class DeletionResult:
    """Count what was deleted, or would be in a dry run."""

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
    """Delete objects and abort multipart uploads. A repeated call finds nothing left.

    With `dry_run` it only counts. All methods raise StorageUnavailable.
    """

    def __init__(self, objects: ObjectStore, multiparts: MultipartUploads) -> None:
        self._objects = objects
        self._multiparts = multiparts

    def __call__(self, item: Item, *, dry_run: bool = False) -> DeletionResult:
        """Delete everything of an item that is gone."""
        prefix = prefix_of(item)
        # Multipart uploads first: one that is completed meanwhile is listed as an object after
        # that.
        aborted = self.abort(self._multiparts.list_open(prefix), dry_run=dry_run)
        if not dry_run:
            self._abort_recorded(item)
        return aborted + self.delete(item.id, self._objects.list(prefix), dry_run=dry_run)

    def abort(
        self, multiparts: Iterable[OpenMultipartUpload], *, dry_run: bool = False
    ) -> DeletionResult:
        """Abort these multipart uploads."""
        count = 0
        for multipart in list(multiparts):
            if not dry_run:
                self._multiparts.abort(multipart.key, multipart.multipart_id)
            count += 1
        return DeletionResult(multipart_uploads=count)

    def delete(
        self, item_id: str, found: Iterable[ObjectInfo], *, dry_run: bool = False
    ) -> DeletionResult:
        """Delete these objects of one item; the result names those that could not be deleted."""
        deleted = DeletionResult()
        for batch in _batches(found):
            undeleted = [] if dry_run else self._objects.delete([info.key for info in batch])
            reasons = {each.key: each.reason for each in undeleted}
            gone = [info for info in batch if info.key not in reasons]
            failed = tuple(SweepFailure(item_id, f"{key}: {why}") for key, why in reasons.items())
            deleted += DeletionResult(len(gone), sum(info.size for info in gone), 0, failed)
        return deleted

    def _abort_recorded(self, item: Item) -> None:
        """Abort the multipart upload that the item names, in case the listing lags behind."""
        if isinstance(item, Upload):
            if item.multipart_id:  # one that came as a form has none
                self._multiparts.abort(item.key, item.multipart_id)
        elif item.output_upload:
            self._multiparts.abort(item.output_upload.key, item.output_upload.multipart_id)


class DeleteItemObjects:
    """Delete what an item leaves behind, and the conversions of an upload.

    The conversions' own REMOVE records bring the deletion of what they wrote.
    """

    def __init__(self, items: ExpiredItems, delete_objects: DeleteObjects) -> None:
        self._items = items
        self._delete_objects = delete_objects

    def __call__(self, item: Item) -> DeletionResult:
        """Delete for one item. Raises StorageUnavailable; the call is then to be repeated."""
        if isinstance(item, Upload):
            for conversion_id in item.conversions:
                self._items.remove_conversion_of(conversion_id, item.id)
        return self._delete_objects(item)


class HandleMessage:
    """Handle a message of the inbox, however often and however late it comes."""

    def __init__(self, items: ExpiredItems, delete_item_objects: DeleteItemObjects) -> None:
        self._items = items
        self._delete_item_objects = delete_item_objects

    def __call__(self, message: Message) -> bool:
        """Return True if all of it is done. Raises StorageUnavailable."""
        removed = [event for event in message.events if isinstance(event, ItemRemoved)]
        done = [self._handle(event) for event in removed]
        return all(done)

    def _handle(self, event: ItemRemoved) -> bool:
        item = event.item
        if self._items.exists(item.id):
            # An old record was delivered again: the id has an item again, and its objects must
            # stay.
            log.warning("deletion.refused", item=item.id, reason="an item of this id exists")
            return True
        deleted = self._delete_item_objects(item)
        log.info(
            "deletion.done",
            item=item.id,
            expired=event.expired,
            objects=deleted.objects,
            bytes=deleted.bytes,
            multipart_uploads=deleted.multipart_uploads,
            failures=len(deleted.failed),
        )
        for failed in deleted.failed:
            log.error("deletion.failed", item=failed.id, reason=failed.reason)
        return not deleted.failed


def prefix_of(item: Item) -> str:
    """Return the prefix of all keys that belong to an item."""
    return output_prefix(item.id) if isinstance(item, Conversion) else upload_prefix(item.id)


def _batches(found: Iterable[ObjectInfo]) -> Iterator[list[ObjectInfo]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH)):
        yield batch
