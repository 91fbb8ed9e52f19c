"""Pause long conversions while those of others wait for a slot."""

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

import structlog

from libs.core.domain.conversions import Conversion, LossMeaning
from libs.core.domain.fair_order import client_of
from services.conversion.worker.claimed_conversions import ClaimedConversions
from services.conversion.worker.scheduling import ChooseNextConversion
from services.conversion.worker.slot_threads import SlotThreads
from services.conversion.worker.slot_use import SlotUse
from services.conversion.worker.slots import Slots
from services.conversion.worker.task import Task
from services.conversion.worker.time_sharing import TimeSharing

log = structlog.get_logger(__name__)

CHECK_EVERY = 1.0
"""Seconds between two checks for conversions that wait for the slot of a long one."""

CHECK_DELAY_FACTOR = 2
"""After a check of t seconds, the next one waits at least this many times t.

On a busy machine, reading the queue takes a second."""


class PauseForOthers:
    """Pause a conversion whose turn is over, for one that waits and may have its slot."""

    def __init__(
        self,
        threads: SlotThreads,
        choose_next: ChooseNextConversion,
        slots: Slots,
        sharing: TimeSharing,
        claimed: ClaimedConversions,
    ) -> None:
        self._threads = threads
        self._choose_next = choose_next
        self._slots = slots
        self._sharing = sharing
        self._claimed = claimed
        self._hurried = threading.Event()
        self._next_check = 0.0

    def hurry(self) -> None:
        """Check soon, because a conversion has come. Callable from any thread."""
        self._hurried.set()

    def wait_and_check(self, stop: threading.Event) -> None:
        """Check once, after `CHECK_EVERY` seconds or when `hurry` is called."""
        if self._hurried.wait(CHECK_EVERY):
            self._hurried.clear()
            stop.wait(max(0.0, self._next_check - time.monotonic()))
        if not stop.is_set():
            self()

    def __call__(self) -> None:
        """Check once, unless the last check was a moment ago."""
        claimed = self._claimed.by_id()
        if not self._slots.can_pause_for_others or not self._sharing.pausable(claimed):
            return
        began = time.monotonic()
        if began < self._next_check:
            return
        paused = self._sharing.paused()
        order = self._choose_next.order(alone_last=self._slots.is_turn_of_others, paused=paused)
        self._pause_for_first(order, claimed, paused, self._sharing.recent())
        ended = time.monotonic()
        self._next_check = ended + CHECK_DELAY_FACTOR * (ended - began)

    def _pause_for_first(
        self,
        order: Iterable[Conversion],
        claimed: Mapping[str, Conversion],
        paused: Collection[str],
        recent: Mapping[str, float],
    ) -> None:
        """Pause a conversion for the first in the order for which one can be, or is to yield."""
        clients = Counter(client_of(each) for each in claimed.values())
        refused = set[tuple[object, ...]]()
        for following in order:
            task = Task.of(following, paused)
            for use in self._sharing.pausable(claimed, following, recent):
                client = client_of(claimed[use.conversion_id])
                is_of_same_client = client_of(following) == client
                # All on which the answer depends: thousands may wait, and a refusal may be a write.
                kind = (use.conversion_id, is_of_same_client, task.has_yielded, task.was_paused)
                if kind in refused:
                    continue
                if self._replace(
                    use,
                    task,
                    is_of_same_client=is_of_same_client,
                    client_has_others=clients[client] > 1,
                    held=claimed,
                ):
                    self._choose_next.note_chosen(following)
                    return
                if use.must_yield and not use.is_being_stored:
                    return  # its slot will be free in a moment
                refused.add(kind)

    def _replace(
        self,
        use: SlotUse,
        task: Task,
        *,
        is_of_same_client: bool,
        client_has_others: bool,
        held: Mapping[str, Conversion],
    ) -> bool:
        """Pause a conversion for a task, and return True if that was possible."""
        if not self._is_marked_shared(use) or not self._sharing.pause(
            use,
            task.conversion_id,
            may_displace=not task.has_yielded,
            is_of_same_client=is_of_same_client,
            client_has_others=client_has_others,
            held=held,
        ):
            return False
        log.info("conversion.paused", conversion=use.conversion_id)
        if not self._threads.start_or_continue(task) and not self._sharing.resume(
            use.conversion_id
        ):
            self._slots.release()
        return True

    def _is_marked_shared(self, use: SlotUse) -> bool:
        """Return True if the item says that the conversion has others beside it.

        With one slot, the item says `alone` until now: others may run while this one is paused.
        """
        return self._slots.count > 1 or self._claimed.mark(LossMeaning.SHARED, use.conversion_id)
