"""Remember for how long each client has had slots of late."""

from collections import Counter
from collections.abc import Iterable, Mapping

HALF_LIFE = 30.0
"""Seconds after which what was remembered counts half."""
_FORGOTTEN = 0.01
LONGEST_GAP = 2.0
"""Maximum seconds that one look stands for. The clock goes on while a machine sleeps."""


class RecentSlotTime:
    """Add up the time for which each client has had slots, weighted by how long ago it was.

    Who runs one short conversion after another has had much of it, and who has just come has none.
    Only one thread uses this.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._looked: float | None = None

    def look(self, clients: Iterable[str], now: float) -> Mapping[str, float]:
        """Count the time since the last look for the clients of all slots; return the sums."""
        passed = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        kept = 0.5 ** (passed / HALF_LIFE)
        sums = {client: seconds * kept for client, seconds in self._seconds.items()}
        for client, slots in Counter(clients).items():
            sums[client] = sums.get(client, 0.0) + slots * min(passed, LONGEST_GAP)
        self._seconds = {client: each for client, each in sums.items() if each > _FORGOTTEN}
        return self._seconds
