"""Find conversions that nobody has written for a time.

The clocks of two hosts are not compared.
"""

import threading
import time
from collections.abc import Callable, Iterable

from libs.core.domain.conversions import Conversion


class VersionWatch:
    """Remember when each conversion's version was first seen, by the monotonic clock.

    A worker renews its lease by writing the item, and every write increments `version`. So a
    running conversion whose version stays the same for the length of the lease is stalled: it is no
    longer under a lease.

    `CheckAwaitedUploads` uses it, too, to find conversions that have waited for an upload.
    """

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._first_seen: dict[str, tuple[tuple[float, int], float]] = {}

    def find_unchanged(self, conversions: Iterable[Conversion], seconds: float) -> list[Conversion]:
        """Return the conversions that have had the same version for `seconds`.

        The time counts from the first call that saw the version. Conversions that are not among
        the given ones are forgotten, so each caller has an instance of its own.
        """
        conversions = list(conversions)
        with self._lock:
            now = self._timer()
            before, self._first_seen = self._first_seen, {}
            for conversion in conversions:
                # An id that was removed and created again may have the same version by chance.
                version = (conversion.created_at, conversion.version)
                seen = before.get(conversion.id)
                since = seen[1] if seen and seen[0] == version else now
                self._first_seen[conversion.id] = (version, since)
            return [c for c in conversions if now - self._first_seen[c.id][1] >= seconds]
