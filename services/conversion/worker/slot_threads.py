"""Run conversions in threads, one for each slot, until no conversion is left to choose."""

import threading
import time

import structlog

from libs.core.errors import StorageUnavailable
from services.conversion.worker.scheduling import ChooseNextConversion
from services.conversion.worker.slots import Slots
from services.conversion.worker.task import Task
from services.conversion.worker.task_runner import RELEASE_PAUSE, RunTask
from services.conversion.worker.time_sharing import TimeSharing

log = structlog.get_logger(__name__)


class SlotThreads:
    """Start the threads of acquired slots; each runs one conversion after another. Thread-safe."""

    def __init__(
        self,
        run_task: RunTask,
        choose_next: ChooseNextConversion,
        slots: Slots,
        sharing: TimeSharing,
        stop: threading.Event,
    ) -> None:
        """Share `slots` and `stop` with the worker, which closes and sets them when it stops."""
        self._run_task = run_task
        self._choose_next = choose_next
        self._slots = slots
        self._sharing = sharing
        self._stop = stop
        self._running: set[threading.Thread] = set()

    @property
    def is_busy(self) -> bool:
        """Return True while a slot has work."""
        return bool(self._running)

    def next_task(self) -> Task | None:
        """Choose what a free slot runs or continues next."""
        paused = self._sharing.paused()
        chosen = self._choose_next(
            alone_last=self._slots.is_turn_of_others,
            paused=paused,
            # Each short conversion of a bystander pauses another one, whose client may have more in
            # the queue. If one of those got the slot that becomes free, more would be paused each
            # time.
            prefer_paused=len(paused) >= self._slots.count,
        )
        return Task.of(chosen, paused) if chosen else None

    def start(self, task: Task) -> bool:
        """Start a task if a slot is free, and return True if one was."""
        if not self._slots.acquire():
            return False
        self._start_thread(task)
        return True

    def start_or_continue(self, task: Task) -> bool:
        """Start or continue a task in the caller's slot.

        Return False if the slot is still the caller's: the task was a paused one, and another
        thread that chose it was faster, or it has ended.
        """
        if self._sharing.resume(task.conversion_id):
            return True
        if not task.was_paused:
            self._start_thread(task)
        return not task.was_paused

    def join(self, deadline: float) -> None:
        """Wait until nothing runs any more, or until `deadline`, a monotonic time."""
        for thread in list(self._running):
            thread.join(max(0.0, deadline - time.monotonic()))

    def _start_thread(self, task: Task) -> None:
        thread = threading.Thread(
            target=self._run_slot, args=(task,), name=task.conversion_id, daemon=True
        )
        self._running.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system has no thread left
            self._running.discard(thread)
            self._slots.release()
            raise

    def _run_slot(self, task: Task) -> None:
        """Run a conversion, then the next one, until there is none or the slot is another's."""
        has_slot = True
        try:
            while True:
                use = self._sharing.begin(task.conversion_id)
                try:
                    self._run_task(task, use)
                finally:
                    has_slot = self._sharing.end(use)
                following = self.next_task() if has_slot and self._slots.is_open else None
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
