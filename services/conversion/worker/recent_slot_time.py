"""Remember for how long each client has had slots of late."""

import math
from collections.abc import Iterable, Mapping

HALF_LIFE = 30.0
"""Seconds after which what was remembered counts half."""
_FORGOTTEN = 0.01


class RecentSlotTime:
    """Add up the time for which each client has had slots, weighted by how long ago it was.

    Who runs one short conversion after another has much of it, and who has just come has none.
    """

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._summed_at = 0.0

    def add(self, client: str, seconds: float, now: float) -> None:
        """Count the time that a client had a slot until now."""
        self._sums = self.sums(now, [(client, seconds)])
        self._summed_at = now

    def sums(self, now: float, running: Iterable[tuple[str, float]]) -> dict[str, float]:
        """Return the sums, with the clients that have slots now, and for how many seconds."""
        kept = math.pow(0.5, (now - self._summed_at) / HALF_LIFE)
        left = {client: seconds * kept for client, seconds in self._sums.items()}
        sums = {client: seconds for client, seconds in left.items() if seconds > _FORGOTTEN}
        for client, seconds in running:
            sums[client] = sums.get(client, 0.0) + _weighted(seconds)
        return sums


def _weighted(seconds: float) -> float:
    """Return what the last seconds count: the sum of their weights, which fall with their age."""
    return HALF_LIFE / math.log(2) * (1 - math.pow(0.5, seconds / HALF_LIFE))


NOTHING_RECENT: Mapping[str, float] = {}
