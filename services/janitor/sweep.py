"""Delete expired items sooner than DynamoDB's TTL does, and orphans.

In doubt nothing is deleted: what cannot be read is kept, and named among the failures.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import structlog

from libs.core.domain.conversions import Conversion
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import Item
from libs.core.domain.uploads import Upload
from libs.core.errors import ConversionNotFound
from libs.core.ports.conversions import ConversionStore
from libs.core.ports.expired_items import ExpiredItems
from libs.core.ports.multipart_uploads import MultipartUploads, OpenMultipartUpload
from libs.core.ports.objects import ObjectInfo, ObjectStore
from services.janitor.use_cases import DeleteObjects, DeletionResult, SweepFailure

log = structlog.get_logger(__name__)

Clock = Callable[[], float]
T = TypeVar("T", ObjectInfo, OpenMultipartUpload)

FOLDERS = {"uploads/": "upload", "outputs/": "conversion"}
"""Prefixes of the bucket, each with the kind of item that its objects belong to."""


@dataclass(frozen=True)
class SweepResult:
    """Report what a sweep did, or would do in a dry run."""

    expired_uploads: int
    expired_conversions: int
    deleted: DeletionResult
    dry_run: bool
    took_seconds: float
    complete: bool
    """False if the time ran out: the next sweep continues."""


class Sweep:
    """Remove expired items and what belongs to them; then delete orphans.

    The item goes first. It counts as absent already, so nothing points at what is deleted next.
    If the process dies in between, the item's REMOVE record brings the deletion.
    """

    def __init__(
        self,
        items: ExpiredItems,
        delete_objects: DeleteObjects,
        delete_orphans: "DeleteOrphans",
        limit: float,
        clock: Clock = time.time,
        timer: Clock = time.monotonic,
    ) -> None:
        """Stop after `limit` seconds, measured by `timer`."""
        self._items = items
        self._delete_objects = delete_objects
        self._delete_orphans = delete_orphans
        self._limit = limit
        self._clock = clock
        self._timer = timer

    def __call__(self, *, dry_run: bool = False) -> SweepResult:
        """Sweep once. Failures are named in the result, and end nothing."""
        run = SweepRun(dry_run, self._limit, self._timer)
        self._remove_expired(run)
        self._delete_orphans(run)
        result = run.result()
        log.info(
            "sweep.done",
            expired_uploads=result.expired_uploads,
            expired_conversions=result.expired_conversions,
            objects=result.deleted.objects,
            bytes=result.deleted.bytes,
            multipart_uploads=result.deleted.multipart_uploads,
            failures=len(result.deleted.failed),
            dry_run=dry_run,
            complete=result.complete,
        )
        return result

    def _remove_expired(self, run: "SweepRun") -> None:
        now = self._clock()
        with run.record_failure("expired"):
            for item in self._items.expired(now):
                if run.is_over():
                    return
                with run.record_failure(item.id):
                    self._remove(item, now, run)

    def _remove(self, item: Item, now: float, run: "SweepRun") -> None:
        if run.dry_run:
            run.count(item, self._delete_objects(item, dry_run=True))
        elif self._items.remove_expired(item, now):
            run.count(item, DeletionResult())
            # An upload's conversions expire no later than it does, so they are listed themselves.
            run.deleted += self._delete_objects(item)


class DeleteOrphans:
    """Delete objects and open multipart uploads that no item points at.

    Those are the ones whose item does not exist, and those of a finished conversion that are not
    its output, as a lost attempt leaves them. Keys that contain no id of ours are kept.
    """

    def __init__(
        self,
        items: ExpiredItems,
        conversions: ConversionStore,
        objects: ObjectStore,
        multiparts: MultipartUploads,
        delete_objects: DeleteObjects,
        grace: float,
        clock: Clock = time.time,
    ) -> None:
        """Keep what is younger than `grace` seconds."""
        self._items = items
        self._conversions = conversions
        self._objects = objects
        self._multiparts = multiparts
        self._delete_objects = delete_objects
        self._grace = grace
        self._clock = clock

    def __call__(self, run: "SweepRun") -> None:
        """Delete orphans until the time of the sweep is over."""
        before = self._clock() - self._grace
        for folder, kind in FOLDERS.items():
            with run.record_failure(folder):
                # 0 is an unknown age, which is in doubt.
                old = (
                    info for info in self._objects.list(folder) if 0 < info.modified_at <= before
                )
                self._for_each_item(kind, old, self._delete_unwanted, run)
            with run.record_failure(folder):
                started = (
                    found
                    for found in self._multiparts.list_open(folder)
                    if found.started_at <= before
                )
                self._for_each_item(kind, started, self._abort_unwanted, run)

    def _for_each_item(
        self,
        kind: str,
        found: Iterable[T],
        action: Callable[[str, list[T], "SweepRun"], None],
        run: "SweepRun",
    ) -> None:
        for item_id, group in groupby(found, key=_id_in):
            if run.is_over():
                return
            if kind_of(item_id) == kind:
                with run.record_failure(item_id):
                    action(item_id, list(group), run)

    def _delete_unwanted(self, item_id: str, found: list[ObjectInfo], run: "SweepRun") -> None:
        if not self._items.exists(item_id):
            run.deleted += self._delete_objects.delete(item_id, found, dry_run=run.dry_run)
        elif finished := self._finished(item_id):
            published = finished.output.key if finished.output else None
            lost = [info for info in found if info.key != published]
            run.deleted += self._delete_objects.delete(item_id, lost, dry_run=run.dry_run)

    def _abort_unwanted(
        self, item_id: str, found: list[OpenMultipartUpload], run: "SweepRun"
    ) -> None:
        if not self._items.exists(item_id) or self._finished(item_id):
            run.deleted += self._delete_objects.abort(found, dry_run=run.dry_run)

    def _finished(self, item_id: str) -> Conversion | None:
        """Return the conversion of this id if it has ended and has not expired."""
        if kind_of(item_id) != "conversion":
            return None
        try:
            conversion = self._conversions.get(item_id)
        except ConversionNotFound:
            return None
        return conversion if conversion.status.is_terminal else None


class SweepRun:
    """Count what one sweep does while it runs, and limit its time."""

    def __init__(self, dry_run: bool, limit: float, timer: Clock) -> None:
        self.dry_run = dry_run
        self.deleted = DeletionResult()
        self._limit = limit
        self._timer = timer
        self._began = timer()
        self._uploads = 0
        self._conversions = 0
        self._complete = True

    def is_over(self) -> bool:
        """Return True if the time is over; what remains is for the next sweep."""
        if self._timer() - self._began < self._limit:
            return False
        self._complete = False
        return True

    def count(self, item: Item, deleted: DeletionResult) -> None:
        """Count an expired item and what was deleted with it."""
        if isinstance(item, Upload):
            self._uploads += 1
        else:
            self._conversions += 1
        self.deleted += deleted

    @contextmanager
    def record_failure(self, subject: str) -> Iterator[None]:
        """Record an exception as a failure of `subject`, and continue after the block."""
        try:
            yield
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            log.warning("sweep.failed", item=subject, reason=reason)
            self.deleted += DeletionResult(failed=(SweepFailure(subject, reason),))

    def result(self) -> SweepResult:
        """Return what was done so far."""
        took = round(self._timer() - self._began, 3)
        return SweepResult(
            self._uploads, self._conversions, self.deleted, self.dry_run, took, self._complete
        )


def _id_in(found: ObjectInfo | OpenMultipartUpload) -> str:
    _, _, rest = found.key.partition("/")
    return rest.partition("/")[0]
