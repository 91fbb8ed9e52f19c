"""The worker: slots that run conversions, woken by the inbox.

The table is the queue, a message only wakes: a slot that becomes free asks the table what is next (fair between
sessions), so a message that finds no free slot may be dropped. The message of a conversion that runs here is kept, and
kept hidden, until the conversion has ended: should this process die, it comes back.
"""

import threading
import time
from collections.abc import Callable

import structlog

from libs.core.domain.events import ConversionQueued, FileUploaded
from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Inbox, Message
from libs.core.telemetry import span
from services.conversion.worker.attempt import (
    ChooseNextConversion,
    MarkUploaded,
    RecoverStuckConversions,
    RunConversion,
)
from services.conversion.worker.heartbeat import MessageHeartbeat

log = structlog.get_logger(__name__)

POLL = 5.0
"""Seconds of one long poll: also how long a stop may have to wait for it."""

GRACE = 5.0
"""Seconds beyond the drain in which what did not finish is handed back: together less than the 30 after which containers are killed."""

PAUSE = 2.0
"""Seconds until a conversion that was handed back for want of S3 or DynamoDB is tried again."""

LONGEST_PAUSE = 10.0
"""Seconds between tries while S3, DynamoDB or SQS do not answer."""


class Worker:
    """`slots` conversions at once. `start` and `stop` are called once each; `stop` returns when nothing runs any more."""

    def __init__(
        self,
        inbox: Inbox,
        run: RunConversion,
        following: ChooseNextConversion,
        arrives: MarkUploaded,
        rescue: RecoverStuckConversions,
        slots: int,
        lease: float,
        drain: float = 20.0,
    ) -> None:
        self._inbox = inbox
        self._run = run
        self._next = following
        self._arrives = arrives
        self._rescue = rescue
        self._slots = threading.BoundedSemaphore(slots) if slots else None
        self._lease = lease
        self._drain = drain
        self._stop = threading.Event()
        self._deadline = float("inf")
        self._threads: list[threading.Thread] = []
        self._running: set[threading.Thread] = set()

    def start(self) -> None:
        """Begins to receive, unless there are no slots."""
        if not self._slots:
            return
        for loop in (self._receiving, self._looking_around):
            thread = threading.Thread(target=loop, name=loop.__name__.strip("_"), daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stops receiving; what runs is finished if it can be within `drain` seconds, and handed back if not."""
        self._deadline = time.monotonic() + self._drain
        self._stop.set()
        # The loops first: one of them may just be giving a conversion to a slot.
        for thread in self._threads:
            thread.join(max(0.0, self._deadline + GRACE - time.monotonic()))
        for thread in list(self._running):
            thread.join(max(0.0, self._deadline + GRACE - time.monotonic()))

    def wake(self, conversion_id: str) -> None:
        """Begins a conversion that was queued by this process, if a slot is free; its message finds it begun. For any thread."""
        if self._threads and not self._stop.is_set():
            self._try_slot(conversion_id, None)

    def _receiving(self) -> None:
        self._patiently(self._receive, pause=0)

    def _looking_around(self) -> None:
        """What no message says: leases that ended, conversions whose message was lost."""
        self._patiently(self._look_around, pause=min(5.0, self._lease / 3))

    def _patiently(self, step: Callable[[], None], pause: float) -> None:
        """Repeats a step until the stop, whatever it raises, waiting longer after each failure in a row."""
        failures = 0
        while not self._stop.is_set():
            try:
                step()
                failures = 0
                self._stop.wait(pause)
            except Exception as error:  # a loop that dies is a worker that is gone
                failures += 1
                log.warning(
                    "worker.step_failed",
                    step=step.__name__,
                    exc_info=not isinstance(error, StorageUnavailable),
                    reason=str(error),
                )
                self._stop.wait(min(LONGEST_PAUSE, 0.5 * 2**failures))

    def _receive(self) -> None:
        for message in self._inbox.receive(10, POLL):
            if self._stop.is_set():
                self._inbox.hide(message, 0)
                continue
            try:
                self._handle(message)
            except StorageUnavailable:
                self._inbox.hide(message, 2)
                raise

    def _handle(self, message: Message) -> None:
        if not message.readable:
            return  # left alone, it ends in the dead-letter queue, where somebody can look at it
        kept = False
        for event in message.events:
            if isinstance(event, FileUploaded):
                # The stream will say the same of each of them, a moment later.
                for conversion_id in self._arrives(event.upload_id):
                    self._try_slot(conversion_id, None)
            elif isinstance(event, ConversionQueued) and not kept:
                kept = self._try_slot(event.conversion_id, message)
        if not kept:  # else it lives as long as its conversion runs
            self._inbox.delete(message)

    def _look_around(self) -> None:
        if self._slots and self._slots.acquire(blocking=False):
            try:
                following = self._next()
            except BaseException:
                self._slots.release()
                raise
            if following:
                self._occupy(following.id, None)
            else:
                self._slots.release()
        self._rescue()

    def _try_slot(self, conversion_id: str, message: Message | None) -> bool:
        if not self._slots or not self._slots.acquire(blocking=False):
            return False
        self._occupy(conversion_id, message)
        return True

    def _occupy(self, conversion_id: str, message: Message | None) -> None:
        thread = threading.Thread(
            target=self._slot, args=(conversion_id, message), name=conversion_id, daemon=True
        )
        self._running.add(thread)
        thread.start()

    def _slot(self, conversion_id: str, message: Message | None) -> None:
        """Runs a conversion, then whatever is next, until nothing is."""
        assert self._slots
        try:
            while True:
                self._run_one(conversion_id, message)
                following = None if self._stop.is_set() else self._next()
                if following is None:
                    return
                if (
                    following.id == conversion_id
                ):  # handed back: what it met may be over in a moment
                    self._stop.wait(PAUSE)
                conversion_id, message = following.id, None
        except Exception as error:
            log.warning(
                "worker.slot_failed",
                exc_info=not isinstance(error, StorageUnavailable),
                reason=str(error),
            )
            self._stop.wait(PAUSE)
        finally:
            self._slots.release()
            self._running.discard(threading.current_thread())

    def _run_one(self, conversion_id: str, message: Message | None) -> None:
        pulse = MessageHeartbeat(
            self._inbox, message, self._lease, self._stop, lambda: self._deadline
        )
        with (
            structlog.contextvars.bound_contextvars(conversion=conversion_id),
            span("convert", conversion=conversion_id),
        ):
            done = self._run(conversion_id, pulse.beat)
        if message and done:
            self._inbox.delete(message)
        elif message:
            self._inbox.hide(message, 0 if self._stop.is_set() else PAUSE)
