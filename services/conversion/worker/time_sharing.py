"""Share slots in time: long conversions pause while those of other clients or sessions wait.

A paused conversion keeps its lease, its FFmpeg (stopped) and its output so far. It is continued
when its turn comes in the fair order, so a pause costs memory and no work.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from libs.core.domain.conversions import Conversion
from libs.core.domain.fair_order import client_of, session_of
from services.conversion.worker.slots import Slots

TURN = 3.0
"""Seconds that a conversion keeps its slot, if others wait."""

LONG_RUN = 10.0
"""Seconds after which a conversion gives way at once to one that has not run yet. Most are short,
so those of newcomers are over in a moment."""

NEARLY_DONE = 10.0
"""Seconds left at which a conversion is not paused any more."""

NEARLY_DONE_AT_MOST = 30.0
"""Seconds for which that holds: a header may state a tenth of the sound that follows."""

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
    ran_before: float = 0.0
    """Seconds for which the conversion had a slot before its present turn."""
    is_paused: bool = False
    is_handed_over: bool = False
    nearly_done_until: float | None = None
    """When the conversion is not believed any more that it is nearly done."""

    def expect(self, seconds_left: float, now: float) -> None:
        """Note how many seconds the conversion needs, as it says itself."""
        self.seconds_left = seconds_left
        if seconds_left <= NEARLY_DONE and self.nearly_done_until is None:
            self.nearly_done_until = now + NEARLY_DONE_AT_MOST

    def is_nearly_done(self, now: float) -> bool:
        """Return True if a pause is not worth its while."""
        until = NEVER if self.nearly_done_until is None else self.nearly_done_until
        return self.seconds_left <= NEARLY_DONE and now < until


def find_ripe(
    turns: Sequence[Turn],
    held: Mapping[str, Conversion],
    now: float,
    following: Conversion | None = None,
) -> list[Turn]:
    """Return the turns that may end for a conversion that waits, the first to end first.

    Clients take turns, and then the sessions of one client: a turn ends only if its client, or its
    session, has more slots than the one that waits. It ends at once if that has two slots less, or
    if what waits has not run yet and what runs has run for long.

    Args:
        turns: All turns of this worker.
        held: Its claimed conversions by id. Others are left alone.
        now: The present time.
        following: The conversion that waits; if it is None, one of somebody who has no slot.
    """
    running = [turn for turn in turns if not turn.is_paused and turn.conversion_id in held]
    of_clients = Counter(client_of(held[turn.conversion_id]) for turn in running)
    of_sessions = Counter(session_of(held[turn.conversion_id]) for turn in running)
    is_new = following is None or following.attempts == 0

    def excess(turn: Turn) -> int:
        mine = held[turn.conversion_id]
        if following is None:
            return of_clients[client_of(mine)]
        if client_of(mine) != client_of(following):
            return of_clients[client_of(mine)] - of_clients[client_of(following)]
        return of_sessions[session_of(mine)] - of_sessions[session_of(following)]

    def is_over(turn: Turn) -> bool:
        has_run = now - turn.since
        gives_way = excess(turn) > 1 or (is_new and turn.ran_before + has_run >= LONG_RUN)
        return has_run >= (0.0 if gives_way else TURN)

    ripe = [t for t in running if not t.is_nearly_done(now) and excess(t) > 0 and is_over(t)]
    return sorted(ripe, key=lambda turn: (-excess(turn), -turn.seconds_left))


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

    def ripe(
        self, held: Mapping[str, Conversion], following: Conversion | None = None
    ) -> list[Turn]:
        """Return the turns that may end now; see `find_ripe`."""
        with self._lock:
            turns = list(self._turns)
        return find_ripe(turns, held, self._timer(), following)

    def pause(
        self,
        turn: Turn,
        following: str,
        *,
        may_displace: bool = True,
        is_of_same_client: bool = False,
    ) -> bool:
        """Pause a conversion, and return True if the caller now has its slot.

        If too many are paused, one that has much left is asked to return to the queue instead, but
        only for one that was not handed over itself: otherwise none of them would ever end.

        Args:
            turn: The turn of the conversion.
            following: The conversion that it is paused for, which may be a paused one.
            may_displace: False if the conversion that follows was handed over before.
            is_of_same_client: True if both were requested from one address. Its sessions leave a
                place for each slot to other clients.
        """
        with self._lock:
            if turn not in self._turns or turn.is_paused:
                return False
            paused = [each for each in self._turns if each.is_paused]
            staying = [each for each in paused if each.conversion_id != following]
            places = PAUSED_PER_SLOT * self._slots.count
            if is_of_same_client and len(staying) >= places - self._slots.count:
                return False
            if len(staying) >= places:
                turn.is_handed_over = may_displace and turn.seconds_left > MUCH_LEFT
                return False
            turn.is_paused = True
            turn.ran_before += self._timer() - turn.since
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
