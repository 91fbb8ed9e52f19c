"""Fill the slots of a worker from the inbox and from the queue in the table.

The table is the queue; a message only makes a conversion start sooner. If a slot is free, the
conversion that the message names starts in it. If none is, the message is deleted, because a slot
that becomes free asks the table for the next conversion. The message of a conversion that runs here
is kept and stays hidden until the conversion has ended.

If this process dies, another worker receives the message, but does not start the conversion: the
table still shows it as running. A worker takes it over when the table shows that it is stalled.
"""

import threading
import time

import structlog

from libs.core.background import BackgroundThreads, retry_forever
from libs.core.domain.events import ConversionQueued, FileUploaded
from libs.core.errors import StorageUnavailable
from libs.core.ports.conversion_queue import REREAD_DELAY_FACTOR
from libs.core.ports.inbox import Inbox, Message
from services.conversion.worker.attempt import RunConversion
from services.conversion.worker.pausing import PauseForOthers
from services.conversion.worker.scheduling import (
    CheckAwaitedUploads,
    ChooseNextConversion,
    MarkUploaded,
)
from services.conversion.worker.slot_threads import SlotThreads
from services.conversion.worker.slots import Slots
from services.conversion.worker.task import Task
from services.conversion.worker.task_runner import RELEASE_PAUSE, RunTask
from services.conversion.worker.time_sharing import TimeSharing
from services.conversion.worker.watchdog import CHECK_EVERY, Watchdog

log = structlog.get_logger(__name__)

LONG_POLL = 5.0
"""Seconds that one receive waits for messages. A stop waits for a receive that has begun."""

RECEIVED_AT_ONCE = 10
"""Maximum number of messages that SQS returns at once."""

HELPERS = 3
"""Threads that receive beside the first one while the inbox is full."""
POLL_IF_FULL = 1.0
"""Seconds, at least, between two polls of the queue by `receive`. It polls while the inbox is full,
which means that each call returns `RECEIVED_AT_ONCE` messages."""

LONGEST_POLL_PAUSE = 5.0
"""Maximum seconds between two polls."""

STOP_MARGIN = 5.0
"""Seconds after the drain in which the conversions that still run are released.

The default drain of 20 and these 5 are 25 seconds: less than the 30 after which ECS kills a
container by default. `service-ecs.yaml` sets a drain of 100 and a limit of 120. Docker's default is
only 10, so `compose.yaml` sets 35.
"""


class Worker:
    """Run up to `slots` conversions at once. `start` and `stop` are called once each."""

    def __init__(
        self,
        inbox: Inbox,
        run: RunConversion,
        choose_next: ChooseNextConversion,
        mark_uploaded: MarkUploaded,
        check_awaited_uploads: CheckAwaitedUploads,
        slots: int,
        lease: float,
        drain: float = 20.0,
    ) -> None:
        """Set up the threads; `drain` is how many seconds conversions may run on after a stop."""
        self._inbox = inbox
        self._claimed = run.claimed
        self._unfinished = run.unfinished
        self._mark_uploaded = mark_uploaded
        self._check_awaited_uploads = check_awaited_uploads
        self._lease = lease
        self._drain = drain
        self._loops = BackgroundThreads("worker")
        self._stop = self._loops.stop
        self._slots = Slots(slots)
        self._sharing = TimeSharing(self._slots)
        self._watchdog = Watchdog(run.claimed)
        self._threads = SlotThreads(
            RunTask(inbox, run, self._slots, self._watchdog, lease),
            choose_next,
            self._slots,
            self._sharing,
            self._stop,
        )
        self._pause_for_others = PauseForOthers(
            self._threads, choose_next, self._slots, self._sharing, run.claimed
        )
        self._is_inbox_full = threading.Event()
        self._next_poll_if_full = 0.0
        self._started = False
        self._stop_by: float | None = None

    def start(self) -> None:
        """Begin to receive messages, to poll the queue and to pause; do nothing without slots."""
        if not self._slots.count:
            return
        self._started = True
        pause = min(LONGEST_POLL_PAUSE, self._lease / 3)
        self._loops.start(
            retry_forever(self.receive),
            *[retry_forever(self.help_receive)] * HELPERS,
            retry_forever(self.poll_queue, pause=pause),
            retry_forever(self.check_awaited_uploads, pause=pause),
            retry_forever(self._pause_for_others.wait_and_check),
            retry_forever(self._watchdog.check, pause=CHECK_EVERY),
        )

    def begin_stop(self) -> float:
        """Start nothing more, and mark what runs as leaving. Returns at once.

        The process may be killed a moment later; the mark shows that no file was the reason.
        Returns the monotonic time by which everything has ended.
        """
        if self._stop_by is None:
            drained = time.monotonic() + self._drain
            self._stop_by = drained + STOP_MARGIN
            self._slots.close(drained)
            self._stop.set()
            self._pause_for_others.hurry()
            threading.Thread(target=self._claimed.leave, name="worker-leaving", daemon=True).start()
        return self._stop_by

    def stop(self) -> None:
        """Stop receiving, finish or release what runs, and return when nothing runs any more."""
        stop_by = self.begin_stop()
        # The loops first: one of them may be giving a conversion to a slot.
        self._loops.join(max(0.0, stop_by - time.monotonic()))
        self._threads.join(stop_by)

    def is_busy(self) -> bool:
        """Return True while a slot has work. Callable from any thread."""
        return self._threads.is_busy

    def wake(self, conversion_id: str) -> None:
        """Start a conversion that this process queued, or check soon if a slot can be freed.

        The message about it comes later and is deleted. Callable from any thread.
        """
        if self._started and not self._stop.is_set():
            self._start(Task(conversion_id))

    def receive(self, stop: threading.Event) -> None:
        """Wait for messages and handle them; poll the queue meanwhile if the inbox is full.

        Anybody with a form of S3 can fill the inbox, and those of others' conversions wait behind.
        """
        self._receive(stop, LONG_POLL)
        if self._is_inbox_full.is_set() and time.monotonic() >= self._next_poll_if_full:
            self.poll_queue(stop)

    def help_receive(self, stop: threading.Event) -> None:
        """Handle messages beside `receive` while the inbox is full; otherwise ask for none."""
        if self._is_inbox_full.wait(LONG_POLL) and not stop.is_set():
            self._receive(stop, 0)

    def _receive(self, stop: threading.Event, wait: float) -> None:
        """Handle the messages of one receive; return them to the queue if the worker stops.

        A message that cannot be handled comes again, and ends in the dead-letter queue. The others
        are handled all the same, unless the storage does not answer.
        """
        messages = self._inbox.receive(RECEIVED_AT_ONCE, wait)
        if len(messages) == RECEIVED_AT_ONCE:
            self._is_inbox_full.set()
        else:
            self._is_inbox_full.clear()
        done: list[Message] = []
        try:
            for message in messages:
                if stop.is_set():
                    self._inbox.hide(message, 0)
                    continue
                try:
                    if self._handle(message):
                        done.append(message)
                except StorageUnavailable:
                    self._inbox.hide(message, RELEASE_PAUSE)
                    raise
                except Exception:
                    log.exception("worker.message_failed", receive_count=message.receive_count)
        finally:
            if done:
                self._inbox.delete_many(done)

    def poll_queue(self, _stop: threading.Event) -> None:
        """Give the free slots the next conversions of the queue in the table.

        This finds what no message starts: stalled conversions, and queued ones whose message was
        lost or is late. First it settles attempts whose end could not be written, see
        `UnfinishedAttempts`.
        """
        began = time.monotonic()
        self._unfinished.settle()
        # No more often than there are slots: a conversion that cannot be claimed frees its slot.
        for _ in range(self._slots.count):
            if not self._slots.acquire():
                break
            try:
                task = self._threads.next_task()
            except BaseException:
                self._slots.release()
                raise
            if task is None or not self._threads.start_or_continue(task):
                self._slots.release()
                break
        ended = time.monotonic()
        self._next_poll_if_full = ended + POLL_IF_FULL + REREAD_DELAY_FACTOR * (ended - began)

    def check_awaited_uploads(self, stop: threading.Event) -> None:
        """Queue conversions whose upload has arrived although no event told so.

        This is a thread of its own, and idle most of the time, so that no takeover of a stalled
        conversion waits for it: visitors decide how many conversions wait.
        """
        began = time.monotonic()
        self._check_awaited_uploads()
        stop.wait(REREAD_DELAY_FACTOR * (time.monotonic() - began))

    def _start(self, task: Task) -> bool:
        """Start a task if a slot is free, and return True if one was."""
        if self._threads.start(task):
            return True
        self._pause_for_others.hurry()
        return False

    def _handle(self, message: Message) -> bool:
        """Handle the events of a message, and return True if it can be deleted."""
        if not message.readable:
            return False  # it stays, and ends in the dead-letter queue, where somebody can look
        kept = False
        for event in message.events:
            if isinstance(event, FileUploaded):
                # The stream announces each of them, too, a moment later.
                for conversion_id in self._mark_uploaded(event.upload_id):
                    self._start(Task(conversion_id))
            elif isinstance(event, ConversionQueued) and not kept:
                kept = self._start(Task(event.conversion_id, message))
        return not kept  # otherwise it is deleted when its conversion has ended
