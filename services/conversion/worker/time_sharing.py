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
from libs.core.domain.fair_order import client_of
from services.conversion.worker.slots import NEVER, Slots

TURN = 3.0
"""Seconds that a conversion keeps its slot, if others wait."""

LONG_RUN = 10.0
"""Seconds after which a conversion is paused at once for one that has never run. Most conversions
are short, so the new one is probably soon done."""

NEARLY_DONE = 10.0
"""Seconds left at which a conversion is not paused any more."""

ENDING = 2.0
"""Seconds left at which a conversion is not paused any more, if its client or session has two slots
more than the one that waits. Others could wait for its conversions of ten seconds in turn."""

ESTIMATE_FACTOR, ESTIMATE_GRACE = 2, 1.0
"""An estimate promises that a conversion ends after so many times the seconds left, and so many
more. If the conversion breaks one promise, none of its estimates is believed any more: a header may
state too short a duration, and then the time left stays 0."""

PAUSED_PER_SLOT = 2
"""Maximum number of paused conversions for each slot, because each keeps its memory.

That is usually up to 150 MB. Hostile files have taken up to 816 MB: only the sandbox's limit on
FFmpeg, `Limits.memory`, bounds them."""

MUCH_LEFT = 1800.0
"""Seconds left above which a conversion goes back to the queue if no more may be paused. One whose
estimate proved wrong is taken to have as much left as it is late, however near its end it seems."""


@dataclass(eq=False)
class SlotUse:
    """Hold since when a conversion uses its slot, and how many seconds it still needs.

    `since` is on this process's monotonic clock; `seconds_left` is the engine's estimate.
    """

    conversion_id: str
    since: float
    seconds_left: float = NEVER
    is_guess: bool = False
    """`seconds_left` includes a later pass, which may take much longer than this one."""
    ran_before: float = 0.0
    """Seconds for which the conversion had a slot before its present use."""
    is_paused: bool = False
    must_yield: bool = False
    """The conversion is to go back to the queue."""
    promised: float = NEVER
    """Seconds with a slot after which the conversion has ended, by its most hopeful estimate."""

    @property
    def is_being_stored(self) -> bool:
        """Return True if the conversion has only storing left, in which it does not yield."""
        return self.seconds_left == 0.0

    def seconds_run(self, now: float) -> float:
        """Return for how many seconds the conversion has had a slot."""
        return self.ran_before + (0.0 if self.is_paused else now - self.since)

    def expect(self, seconds_left: float, now: float, *, is_guess: bool = False) -> None:
        """Store the engine's estimate of how many seconds the conversion still needs.

        A guess is no promise, so it does not keep the conversion from being paused either.
        """
        self.seconds_left, self.is_guess = seconds_left, is_guess
        if is_guess:
            return
        promised = self.seconds_run(now) + ESTIMATE_FACTOR * seconds_left + ESTIMATE_GRACE
        self.promised = min(self.promised, promised)

    def is_overdue(self, now: float) -> bool:
        """Return True if an estimate has proved wrong: by it, the conversion would have ended."""
        return self.seconds_run(now) >= self.promised

    def believed_seconds_left(self, now: float) -> float:
        """Return the estimate; `NEVER` if it is missing or a guess, or if one has proved wrong."""
        return NEVER if self.is_guess or self.is_overdue(now) else self.seconds_left

    def has_much_left(self, now: float) -> bool:
        """Return True if the conversion is long: one that broke its promise is late by as much."""
        return max(self.seconds_left, self.seconds_run(now) - self.promised) > MUCH_LEFT


def find_pausable(
    uses: Sequence[SlotUse],
    held: Mapping[str, Conversion],
    now: float,
    following: Conversion | None = None,
) -> list[SlotUse]:
    """Return the uses that may be paused for a conversion that waits, the first to pause first.

    Slots are shared between clients, and those of one client between its sessions. If the running
    conversion and the one that waits are of different clients, the slots of the two clients are
    compared; if they are of one client, those of their two sessions. A slot is taken only if the
    running side has more slots than the side that waits. It is taken after `TURN` seconds. It is
    taken at once if the difference is two slots or more, or if the conversion that waits has never
    run and the running one has had a slot for `LONG_RUN` seconds.
    A conversion that ends soon is left alone: within `NEARLY_DONE` seconds, or within `ENDING` if
    the difference is two slots or more. Guesses, and estimates that proved wrong, do not count.

    Args:
        uses: All uses of this worker.
        held: Its claimed conversions by id. The uses of others are not returned.
        now: The present time, on the clock of `SlotUse.since`.
        following: The conversion that waits. None stands for one of a client that has no slot.
    """
    running = [use for use in uses if not use.is_paused and use.conversion_id in held]
    client_slots = Counter(client_of(held[use.conversion_id]) for use in running)
    session_slots = Counter(held[use.conversion_id].owner for use in running)
    is_new = following is None or following.attempts == 0

    def slot_excess(use: SlotUse) -> int:
        """Return how many more slots its client or session has than the one that waits."""
        current = held[use.conversion_id]
        client, session = client_of(current), current.owner
        if following is None:
            return client_slots[client]
        if client != client_of(following):
            return client_slots[client] - client_slots[client_of(following)]
        return session_slots[session] - session_slots[following.owner]

    def is_turn_over(use: SlotUse) -> bool:
        seconds = now - use.since
        ends_at_once = slot_excess(use) > 1 or (is_new and use.seconds_run(now) >= LONG_RUN)
        return seconds >= (0.0 if ends_at_once else TURN)

    def is_soon_done(use: SlotUse) -> bool:
        most = ENDING if slot_excess(use) > 1 else NEARLY_DONE
        return use.believed_seconds_left(now) <= most

    pausable = [
        use
        for use in running
        if not is_soon_done(use) and slot_excess(use) > 0 and is_turn_over(use)
    ]
    return sorted(pausable, key=lambda use: (-slot_excess(use), -use.believed_seconds_left(now)))


class TimeSharing:
    """Hold the uses of one worker's slots. Thread-safe.

    A conversion may have two uses for a moment: if it is started twice, the second use ends when
    its claim fails.
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
        """Remove a use, and return True if its conversion had a slot, so was not paused."""
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
        client_has_others: bool = False,
    ) -> bool:
        """Pause a conversion, and return True if the caller now has its slot.

        No more than `PAUSED_PER_SLOT` conversions for each slot are paused. If that many are, a
        conversion is asked to return to the queue instead, if `may_displace` is true, and if it has
        more than `MUCH_LEFT` or is one of several of its client here. One that is being stored is
        not asked: its parts are one object by then, so that all work would be repeated.

        Args:
            use: The use to pause.
            following: Id of the conversion that gets the slot, which may be a paused one.
            may_displace: False if the conversion that gets the slot has itself yielded before:
                two that send each other back to the queue would never end.
            is_of_same_client: True if both were requested from one address. Such a pause is
                refused if as many conversions are paused as there are slots, without `following`.
                The rest of the pauses that are possible is left for other clients.
            client_has_others: True if this worker has claimed other conversions of the client of
                the one to pause. Without this rule one client could hold all slots and all pauses.
        """
        with self._lock:
            now = self._timer()
            if use not in self._uses or use.is_paused:
                return False
            paused = [each for each in self._uses if each.is_paused]
            staying = [each for each in paused if each.conversion_id != following]
            max_paused = PAUSED_PER_SLOT * self._slots.count
            if is_of_same_client and len(staying) >= max_paused - self._slots.count:
                return False
            if len(staying) >= max_paused:
                is_long = client_has_others or use.has_much_left(now)
                use.must_yield |= may_displace and is_long and not use.is_being_stored
                return False
            # In this order: `expect`, in another thread, must not see less than it has run.
            use.ran_before += now - use.since
            use.is_paused = True
            self._slots.count_paused(1)
            return True

    def resume(self, conversion_id: str) -> bool:
        """Continue a paused conversion in the caller's slot. Return False if it is not paused."""
        with self._lock:
            for use in self._uses:
                if use.conversion_id == conversion_id and use.is_paused:
                    # In this order, or it would seem to have run during the pause.
                    use.since = self._timer()
                    use.is_paused = False
                    self._slots.count_paused(-1)
                    return True
            return False
