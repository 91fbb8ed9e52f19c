"""Count what visitors use in memory."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from threading import Lock

from libs.core.domain.quotas import Quota, Resource
from libs.core.ports.quotas import Quotas


class MemoryQuotas(Quotas):
    """Hold the counters of all windows that ever began."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._used: Counter[tuple[str, int, int, Resource]] = Counter()

    def take(self, subject: str, window: int, wanted: Sequence[Quota]) -> int:
        now = int(self._clock())
        begin = now - now % window
        keys = {quota.resource: (subject, window, begin, quota.resource) for quota in wanted}
        with self._lock:
            if any(self._used[keys[q.resource]] + q.amount > q.limit for q in wanted):
                return begin + window - now
            for quota in wanted:
                self._used[keys[quota.resource]] += quota.amount
        return 0
