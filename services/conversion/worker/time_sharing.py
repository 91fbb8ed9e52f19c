"""Share slots in time: long conversions pause while those of other clients or sessions wait.

A paused conversion keeps its lease, its FFmpeg (stopped) and its output so far. It is continued
when its turn comes in the fair order, so a pause costs memory and no work.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence

from libs.core.domain.conversions import Conversion
from libs.core.domain.fair_order import client_of
from services.conversion.worker.recent_slot_time import NOTHING_RECENT, RecentSlotTime
from services.conversion.worker.slot_use import SlotUse
from services.conversion.worker.slots import Slots

TURN = 3.0
"""Seconds that a conversion keeps its slot, if others wait."""

LONG_RUN = 10.0
"""Seconds after which a conversion is paused at once for one that has never run. Most conversions
are short, so the new one is probably soon done."""

NEARLY_DONE = 10.0
"""Seconds left at which a conversion is not paused any more. If its client or session has two slots
more than the one that waits, it must have 0 left, so only be stored: others could wait for its
conversions of a few seconds in turn."""

PAUSED_PER_SLOT = 2
"""Maximum number of paused conversions for each slot, because each keeps its memory.

That is usually up to 150 MB. Hostile files have taken up to 816 MB: only the sandbox's limit on
FFmpeg, `Limits.memory`, bounds them."""

NOTHING_HELD: Mapping[str, Conversion] = {}


def find_pausable(
    uses: Sequence[SlotUse],
    held: Mapping[str, Conversion],
    now: float,
    following: Conversion | None = None,
    recent: Mapping[str, float] = NOTHING_RECENT,
) -> list[SlotUse]:
    """Return the uses that may be paused for a conversion that waits, the first to pause first.

    Slots are shared between clients, and those of one client between its sessions. If the running
    conversion and the one that waits are of different clients, the slots of the two clients are
    compared; if they are of one client, those of their two sessions. A slot is taken only if the
    running side has more slots than the side that waits.

    It is taken at once if the difference is two slots or more. Otherwise, it is taken only if the
    client that waits has had slots for no longer than the running one of late: after `TURN`
    seconds, or at once if the conversion that waits has never run and the running one has had a
    slot for `LONG_RUN` seconds.
    A conversion that ends soon is left alone, see `NEARLY_DONE`. Guesses, and estimates that proved
    wrong, do not count.

    Args:
        uses: All uses of this worker.
        held: Its claimed conversions by id. The uses of others are not returned.
        now: The present time, on the clock of `SlotUse.since`.
        following: The conversion that waits. None stands for one of a client that has no slot.
        recent: Seconds for which each client has had slots of late, see `RecentSlotTime`.
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
        if slot_excess(use) > 1:
            return True
        if following is not None:
            client = client_of(held[use.conversion_id])
            if recent.get(client_of(following), 0.0) > recent.get(client, 0.0):
                return False
        ends_at_once = is_new and use.seconds_run(now) >= LONG_RUN
        return ends_at_once or now - use.since >= TURN

    def is_soon_done(use: SlotUse) -> bool:
        most = 0.0 if slot_excess(use) > 1 else NEARLY_DONE
        return use.believed_seconds_left(now) <= most

    pausable = [
        use
        for use in running
        if not is_soon_done(use) and slot_excess(use) > 0 and is_turn_over(use)
    ]

    def order(use: SlotUse) -> tuple[float, float, float]:
        client = client_of(held[use.conversion_id])
        return -slot_excess(use), -recent.get(client, 0.0), -use.believed_seconds_left(now)

    return sorted(pausable, key=order)


def _paused_by_one_client(
    paused: Sequence[SlotUse], held: Mapping[str, Conversion], most: int, use: SlotUse
) -> SlotUse | None:
    """Return the longest paused use of a client that has more than `most`, unless it is of `use`.

    One that has been asked to return to the queue already comes first: one at a time suffices.
    """
    clients = {
        each: client_of(held[each.conversion_id]) for each in paused if each.conversion_id in held
    }
    counts = Counter(clients.values())
    own = client_of(held[use.conversion_id]) if use.conversion_id in held else None
    surplus = [
        each
        for each, client in clients.items()
        if counts[client] > most and client != own and not each.is_being_stored
    ]
    return max(surplus, key=lambda each: (each.must_yield, each.seconds_left), default=None)


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
        self._recent = RecentSlotTime()

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
            else:
                self._count(use)
            return not use.is_paused

    def paused(self) -> Collection[str]:
        """Return the ids of paused conversions."""
        with self._lock:
            return {use.conversion_id for use in self._uses if use.is_paused}

    def pausable(
        self,
        held: Mapping[str, Conversion],
        following: Conversion | None = None,
        recent: Mapping[str, float] = NOTHING_RECENT,
    ) -> list[SlotUse]:
        """Return the uses that may be paused now; see `find_pausable`."""
        with self._lock:
            uses = list(self._uses)
        return find_pausable(uses, held, self._timer(), following, recent)

    def recent(self) -> Mapping[str, float]:
        """Return for how many seconds each client has had slots of late."""
        with self._lock:
            now = self._timer()
            running = [
                (use.client, now - use.since)
                for use in self._uses
                if use.client is not None and not use.is_paused
            ]
            return self._recent.sums(now, running)

    def _count(self, use: SlotUse) -> None:
        """Count the time for which a use has had its slot; it ends, or pauses."""
        now = self._timer()
        if use.client is not None:
            self._recent.add(use.client, now - use.since, now)

    def pause(
        self,
        use: SlotUse,
        following: str,
        *,
        may_displace: bool = True,
        is_of_same_client: bool = False,
        client_has_others: bool = False,
        held: Mapping[str, Conversion] = NOTHING_HELD,
    ) -> bool:
        """Pause a conversion, and return True if the caller now has its slot.

        No more than `PAUSED_PER_SLOT` conversions for each slot are paused. If that many are, and
        if `may_displace` is true, a conversion is asked to return to the queue instead. That is a
        paused one of a client that has more than half of all pauses. If there is none, it is `use`,
        if it has more than `MUCH_LEFT` or is one of several of its client here. One that is being
        stored is not asked: its parts are one object by then, so that all work would be repeated.

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
            held: The conversions that this worker has claimed, by id.
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
                most = max_paused - self._slots.count
                surplus = _paused_by_one_client(staying, held, most, use)
                yielding = surplus or use
                is_long = surplus or client_has_others or use.has_much_left(now)
                yielding.must_yield |= (
                    may_displace and bool(is_long) and not yielding.is_being_stored
                )
                return False
            # In this order: `expect`, in another thread, must not see less than it has run.
            use.ran_before += now - use.since
            self._count(use)
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
