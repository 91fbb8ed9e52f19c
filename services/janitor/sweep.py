"""Remove expired items sooner than DynamoDB's TTL, and delete what no item needs."""

import time
from collections.abc import Callable, Sequence, Set
from concurrent.futures import Executor
from typing import Any

import structlog

from libs.core.domain.progress import StoredItem
from libs.core.ports.expired_items import ExpiredItems
from services.janitor.deletion import batches, run_all
from services.janitor.orphans import DeleteOrphans
from services.janitor.sweep_run import SweepResult, SweepRun

log = structlog.get_logger(__name__)

Clock = Callable[[], float]

ITEMS_PER_CALL = 25
"""Expired items that are removed by one transaction."""

ITEMS_PER_CHECK = 16 * ITEMS_PER_CALL
"""Expired items that are removed between two checks of the time limit."""


class Sweep:
    """Remove expired items; then delete the objects that belong to them, and orphans.

    The items go first. They count as absent already, so nothing points at what is deleted next. If
    the process dies in between, the REMOVE stream records trigger the deletion.
    """

    def __init__(
        self,
        items: ExpiredItems,
        delete_orphans: DeleteOrphans,
        executor: Executor,
        limit: float,
        metrics: Callable[..., dict[str, Any]],
        clock: Clock = time.time,
        timer: Clock = time.monotonic,
    ) -> None:
        """Stop after `limit` seconds of `timer`, and log what `metrics` returns."""
        self._items = items
        self._delete_orphans = delete_orphans
        self._executor = executor
        self._limit = limit
        self._metrics = metrics
        self._clock = clock
        self._timer = timer

    def __call__(self, *, dry_run: bool = False) -> SweepResult:
        """Sweep once. Failures are named in the result, and do not stop the sweep."""
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
            checked=result.checked,
            foreign=result.foreign,
            unreadable=result.unreadable,
            failures=len(result.deleted.failed),
            dry_run=dry_run,
            complete=result.complete,
            took_seconds=result.took_seconds,
            **self._metrics(Sweeps=int(not dry_run), SweepFailures=len(result.deleted.failed)),
        )
        return result

    def _remove_expired(self, run: SweepRun) -> None:
        now = self._clock()

        def remove(items: Sequence[StoredItem]) -> Set[str]:
            ids = {item.id for item in items}
            return ids if run.dry_run else self._items.remove_expired(items, now)

        with run.record_failure("expired"):
            for batch in batches(self._items.expired(now), ITEMS_PER_CHECK):
                if run.is_over():
                    return
                groups = list(batches(batch, ITEMS_PER_CALL))
                for group, removed in run_all(self._executor, remove, groups):
                    for item in group:
                        if isinstance(removed, Exception):
                            run.fail(item.id, removed)
                        elif item.id in removed:
                            run.count_removed(item)
