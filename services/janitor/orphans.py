"""Delete objects and multipart uploads that no item needs any more."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, TypeVar

from libs.core.domain.conversions import Conversion
from libs.core.domain.ids import Kind, kind_of, new_id
from libs.core.domain.progress import Item
from libs.core.ports.expired_items import ExpiredItems
from libs.core.ports.multipart_uploads import MultipartUploads, OpenMultipartUpload
from libs.core.ports.objects import ObjectInfo, ObjectStore
from services.janitor.deletion import MAX_DELETE_KEYS, DeleteObjects, batches, id_in
from services.janitor.sweep_run import SweepRun

T = TypeVar("T", ObjectInfo, OpenMultipartUpload)

KEY_PREFIXES: Mapping[str, Kind] = {"uploads/": "upload", "outputs/": "conversion"}
"""Prefixes of the bucket, each with the kind of item that its objects belong to."""


class DeleteOrphans:
    """Delete objects and open multipart uploads that no item points at.

    They belong

    1. to items that this sweep removed and that nobody has created again, at any age;
    2. to no item, and are older than `grace`;
    3. to a finished conversion, are not its output, and are older than `grace`.

    In doubt nothing is deleted. What cannot be read is kept and named among the failures; keys that
    contain no id of ours are counted as foreign.
    """

    def __init__(
        self,
        items: ExpiredItems,
        objects: ObjectStore,
        multiparts: MultipartUploads,
        delete_objects: DeleteObjects,
        grace: float,
        clock: Callable[[], float] = time.time,
        first_id: Callable[[Kind], str] = new_id,
        shuffle: Callable[[list[Any]], None] = random.shuffle,
    ) -> None:
        """Keep what is younger than `grace` seconds: its item may not be written yet.

        `first_id` and `shuffle` choose where a sweep begins.
        """
        self._items = items
        self._objects = objects
        self._multiparts = multiparts
        self._delete_objects = delete_objects
        self._grace = grace
        self._clock = clock
        self._first_id = first_id
        self._shuffle = shuffle

    def __call__(self, run: SweepRun) -> None:
        """Delete orphans until the time of the sweep is over.

        Each sweep begins at other keys, and with another listing. Where none has enough time for
        all, each orphan is still found by one of the next.
        """
        now = self._clock()
        steps = [
            (step, folder, kind)
            for folder, kind in KEY_PREFIXES.items()
            for step in (self._abort, self._delete)
        ]
        self._shuffle(steps)
        for step, folder, kind in steps:
            with run.record_failure(folder):
                step(folder, kind, now, run)

    def _abort(self, folder: str, kind: Kind, now: float, run: SweepRun) -> None:
        listed = _round(self._multiparts.list_open, folder, self._first_id(kind))
        for started in batches(listed, MAX_DELETE_KEYS):
            if run.is_over():
                return
            with run.record_failure(folder):
                unwanted = self._unwanted(started, kind, now, run)
                run.add(self._delete_objects.abort(unwanted, dry_run=run.dry_run))

    def _delete(self, folder: str, kind: Kind, now: float, run: SweepRun) -> None:
        listed = _round(self._objects.list, folder, self._first_id(kind))
        for stored in batches(listed, MAX_DELETE_KEYS):
            if run.is_over():
                return
            with run.record_failure(folder):
                lost = self._unwanted(stored, kind, now, run)
                run.add(self._delete_objects.delete(lost, dry_run=run.dry_run))

    def _unwanted(self, found: Sequence[T], kind: Kind, now: float, run: SweepRun) -> list[T]:
        """Return those that no item needs. Raises StorageUnavailable."""
        run.checked += len(found)
        ours = [each for each in found if kind_of(id_in(each.key)) == kind]
        run.foreign += len(found) - len(ours)
        # A time of 0 means unknown: keep it.
        old = [each for each in ours if 0 < _time_of(each) <= now - self._grace]
        swept = [
            each for each in ours if id_in(each.key) in run.removed and _is_written_after_item(each)
        ]
        in_question = {id_in(each.key) for each in old} | {id_in(each.key) for each in swept}
        existing = self._items.read_many(sorted(in_question))
        if run.dry_run:  # which has removed nothing
            existing = {i: item for i, item in existing.items() if i not in run.removed}
        # The objects were listed before the items were read, so none belongs to an item that was
        # created since.
        gone = [each for each in swept if id_in(each.key) not in existing]
        counted = set(gone)
        return gone + [
            each for each in old if each not in counted and _is_orphan(each, existing, now)
        ]


def _round(list_: Callable[[str, str], Iterator[T]], folder: str, first_id: str) -> Iterator[T]:
    """Yield all that is in a folder: from an id to the end, and then from the beginning."""
    start = folder + first_id
    yield from list_(folder, start)
    yield from takewhile(lambda each: each.key <= start, list_(folder, ""))


def _time_of(found: ObjectInfo | OpenMultipartUpload) -> float:
    return found.modified_at if isinstance(found, ObjectInfo) else found.started_at


def _is_written_after_item(found: ObjectInfo | OpenMultipartUpload) -> bool:
    """Return True if this can only be written after its item.

    A multipart upload of an upload is created before its item, so it may belong to a new item with
    the same id; the sweep deletes it when it is old.
    """
    return isinstance(found, ObjectInfo) or kind_of(id_in(found.key)) == "conversion"


def _is_orphan(
    found: ObjectInfo | OpenMultipartUpload, existing: Mapping[str, Item | None], now: float
) -> bool:
    item_id = id_in(found.key)
    if item_id not in existing:
        return True
    item = existing[item_id]
    if not isinstance(item, Conversion) or item.expires_at <= now or not item.status.is_terminal:
        return False
    if isinstance(found, OpenMultipartUpload):
        return True
    return item.output is None or item.output.key != found.key
