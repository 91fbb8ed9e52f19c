"""Run conversions in slots that the inbox and the queue in the table fill.

The table is the queue; a message only wakes a slot. A slot that becomes free asks the table for the
next conversion, so a message that finds no free slot may be deleted. The message of a conversion
that runs here is kept and stays hidden until the conversion has ended. If this process dies, it
comes back and only wakes a slot: `poll_queue` takes the conversion over once its lease has ended.
"""

import threading
import time

import structlog

from libs.core.background import BackgroundThreads, retry_forever
from libs.core.domain.conversions import Conversion, ConversionStatus
from libs.core.domain.events import ConversionQueued, FileUploaded
from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Inbox, Message
from libs.core.telemetry import span
from services.conversion.worker.attempt import RunConversion
from services.conversion.worker.heartbeat import MessageHeartbeat
from services.conversion.worker.scheduling import (
    ChooseNextConversion,
    MarkUploaded,
    RecoverStuckConversions,
)

log = structlog.get_logger(__name__)

LONG_POLL = 5.0
"""Seconds that one receive waits for messages, and so the longest that a stop waits for it."""

LONGEST_POLL_PAUSE = 5.0
"""Maximum seconds between two polls."""

STOP_MARGIN = 5.0
"""Seconds after the drain in which the rest is released. Together with the drain they are less than
the 30 after which containers are killed."""

RELEASE_PAUSE = 2.0
"""Seconds before a conversion that was released because the storage failed is tried again."""


class Worker:
    """Run up to `slots` conversions at once. `start` and `stop` are called once each."""

    def __init__(
        self,
        inbox: Inbox,
        run: RunConversion,
        choose_next: ChooseNextConversion,
        mark_uploaded: MarkUploaded,
        recover_stuck: RecoverStuckConversions,
        slots: int,
        lease: float,
        drain: float = 20.0,
    ) -> None:
        """After `stop`, let conversions run for up to `drain` seconds; release the rest."""
        self._inbox = inbox
        self._run = run
        self._choose_next = choose_next
        self._mark_uploaded = mark_uploaded
        self._recover_stuck = recover_stuck
        self._slots = threading.BoundedSemaphore(slots) if slots else None
        self._lease = lease
        self._drain = drain
        self._loops = BackgroundThreads("worker")
        self._stop = self._loops.stop
        self._deadline = float("inf")
        self._started = False
        self._running: set[threading.Thread] = set()

    def start(self) -> None:
        """Begin to receive messages and to look at the queue, unless there are no slots."""
        if not self._slots:
            return
        self._started = True
        pause = min(LONGEST_POLL_PAUSE, self._lease / 3)
        self._loops.start(retry_forever(self.receive), retry_forever(self.poll_queue, pause=pause))

    def stop(self) -> None:
        """Stop receiving, finish or release what runs, and return when nothing runs any more."""
        self._deadline = time.monotonic() + self._drain
        self._stop.set()
        # The loops first: one of them may be giving a conversion to a slot.
        self._loops.join(self._seconds_left())
        for thread in list(self._running):
            thread.join(self._seconds_left())

    def is_busy(self) -> bool:
        """Return True while a slot has work. Callable from any thread."""
        return bool(self._running)

    def wake(self, conversion_id: str) -> None:
        """Start a conversion that this process queued, if a slot is free.

        The message that follows cannot claim it and is deleted. Callable from any thread.
        """
        if self._started and not self._stop.is_set():
            self._start_in_free_slot(conversion_id, None)

    def receive(self, stop: threading.Event) -> None:
        """Handle the messages of one receive, and return those that come while it stops."""
        for message in self._inbox.receive(10, LONG_POLL):
            if stop.is_set():
                self._inbox.hide(message, 0)
                continue
            try:
                self._handle(message)
            except StorageUnavailable:
                self._inbox.hide(message, RELEASE_PAUSE)
                raise

    def poll_queue(self, _stop: threading.Event) -> None:
        """Start conversions for which no message arrived: ended leases, lost messages."""
        if self._slots and self._slots.acquire(blocking=False):
            try:
                chosen = self._choose_next()
            except BaseException:
                self._slots.release()
                raise
            if chosen:
                self._start_slot(chosen.id, None, _takeover_version(chosen))
            else:
                self._slots.release()
        self._recover_stuck()

    def _handle(self, message: Message) -> None:
        if not message.readable:
            return  # it stays, and ends in the dead-letter queue, where somebody can look at it
        kept = False
        for event in message.events:
            if isinstance(event, FileUploaded):
                # The stream announces each of them, too, a moment later.
                for conversion_id in self._mark_uploaded(event.upload_id):
                    self._start_in_free_slot(conversion_id, None)
            elif isinstance(event, ConversionQueued) and not kept:
                kept = self._start_in_free_slot(event.conversion_id, message)
        if not kept:  # otherwise it is deleted when its conversion has ended
            self._inbox.delete(message)

    def _start_in_free_slot(self, conversion_id: str, message: Message | None) -> bool:
        if not self._slots or not self._slots.acquire(blocking=False):
            return False
        self._start_slot(conversion_id, message)
        return True

    def _start_slot(
        self, conversion_id: str, message: Message | None, takeover_version: int | None = None
    ) -> None:
        """Start the thread of a slot that was acquired."""
        thread = threading.Thread(
            target=self._run_slot,
            args=(conversion_id, message, takeover_version),
            name=conversion_id,
            daemon=True,
        )
        self._running.add(thread)
        thread.start()

    def _run_slot(
        self, conversion_id: str, message: Message | None, takeover_version: int | None
    ) -> None:
        """Run a conversion, then the next one, until there is none."""
        assert self._slots
        try:
            while True:
                self._run_one(conversion_id, message, takeover_version)
                chosen = None if self._stop.is_set() else self._choose_next()
                if chosen is None:
                    return
                if chosen.id == conversion_id:
                    # It was released: the fault may be over in a moment.
                    self._stop.wait(RELEASE_PAUSE)
                conversion_id, message = chosen.id, None
                takeover_version = _takeover_version(chosen)
        except Exception as error:
            log.warning(
                "worker.slot_failed",
                exc_info=not isinstance(error, StorageUnavailable),
                reason=str(error),
            )
            self._stop.wait(RELEASE_PAUSE)
        finally:
            self._slots.release()
            self._running.discard(threading.current_thread())

    def _run_one(
        self, conversion_id: str, message: Message | None, takeover_version: int | None
    ) -> None:
        heartbeat = MessageHeartbeat(
            self._inbox, message, self._lease, self._stop, lambda: self._deadline
        )
        with (
            structlog.contextvars.bound_contextvars(conversion=conversion_id),
            span("convert", conversion=conversion_id),
        ):
            may_delete = self._run(conversion_id, heartbeat, takeover_version)
        if message and may_delete:
            self._inbox.delete(message)
        elif message:
            self._inbox.hide(message, 0 if self._stop.is_set() else RELEASE_PAUSE)

    def _seconds_left(self) -> float:
        return max(0.0, self._deadline + STOP_MARGIN - time.monotonic())


def _takeover_version(chosen: Conversion) -> int | None:
    """Return the version at which a running conversion was chosen, None for a queued one."""
    return chosen.version if chosen.status is ConversionStatus.CONVERTING else None
