"""Count what one sweep does, and limit its time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from libs.core.domain.ids import kind_of
from libs.core.domain.progress import StoredItem, UnreadableItem
from services.janitor.deletion import DeletionResult, SweepFailure

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SweepResult:
    """Report what a sweep did, or would do in a dry run."""

    expired_uploads: int
    expired_conversions: int
    deleted: DeletionResult
    checked: int
    """Objects and multipart uploads that were looked at; all of them if `complete`."""
    foreign: int
    """Objects and multipart uploads under our prefixes without an id of ours. They are kept."""
    unreadable: int
    """Removed items that this version of the service could not read."""
    dry_run: bool
    took_seconds: float
    complete: bool
    """False if the time ran out: the next sweep begins somewhere else."""


class SweepRun:
    """Collect the counts of one sweep while it runs. Not thread-safe."""

    def __init__(self, dry_run: bool, limit: float, timer: Callable[[], float]) -> None:
        """Call the time over after `limit` seconds of `timer`."""
        self.dry_run = dry_run
        self.deleted = DeletionResult()
        self.checked = 0
        self.foreign = 0
        self._unreadable = 0
        self.removed: set[str] = set()
        """Ids of the items that this sweep removed, or would remove, with their objects."""
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

    def count_removed(self, item: StoredItem) -> None:
        """Count an expired item that was removed."""
        self.removed.add(item.id)
        self._unreadable += isinstance(item, UnreadableItem)
        if kind_of(item.id) == "upload":
            self._uploads += 1
        else:
            self._conversions += 1

    @contextmanager
    def record_failure(self, subject: str) -> Iterator[None]:
        """Record an exception as a failure of `subject`, and continue after the block."""
        try:
            yield
        except Exception as error:
            self.fail(subject, error)

    def fail(self, subject: str, error: Exception) -> None:
        """Record a failure of `subject`."""
        reason = f"{type(error).__name__}: {error}"
        self.add(DeletionResult(failed=(SweepFailure(subject, reason),)))

    def add(self, deleted: DeletionResult) -> None:
        """Add what was deleted, and log each failure by the id of its item."""
        for failure in deleted.failed:
            log.warning("sweep.failed", item=failure.id, reason=failure.reason)
        self.deleted += deleted

    def result(self) -> SweepResult:
        """Return what was done so far."""
        took = round(self._timer() - self._began, 3)
        return SweepResult(
            self._uploads,
            self._conversions,
            self.deleted,
            self.checked,
            self.foreign,
            self._unreadable,
            self.dry_run,
            took,
            self._complete,
        )
