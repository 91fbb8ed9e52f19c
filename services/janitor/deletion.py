"""Delete objects and abort multipart uploads, many at once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from libs.core.domain.conversions import Conversion, output_prefix
from libs.core.domain.ids import kind_of
from libs.core.domain.progress import StoredItem
from libs.core.domain.uploads import Upload, UploadStatus, upload_prefix
from libs.core.ports.expired_items import ExpiredItems
from libs.core.ports.multipart_uploads import MultipartUploads, OpenMultipartUpload
from libs.core.ports.objects import ObjectInfo, ObjectStore

T = TypeVar("T")
R = TypeVar("R")

MAX_DELETE_KEYS = 1000
"""Keys that one call of DeleteObjects takes at most."""

MAX_OBJECTS_OF_ITEM = 10_000
"""Objects that are deleted with their item at most; the sweep finds the rest. Only an upload
in thousands of interrupted requests has more; those of several items would not fit into memory."""


@dataclass(frozen=True)
class SweepFailure:
    """Name what could not be deleted, by the id of its item or the failed step, and why."""

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

    With `dry_run` it only counts. An Idempotency-Key can create a removed id again at any moment.
    Objects of a new item are written after the item. So if the objects are listed first, and then
    no item exists, none of them belongs to a new item.
    """

    def __init__(
        self,
        items: ExpiredItems,
        objects: ObjectStore,
        multiparts: MultipartUploads,
        executor: Executor,
    ) -> None:
        """Run calls that have no batch form in the threads of `executor`."""
        self._items = items
        self._objects = objects
        self._multiparts = multiparts
        self._executor = executor

    def __call__(self, items: Sequence[StoredItem]) -> DeletionResult:
        """Delete everything that belongs to items that are gone.

        What fails is named in the result, by the item's id; it is to be repeated.
        """
        # Multipart uploads first: one that is completed meanwhile is listed as an object then.
        result = DeletionResult()
        found: list[ObjectInfo] = []
        for item, aborted in run_all(self._executor, self._abort_all_of, items):
            result += _outcome_of(item.id, aborted)
        for item, listed in run_all(self._executor, self._list_all_of, items):
            if isinstance(listed, Exception):
                result += _outcome_of(item.id, listed)
            else:
                found += listed
        return result + self.delete(found)

    def delete(self, found: Iterable[ObjectInfo], *, dry_run: bool = False) -> DeletionResult:
        """Delete these objects, by as few calls as possible."""
        result = DeletionResult()
        for batch in batches(found, MAX_DELETE_KEYS):
            reasons: dict[str, str] = {}
            if not dry_run:
                try:
                    undeleted = self._objects.delete([info.key for info in batch])
                    reasons = {each.key: each.reason for each in undeleted}
                except Exception as error:
                    reasons = dict.fromkeys((info.key for info in batch), _reason(error))
            gone = [info for info in batch if info.key not in reasons]
            failed = tuple(
                SweepFailure(id_in(key), f"{key}: {reason}") for key, reason in reasons.items()
            )
            result += DeletionResult(len(gone), sum(info.size for info in gone), 0, failed)
        return result

    def abort(
        self, found: Sequence[OpenMultipartUpload], *, dry_run: bool = False
    ) -> DeletionResult:
        """Abort these multipart uploads."""
        if dry_run:
            return DeletionResult(multipart_uploads=len(found))
        result = DeletionResult()
        for multipart, outcome in run_all(self._executor, self._abort, found):
            result += _outcome_of(id_in(multipart.key), outcome)
        return result

    def _abort(self, multipart: OpenMultipartUpload) -> DeletionResult:
        self._multiparts.abort(multipart.key, multipart.multipart_id)
        return DeletionResult(multipart_uploads=1)

    def _abort_all_of(self, item: StoredItem) -> DeletionResult:
        """Abort what is listed, and what the item names in case the listing lags behind."""
        listed = list(self._multiparts.list_open(prefix_of(item)))
        if listed and self._exists(item):
            return DeletionResult()
        named = _named_by(item)
        old = [
            each
            for each in listed
            if (each.key, each.multipart_id) == named or not _may_be_of_another(each, item)
        ]
        for multipart in old:
            self._multiparts.abort(multipart.key, multipart.multipart_id)
        if named and named not in {(each.key, each.multipart_id) for each in old}:
            self._multiparts.abort(*named)
        return DeletionResult(multipart_uploads=len(old))

    def _list_all_of(self, item: StoredItem) -> Sequence[ObjectInfo]:
        found = list(islice(self._objects.list(prefix_of(item)), MAX_OBJECTS_OF_ITEM))
        return [] if found and self._exists(item) else found

    def _exists(self, item: StoredItem) -> bool:
        return item.id in self._items.read_many([item.id])


def run_all(
    executor: Executor, action: Callable[[T], R], arguments: Iterable[T]
) -> Iterator[tuple[T, R | Exception]]:
    """Call an action for each argument at once, and yield each with its result or exception."""
    running: list[tuple[T, Future[R]]] = [
        (argument, executor.submit(action, argument)) for argument in arguments
    ]
    for argument, future in running:
        error = future.exception()
        if error is None:
            yield argument, future.result()
        elif isinstance(error, Exception):
            yield argument, error
        else:
            raise error  # a KeyboardInterrupt or the like is not a result


def batches(found: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to `size`; none is empty."""
    rest = iter(found)
    while batch := list(islice(rest, size)):
        yield batch


def prefix_of(item: StoredItem) -> str:
    """Return the prefix of all keys that belong to an item."""
    is_conversion = kind_of(item.id) == "conversion"
    return output_prefix(item.id) if is_conversion else upload_prefix(item.id)


def id_in(key: str) -> str:
    """Return the key's second path segment, unvalidated."""
    _, _, rest = key.partition("/")
    return rest.partition("/")[0]


def _named_by(item: StoredItem) -> tuple[str, str] | None:
    """Return key and id of the multipart upload that an item names and that may be open."""
    if isinstance(item, Upload):
        is_open = item.status is not UploadStatus.UPLOADED
        return (item.key, item.multipart_id) if is_open else None
    writing = item.output_upload if isinstance(item, Conversion) else None
    return (writing.key, writing.multipart_id) if writing else None


def _may_be_of_another(multipart: OpenMultipartUpload, removed: StoredItem) -> bool:
    """Return True if a new upload with the same id may own this multipart upload.

    A multipart upload is created before its item, so one that began after the last write of the
    removed item is kept. If nobody owns it, the sweep finds it as an orphan.
    """
    return isinstance(removed, Upload) and multipart.started_at > removed.updated_at


def _outcome_of(item_id: str, outcome: DeletionResult | Exception) -> DeletionResult:
    if isinstance(outcome, Exception):
        return DeletionResult(failed=(SweepFailure(item_id, _reason(outcome)),))
    return outcome


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
