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
from libs.core.domain.conversions import Circumstance
from libs.core.domain.events import ConversionQueued, FileUploaded
from libs.core.errors import StorageUnavailable
from libs.core.ports.inbox import Inbox, Message
from services.conversion.worker.attempt import RunConversion
from services.conversion.worker.heartbeat import NEVER, Heartbeat, MessageHeartbeat
from services.conversion.worker.scheduling import (
    ChooseNextConversion,
    MarkUploaded,
    RecoverStuckConversions,
)
from services.conversion.worker.slots import Slots
from services.conversion.worker.task import Task
from services.conversion.worker.time_sharing import TimeSharing, Turn

log = structlog.get_logger(__name__)

LONG_POLL = 5.0
"""Seconds that one receive waits for messages, and so the longest that a stop waits for it."""

LONGEST_POLL_PAUSE = 5.0
"""Maximum seconds between two polls."""

STOP_MARGIN = 5.0
"""Seconds after the drain in which the rest is released. Together with the default drain they are
less than the 30 after which containers are killed."""

RELEASE_PAUSE = 2.0
"""Seconds before a conversion that was released because the storage failed is tried again."""

SHARE_EVERY = 1.0
"""Seconds between two looks whether somebody waits for a slot that a long conversion has."""

READING_SHARE = 5
"""At most one part in this many of the time goes into such looks, each of which reads the queue."""

DRAIN_FOR_SUSPECT = 60.0
"""Seconds that running conversions have to finish before one that must run alone starts. Those that
need longer are handed over."""


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
        self._slots = Slots(slots)
        self._sharing = TimeSharing(self._slots)
        self._lease = lease
        self._drain = drain
        self._loops = BackgroundThreads("worker")
        self._stop = self._loops.stop
        self._deadline = NEVER
        self._next_look = 0.0
        self._started = False
        self._running: set[threading.Thread] = set()

    def start(self) -> None:
        """Begin to receive messages and to look at the queue, unless there are no slots."""
        if not self._slots.count:
            return
        self._started = True
        pause = min(LONGEST_POLL_PAUSE, self._lease / 3)
        self._loops.start(
            retry_forever(self.receive),
            retry_forever(self.poll_queue, pause=pause),
            retry_forever(self.share_time, pause=min(SHARE_EVERY, pause)),
        )

    def begin_stop(self) -> None:
        """Start nothing more, and mark what runs as leaving. Returns at once.

        The process may be killed a moment later; the mark shows that no file was the reason.
        """
        if self._deadline == NEVER:
            self._deadline = time.monotonic() + self._drain
            self._stop.set()
            self._slots.close()
            threading.Thread(target=self._run.leave, name="worker-leaving", daemon=True).start()

    def stop(self) -> None:
        """Stop receiving, finish or release what runs, and return when nothing runs any more."""
        self.begin_stop()
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
            self._start_in_free_slot(Task(conversion_id))

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
        if self._slots.acquire():
            try:
                task = self._next_task()
            except BaseException:
                self._slots.release()
                raise
            if task is None or not self._give_slot(task):
                self._slots.release()
        self._recover_stuck()

    def share_time(self, _stop: threading.Event) -> None:
        """Pause a conversion whose turn is over, if one of another session waits."""
        owners = self._run.owners()
        if not self._slots.is_full or not self._sharing.ripe(owners):
            return
        began = time.monotonic()
        if began < self._next_look:
            return
        task = self._next_task()
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
                    if not self._give_slot(task) and not self._sharing.resume(turn.conversion_id):
                        self._slots.release()
                return

    def _may_have_company(self, turn: Turn) -> bool:
        """Return True once the item says that a conversion is not the only one in this process."""
        return self._slots.count > 1 or self._run.mark(Circumstance.SHARED, turn.conversion_id)

    def _handle(self, message: Message) -> None:
        if not message.readable:
            return  # it stays, and ends in the dead-letter queue, where somebody can look at it
        kept = False
        for event in message.events:
            if isinstance(event, FileUploaded):
                # The stream announces each of them, too, a moment later.
                for conversion_id in self._mark_uploaded(event.upload_id):
                    self._start_in_free_slot(Task(conversion_id))
            elif isinstance(event, ConversionQueued) and not kept:
                kept = self._start_in_free_slot(Task(event.conversion_id, message))
        if not kept:  # otherwise it is deleted when its conversion has ended
            self._inbox.delete(message)

    def _start_in_free_slot(self, task: Task) -> bool:
        if not self._slots.acquire():
            return False
        self._start_slot(task)
        return True

    def _give_slot(self, task: Task) -> bool:
        """Start or continue a task in the caller's slot.

        Return False if it was paused and needs no slot now: another thread that chose it was
        faster, or it has ended.
        """
        if self._sharing.resume(task.conversion_id):
            return True
        if not task.was_paused:
            self._start_slot(task)
        return not task.was_paused

    def _start_slot(self, task: Task) -> None:
        """Start the thread of a slot that was acquired."""
        thread = threading.Thread(
            target=self._run_slot, args=(task,), name=task.conversion_id, daemon=True
        )
        self._running.add(thread)
        thread.start()

    def _run_slot(self, task: Task) -> None:
        """Run a conversion, then the next one, until there is none or the slot is another's."""
        has_slot = True
        try:
            while True:
                turn = self._sharing.begin(task.conversion_id)
                try:
                    self._run_task(task, turn)
                finally:
                    has_slot = self._sharing.end(turn)
                following = self._next_task() if has_slot and self._slots.is_open else None
                if following is None:
                    return
                if self._sharing.resume(following.conversion_id):
                    has_slot = False
                    return
                if following.was_paused:
                    return  # another thread that chose it was faster, or it has ended
                if following.conversion_id == task.conversion_id:
                    # It was released: the fault may be over in a moment.
                    self._stop.wait(RELEASE_PAUSE)
                task = following
        except Exception as error:
            log.warning(
                "worker.slot_failed",
                exc_info=not isinstance(error, StorageUnavailable),
                reason=str(error),
            )
            self._stop.wait(RELEASE_PAUSE)
        finally:
            if has_slot:
                self._slots.release()
            self._running.discard(threading.current_thread())

    def _next_task(self) -> Task | None:
        paused = self._sharing.paused()
        chosen = self._choose_next(suspects_first=self._slots.is_turn_of_suspects, paused=paused)
        return Task.of(chosen, paused) if chosen else None

    def _run_task(self, task: Task, turn: Turn) -> None:
        if not task.alone:
            self._run_one(task, turn, alone=self._slots.count == 1 and self._slots.is_alone)
            return
        with self._slots.reserve_all(DRAIN_FOR_SUSPECT) as granted:
            if granted:
                self._run_one(task, turn, alone=True)

    def _run_one(self, task: Task, turn: Turn, *, alone: bool) -> None:
        message = task.message
        with structlog.contextvars.bound_contextvars(conversion=task.conversion_id):
            may_delete = self._run(
                task.conversion_id,
                self._heartbeat(task, turn),
                task.takeover_version,
                alone=alone,
                is_paused=lambda: turn.is_paused,
            )
        if message and may_delete:
            self._inbox.delete(message)
        elif message:
            self._inbox.hide(message, 0 if self._stop.is_set() else RELEASE_PAUSE)

    def _heartbeat(self, task: Task, turn: Turn) -> Heartbeat:
        def must_end_at() -> float:
            if turn.is_handed_over or (turn.is_paused and not self._slots.is_open):
                return time.monotonic()
            return min(self._deadline, self._slots.hand_over_at)

        def beat(eta_seconds: float | None) -> None:
            turn.seconds_left = NEVER if eta_seconds is None else eta_seconds
            if task.alone:
                self._slots.share_if_overdue(lambda: self._run.mark(Circumstance.SHARED))
            renew(eta_seconds)

        renew = MessageHeartbeat(self._inbox, task.message, self._lease, must_end_at)
        return beat

    def _seconds_left(self) -> float:
        return max(0.0, self._deadline + STOP_MARGIN - time.monotonic())
