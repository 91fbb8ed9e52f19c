"""Report how much waits for a conversion worker, for alarms and for scaling."""

from collections.abc import Callable
from typing import Any

import structlog

from libs.core.ports.conversion_queue import ConversionQueue

log = structlog.get_logger(__name__)


class ReportBacklog:
    """Log the size and the age of the queue of conversions as metrics.

    The age of messages says nothing about it: the table is the queue, and a message is deleted
    while its conversion still waits.
    """

    def __init__(self, queue: ConversionQueue, metrics: Callable[..., dict[str, Any]]) -> None:
        self._queue = queue
        self._metrics = metrics

    def __call__(self) -> None:
        """Log the backlog of this moment. Raises StorageUnavailable."""
        backlog = self._queue.backlog()
        values = self._metrics(
            QueuedConversions=backlog.queued,
            RunningConversions=backlog.running,
            LongestWait=round(backlog.longest_wait, 3),
        )
        log.info("conversions.backlog", **values)
