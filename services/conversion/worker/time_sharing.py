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
from services.conversion.worker.slots import NEVER, Slots

TURN = 3.0
"""Seconds that a conversion keeps its slot, if others wait."""

LONG_RUN = 10.0
"""Seconds after which a conversion gives way at once to one that has not run yet. Most are short,
so those of newcomers are over in a moment."""

NEARLY_DONE = 10.0
"""Seconds left at which a conversion is not paused any more."""

NEARLY_DONE_AT_MOST = 30.0
"""Seconds for which an estimate of `NEARLY_DONE` is believed: a header may state a tenth of the
real duration."""

PAUSED_PER_SLOT = 2
"""Maximum number of paused conversions for each slot, because each takes up to 150 MB. If that many
are paused, no further one is."""

MUCH_LEFT = 1800.0
"""A conversion with more seconds left than this yields if no more conversions may be paused."""


@dataclass(eq=False)
class SlotUse:
    """Hold since when a conversion uses its slot, and how many seconds it needs.

    `since` is on this process's monotonic clock; `seconds_left` is the engine's estimate.
    """

    conversion_id: str
    since: float
    seconds_left: float = NEVER
    ran_before: float = 0.0
    """Seconds for which the conversion had a slot before its present use."""
    is_paused: bool = False
    must_yield: bool = False
    """The conversion is to go back to the queue."""
    nearly_done_until: float | None = None
    """Until when the conversion is believed to be nearly done."""

    def expect(self, seconds_left: float, now: float) -> None:
        """Note how many seconds the conversion needs, by its own estimate."""
        self.seconds_left = seconds_left
        if seconds_left <= NEARLY_DONE and self.nearly_done_until is None:
            self.nearly_done_until = now + NEARLY_DONE_AT_MOST

    def is_nearly_done(self, now: float) -> bool:
        """Return True if the conversion ends so soon that a pause is not worth it."""
        until = NEVER if self.nearly_done_until is None else self.nearly_done_until
        return self.seconds_left <= NEARLY_DONE and now < until


def find_pausable(
    uses: Sequence[SlotUse],
    held: Mapping[str, Conversion],
    now: float,
    following: Conversion | None = None,
) -> list[SlotUse]:
    """Return the uses that may be paused for a conversion that waits, the first to pause first.

    Slots go round between clients, and then between the sessions of one client: one is taken only
    from a client, or a session, that has more slots than the one that waits. It is taken after
    `TURN` seconds. It is taken at once if the difference is two slots or more, or if the conversion
    that waits has not run yet and the running one has had a slot for `LONG_RUN` seconds.

    Args:
        uses: All uses of this worker.
        held: Its claimed conversions by id. Others are left alone.
        now: The present time.
        following: The conversion that waits; if it is None, one of somebody who has no slot.
    """
    running = [use for use in uses if not use.is_paused and use.conversion_id in held]
    of_clients = Counter(client_of(held[use.conversion_id]) for use in running)
    of_sessions = Counter(session_of(held[use.conversion_id]) for use in running)
    is_new = following is None or following.attempts == 0

    def excess(use: SlotUse) -> int:
        mine = held[use.conversion_id]
        if following is None:
            return of_clients[client_of(mine)]
        if client_of(mine) != client_of(following):
            return of_clients[client_of(mine)] - of_clients[client_of(following)]
        return of_sessions[session_of(mine)] - of_sessions[session_of(following)]

    def is_over(use: SlotUse) -> bool:
        has_run = now - use.since
        gives_way = excess(use) > 1 or (is_new and use.ran_before + has_run >= LONG_RUN)
        return has_run >= (0.0 if gives_way else TURN)

    pausable = [t for t in running if not t.is_nearly_done(now) and excess(t) > 0 and is_over(t)]
    return sorted(pausable, key=lambda use: (-excess(use), -use.seconds_left))


class TimeSharing:
    """Keep the uses of one worker's slots. Thread-safe.

    A conversion may have several: a duplicate start has one until its claim fails.
    """

    def __init__(self, slots: Slots, timer: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._timer = timer
        self._lock = threading.Lock()
        self._uses: list[SlotUse] = []

    def begin(self, conversion_id: str) -> SlotUse:
        """Begin the use of an acquired slot."""
        use = SlotUse(conversion_id, self._timer())
        with self._lock:
            self._uses.append(use)
        return use

    def end(self, use: SlotUse) -> bool:
        """Forget a use, and return True if its conversion still had a slot."""
        with self._lock:
            self._uses.remove(use)
            if use.is_paused:
                self._slots.count_paused(-1)
            return not use.is_paused

    def paused(self) -> Collection[str]:
        """Return the ids of paused conversions."""
        with self._lock:
            return {use.conversion_id for use in self._uses if use.is_paused}

    def pausable(
        self, held: Mapping[str, Conversion], following: Conversion | None = None
    ) -> list[SlotUse]:
        """Return the uses that may be paused now; see `find_pausable`."""
        with self._lock:
            uses = list(self._uses)
        return find_pausable(uses, held, self._timer(), following)

    def pause(
        self,
        use: SlotUse,
        following: str,
        *,
        may_displace: bool = True,
        is_of_same_client: bool = False,
    ) -> bool:
        """Pause a conversion, and return True if the caller now has its slot.

        If too many are paused, one that has much left is asked to return to the queue instead, but
        only for one that has not yielded itself: otherwise none of them would ever end.

        Args:
            use: The use of its slot.
            following: The conversion that it is paused for, which may be a paused one.
            may_displace: False if the conversion that follows has yielded before.
            is_of_same_client: True if both were requested from one address. Then as many paused
                conversions as there are slots must still be possible for other clients.
        """
        with self._lock:
            if use not in self._uses or use.is_paused:
                return False
            paused = [each for each in self._uses if each.is_paused]
            staying = [each for each in paused if each.conversion_id != following]
            places = PAUSED_PER_SLOT * self._slots.count
            if is_of_same_client and len(staying) >= places - self._slots.count:
                return False
            if len(staying) >= places:
                use.must_yield = may_displace and use.seconds_left > MUCH_LEFT
                return False
            use.is_paused = True
            use.ran_before += self._timer() - use.since
            self._slots.count_paused(1)
            return True

    def resume(self, conversion_id: str) -> bool:
        """Continue a paused conversion in the caller's slot, and return True if there is one."""
        with self._lock:
            for use in self._uses:
                if use.conversion_id == conversion_id and use.is_paused:
                    use.is_paused, use.since = False, self._timer()
                    self._slots.count_paused(-1)
                    return True
            return False
