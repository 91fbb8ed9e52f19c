"""End the process if a slot computes without end.

A file may make our own code loop. Nothing can pause or cancel it then, its slot is lost, and a
thread of Python ends only with its process. ECS or Docker starts the process anew, and the
conversion counts as one whose worker was killed.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import structlog

from libs.core.domain.conversions import LossMeaning
from services.conversion.worker.claimed_conversions import ClaimedConversions

log = structlog.get_logger(__name__)

MAX_COMPUTING = 60.0
"""Seconds of processor time that a slot's thread may use between two heartbeats. Waiting uses none,
whatever for: the storage, FFmpeg, a turn. Conversions in the tests use up to 0.25 s."""
CHECK_EVERY = 5.0
EXIT_STATUS = 70
"""EX_SOFTWARE of sysexits.h: not 0, or some supervisors would not start the process anew."""


@dataclass(eq=False)
class _Watch:
    conversion_id: str
    clock: int
    computed_before: float = 0.0
    """Processor time of the thread at its last heartbeat."""

    def beat(self) -> None:
        self.computed_before = time.clock_gettime(self.clock)

    @property
    def computed(self) -> float:
        with suppress(OSError):  # the thread has just ended
            return time.clock_gettime(self.clock) - self.computed_before
        return 0.0


class Watchdog:
    """Watch the threads of slots, by the processor time that each uses. Thread-safe."""

    def __init__(self, claimed: ClaimedConversions) -> None:
        self._claimed = claimed
        self._watches: list[_Watch] = []

    @contextmanager
    def watching(self, conversion_id: str) -> Iterator[Callable[[], None]]:
        """Watch the calling thread within the block, and provide what each heartbeat calls."""
        if not hasattr(time, "pthread_getcpuclockid"):  # macOS
            yield lambda: None
            return
        watch = _Watch(conversion_id, time.pthread_getcpuclockid(threading.get_ident()))
        watch.beat()
        self._watches.append(watch)
        try:
            yield watch.beat
        finally:
            self._watches.remove(watch)

    def check(self, _stop: threading.Event) -> None:
        """End the process if a thread has computed for too long."""
        for watch in list(self._watches):
            if watch.computed > MAX_COMPUTING:
                log.critical("worker.stuck", conversion=watch.conversion_id)
                try:
                    self._mark_others_leaving()
                finally:
                    os._exit(EXIT_STATUS)

    def _mark_others_leaving(self) -> None:
        """Mark the conversions that are not the reason, so that none of them has to run alone."""
        computing = {w.conversion_id for w in self._watches if w.computed > MAX_COMPUTING / 4}
        for conversion_id in self._claimed.by_id().keys() - computing:
            self._claimed.mark(LossMeaning.LEAVING, conversion_id)
