"""Share slots in time: long conversions pause while those of other sessions wait.

A paused conversion keeps its lease, its FFmpeg (stopped) and its output so far. It is continued
when its turn comes in the fair order, so a pause costs memory and no work.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from services.conversion.worker.slots import Slots

TURN = 3.0
"""Seconds that a conversion keeps its slot, if others wait."""

NEARLY_DONE = 10.0
"""Seconds left at which a conversion is not paused any more."""

PAUSED_PER_SLOT = 2
"""Paused conversions for each slot; each takes up to 150 MB. Others wait until a place is free."""

MUCH_LEFT = 1800.0
"""Seconds left with which a conversion is handed over, and starts again, if no place is free."""

NEVER = float("inf")


@dataclass(eq=False)
class Turn:
    """Hold since when a conversion has its slot, and how many seconds it needs. Times are ours."""

    conversion_id: str
    since: float
    seconds_left: float = NEVER
    is_paused: bool = False
    is_handed_over: bool = False


def find_ripe(
    turns: Sequence[Turn], owners: Mapping[str, str], slots: int, now: float
) -> list[Turn]:
    """Return the turns that may end if another session waits, the first to end first.

    While one session holds all of several slots, its turns are over at once. The session with the
    most slots goes first, then the longest conversion. `owners` are those of claimed conversions.
    """
    running = [turn for turn in turns if not turn.is_paused and turn.conversion_id in owners]
    held = Counter(owners[turn.conversion_id] for turn in running)
    kept = 0.0 if slots > 1 and len(held) == 1 else TURN
    ripe = [
        turn for turn in running if turn.seconds_left > NEARLY_DONE and now - turn.since >= kept
    ]
    return sorted(ripe, key=lambda t: (-held[owners[t.conversion_id]], -t.seconds_left))


class TimeSharing:
    """Keep the turns of one worker. Thread-safe.

    A conversion may have several: a duplicate start has one until its claim fails.
    """

    def __init__(self, slots: Slots, timer: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._timer = timer
        self._lock = threading.Lock()
        self._turns: list[Turn] = []

    def begin(self, conversion_id: str) -> Turn:
        """Begin the turn of a conversion in an acquired slot."""
        turn = Turn(conversion_id, self._timer())
        with self._lock:
            self._turns.append(turn)
        return turn

    def end(self, turn: Turn) -> bool:
        """Forget a turn, and return True if its conversion still had a slot."""
        with self._lock:
            self._turns.remove(turn)
            if turn.is_paused:
                self._slots.count_paused(-1)
            return not turn.is_paused

    def paused(self) -> Collection[str]:
        """Return the ids of paused conversions."""
        with self._lock:
            return {turn.conversion_id for turn in self._turns if turn.is_paused}

    def ripe(self, owners: Mapping[str, str]) -> list[Turn]:
        """Return the turns that may end now; see `find_ripe`."""
        with self._lock:
            turns = list(self._turns)
        return find_ripe(turns, owners, self._slots.count, self._timer())

    def pause(self, turn: Turn, following: str, *, may_displace: bool = True) -> bool:
        """Pause a conversion, and return True if the caller now has its slot.

        If too many are paused, one that has much left is asked to return to the queue instead, but
        only for one that was not handed over itself: otherwise none of them would ever end.

        Args:
            turn: The turn of the conversion.
            following: The conversion that it is paused for, which may be a paused one.
            may_displace: False if the conversion that follows was handed over before.
        """
        with self._lock:
            if turn not in self._turns or turn.is_paused:
                return False
            paused = [each for each in self._turns if each.is_paused]
            staying = [each for each in paused if each.conversion_id != following]
            if len(staying) >= PAUSED_PER_SLOT * self._slots.count:
                turn.is_handed_over = may_displace and turn.seconds_left > MUCH_LEFT
                return False
            turn.is_paused = True
            self._slots.count_paused(1)
            return True

    def resume(self, conversion_id: str) -> bool:
        """Continue a paused conversion in the caller's slot, and return True if there is one."""
        with self._lock:
            for turn in self._turns:
                if turn.conversion_id == conversion_id and turn.is_paused:
                    turn.is_paused, turn.since = False, self._timer()
                    self._slots.count_paused(-1)
                    return True
            return False
