"""The sweep: what has expired, sooner than DynamoDB's TTL takes it, and what nothing points at any more.

It never erases on doubt: what it cannot read it names among the failed and leaves alone.
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
"""Where objects lie, and which kind of item they belong to."""


@dataclass(frozen=True)
class SweepResult:
    """What a sweep did, or would do."""

    expired_uploads: int
    expired_conversions: int
    erased: DeletionResult
    dry_run: bool
    took_seconds: float
    complete: bool
    """False where the time ran out: the next sweep goes on."""


class SweepExpired:
    """Takes expired items away and erases what is theirs; then objects and multipart uploads that are left over.

    The item goes first: it counts as absent already, so nothing points at what is erased next; and should the process
    die in between, the item's own REMOVE record brings the erasing.
    """

    def __init__(
        self,
        items: ExpiredItems,
        erase: DeleteObjects,
        leftovers: "DeleteOrphans",
        limit: float,
        clock: Clock = time.time,
        timer: Clock = time.monotonic,
    ) -> None:
        """`limit` is in seconds."""
        self._items = items
        self._erase = erase
        self._leftovers = leftovers
        self._limit = limit
        self._clock = clock
        self._timer = timer

    def __call__(self, *, dry_run: bool = False) -> SweepResult:
        run = SweepRun(dry_run, self._limit, self._timer)
        self._expired(run)
        self._leftovers(run)
        swept = run.result()
        log.info(
            "swept",
            expired_uploads=swept.expired_uploads,
            expired_conversions=swept.expired_conversions,
            objects=swept.erased.objects,
            bytes=swept.erased.bytes,
            multipart_uploads=swept.erased.multipart_uploads,
            failures=len(swept.erased.failed),
            dry_run=dry_run,
            complete=swept.complete,
        )
        return swept

    def _expired(self, run: "SweepRun") -> None:
        now = self._clock()
        with run.failing("expired"):
            for item in self._items.expired(now):
                if run.over():
                    return
                with run.failing(item.id):
                    self._take(item, now, run)

    def _take(self, item: Item, now: float, run: "SweepRun") -> None:
        if run.dry_run:
            run.count(item, self._erase(item, dry_run=True))
        elif self._items.remove_expired(item, now):
            run.count(item, DeletionResult())
            # An upload's conversions expire no later than it does: each has its own turn here.
            run.erased += self._erase(item)


class DeleteOrphans:
    """Objects and open multipart uploads that nothing points at, older than `grace` seconds.

    That is: those whose item does not exist, and those of a finished conversion that are not its output (an attempt
    that lost). Whatever lies below a name that is no id of ours is left alone.
    """

    def __init__(
        self,
        items: ExpiredItems,
        conversions: ConversionStore,
        objects: ObjectStore,
        multiparts: MultipartUploads,
        erase: DeleteObjects,
        grace: float,
        clock: Clock = time.time,
    ) -> None:
        self._items = items
        self._conversions = conversions
        self._objects = objects
        self._multiparts = multiparts
        self._erase = erase
        self._grace = grace
        self._clock = clock

    def __call__(self, run: "SweepRun") -> None:
        before = self._clock() - self._grace
        for folder, kind in FOLDERS.items():
            with run.failing(folder):
                # An age that is not known (0) is no age.
                old = (
                    info for info in self._objects.list(folder) if 0 < info.modified_at <= before
                )
                self._each(kind, old, self._erase_unwanted, run)
            with run.failing(folder):
                started = (
                    found
                    for found in self._multiparts.list_open(folder)
                    if found.started_at <= before
                )
                self._each(kind, started, self._abort_unwanted, run)

    def _each(
        self,
        kind: str,
        found: Iterable[T],
        do: Callable[[str, list[T], "SweepRun"], None],
        run: "SweepRun",
    ) -> None:
        for item_id, group in groupby(found, key=_id_in):
            if run.over():
                return
            if kind_of(item_id) == kind:
                with run.failing(item_id):
                    do(item_id, list(group), run)

    def _erase_unwanted(self, item_id: str, found: list[ObjectInfo], run: "SweepRun") -> None:
        if not self._items.exists(item_id):
            run.erased += self._erase.erase(item_id, found, dry_run=run.dry_run)
        elif finished := self._finished(item_id):
            lost = [
                info for info in found if finished.output is None or info.key != finished.output.key
            ]
            run.erased += self._erase.erase(item_id, lost, dry_run=run.dry_run)

    def _abort_unwanted(
        self, item_id: str, found: list[OpenMultipartUpload], run: "SweepRun"
    ) -> None:
        if not self._items.exists(item_id) or self._finished(item_id):
            run.erased += self._erase.abort(found, dry_run=run.dry_run)

    def _finished(self, item_id: str) -> Conversion | None:
        """The conversion of this id, if it is one that has ended. An expired one is not for here."""
        if kind_of(item_id) != "conversion":
            return None
        try:
            conversion = self._conversions.get(item_id)
        except ConversionNotFound:
            return None
        return conversion if conversion.status.terminal else None


class SweepRun:
    """One sweep while it runs: what it counted, and whether its time is over."""

    def __init__(self, dry_run: bool, limit: float, timer: Clock) -> None:
        self.dry_run = dry_run
        self.erased = DeletionResult()
        self._limit = limit
        self._timer = timer
        self._began = timer()
        self._uploads = 0
        self._conversions = 0
        self._complete = True

    def over(self) -> bool:
        """Whether to stop here; what is left is for the next sweep."""
        if self._timer() - self._began < self._limit:
            return False
        self._complete = False
        return True

    def count(self, item: Item, erased: DeletionResult) -> None:
        if isinstance(item, Upload):
            self._uploads += 1
        else:
            self._conversions += 1
        self.erased += erased

    @contextmanager
    def failing(self, what: str) -> Iterator[None]:
        """Writes down what fails, and goes on."""
        try:
            yield
        except Exception as error:
            log.warning("sweep.failed", item=what, reason=f"{type(error).__name__}: {error}")
            self.erased += DeletionResult(
                failed=(SweepFailure(what, f"{type(error).__name__}: {error}"),)
            )

    def result(self) -> SweepResult:
        took = round(self._timer() - self._began, 3)
        return SweepResult(
            self._uploads, self._conversions, self.erased, self.dry_run, took, self._complete
        )


def _id_in(found: ObjectInfo | OpenMultipartUpload) -> str:
    _, _, rest = found.key.partition("/")
    return rest.partition("/")[0]
