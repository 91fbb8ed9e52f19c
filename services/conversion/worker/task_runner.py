"""Run one task in a slot, and then delete or return the message that woke it."""

import time
from collections.abc import Callable

import structlog

from libs.core.domain.conversions import LossMeaning
from libs.core.domain.fair_order import client_of
from libs.core.ports.inbox import Inbox
from services.conversion.worker.attempt import RunConversion
from services.conversion.worker.heartbeat import Heartbeat, HideMessage
from services.conversion.worker.slot_use import SlotUse
from services.conversion.worker.slots import NEVER, Slots
from services.conversion.worker.task import Task
from services.conversion.worker.watchdog import Watchdog

RELEASE_PAUSE = 2.0
"""Seconds to wait after something failed, because the reason may be gone by then.

It is the delay before a conversion that was released is tried again, before a message that the
storage kept from being handled is received again, and before the slot of a thread that ended with
an error is free."""

DRAIN_FOR_SUSPECT = 60.0
"""Seconds that running conversions have to finish before one that must run alone starts. Those that
need longer go back to the queue."""


class RunTask:
    """Run the conversion of a task, alone if it must be, and settle its message."""

    def __init__(
        self, inbox: Inbox, run: RunConversion, slots: Slots, watchdog: Watchdog, lease: float
    ) -> None:
        self._inbox = inbox
        self._watchdog = watchdog
        self._run = run
        self._slots = slots
        self._lease = lease

    def __call__(self, task: Task, use: SlotUse) -> None:
        """Return when the attempt has ended, or could not begin."""
        if not task.must_run_alone:
            # With more slots, another conversion may start beside this one at any time.
            self._run_one(task, use, alone=self._slots.count == 1 and self._slots.is_alone)
            return
        with self._slots.reserve_all(DRAIN_FOR_SUSPECT) as granted:
            if granted:
                self._run_one(task, use, alone=True)

    def _run_one(self, task: Task, use: SlotUse, *, alone: bool) -> None:
        message = task.message
        with (
            structlog.contextvars.bound_contextvars(conversion=task.conversion_id),
            self._watchdog.watching(task.conversion_id) as show_life,
        ):
            may_delete = self._run(
                task.conversion_id,
                self._heartbeat(task, use, show_life),
                task.takeover_version,
                alone=alone,
                on_claimed=lambda conversion: use.belongs_to(client_of(conversion)),
                # While slots are closed or reserved, no paused conversion gets its slot back. One
                # that is being stored cannot be released, so it goes on without a slot.
                is_paused=lambda: use.is_paused and self._slots.is_open,
            )
        if message and may_delete:
            self._inbox.delete(message)
        elif message:
            self._inbox.hide(message, 0 if self._slots.is_closed else RELEASE_PAUSE)

    def _heartbeat(self, task: Task, use: SlotUse, show_life: Callable[[], None]) -> Heartbeat:
        def must_end_at() -> float:
            yield_by = self._slots.yield_by
            if use.must_yield or (use.is_paused and not self._slots.is_open):
                return min(time.monotonic(), yield_by)
            return yield_by

        def beat(eta_seconds: float | None, /, *, is_guess: bool) -> None:
            show_life()
            left = NEVER if eta_seconds is None else eta_seconds
            use.expect(left, time.monotonic(), is_guess=is_guess)
            if task.must_run_alone:
                self._slots.share_slots_if_overdue(
                    lambda: self._run.claimed.mark(LossMeaning.SHARED)
                )
            hide_message(eta_seconds)

        hide_message = HideMessage(self._inbox, task.message, self._lease, must_end_at)
        return beat
