"""Pause long conversions while those of other sessions wait for a slot."""

import time

import structlog

from libs.core.domain.conversions import Circumstance
from services.conversion.worker.claimed_conversions import ClaimedConversions
from services.conversion.worker.slot_threads import SlotThreads
from services.conversion.worker.slots import Slots
from services.conversion.worker.time_sharing import TimeSharing, Turn

log = structlog.get_logger(__name__)

READING_SHARE = 5
"""At most one part in this many of the time goes into reading the queue for this."""


class PauseForOthers:
    """Pause a conversion whose turn is over, if one of another session waits."""

    def __init__(
        self,
        threads: SlotThreads,
        slots: Slots,
        sharing: TimeSharing,
        claimed: ClaimedConversions,
    ) -> None:
        self._threads = threads
        self._slots = slots
        self._sharing = sharing
        self._claimed = claimed
        self._next_look = 0.0

    def __call__(self) -> None:
        """Look once, unless the last look was a moment ago."""
        owners = self._claimed.owners()
        if not self._slots.is_full or not self._sharing.ripe(owners):
            return
        began = time.monotonic()
        if began < self._next_look:
            return
        task = self._threads.next_task()
        took = time.monotonic() - began
        self._next_look = began + took + READING_SHARE * took
        if task is None:
            return
        for turn in self._sharing.ripe(owners):
            if owners[turn.conversion_id] != task.owner:
                if self._may_have_company(turn) and self._sharing.pause(
                    turn, task.conversion_id, may_displace=not task.was_handed_over
                ):
                    log.info("conversion.paused", conversion=turn.conversion_id)
                    if not self._threads.start_or_continue(task) and not self._sharing.resume(
                        turn.conversion_id
                    ):
                        self._slots.release()
                return

    def _may_have_company(self, turn: Turn) -> bool:
        """Return True once the item says that a conversion is not the only one in this process."""
        return self._slots.count > 1 or self._claimed.mark(Circumstance.SHARED, turn.conversion_id)
