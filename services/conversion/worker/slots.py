"""Count the slots of a worker, and give all of them to a conversion that must run alone."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ALONE_AT_MOST = 600.0
"""Seconds after which others may start beside a conversion that runs alone: it has not killed the
worker so far."""

NEVER = float("inf")


class Slots:
    """Let up to `count` conversions run at once, or one alone. Thread-safe."""

    def __init__(self, count: int, timer: Callable[[], float] = time.monotonic) -> None:
        self.count = count
        self._timer = timer
        self._changed = threading.Condition()
        self._taken = self._paused = 0
        self._closed = False
        self._reservation: object | None = None
        self._yield_by = NEVER
        self._drained_at = NEVER
        self._alone_until = NEVER
        self._next_reservation = 0.0

    @property
    def is_open(self) -> bool:
        """Return True if a new conversion may start in a free slot."""
        return not self._closed and self._reservation is None

    @property
    def is_closed(self) -> bool:
        """Return True if the worker stops."""
        return self._closed

    @property
    def can_pause_for_others(self) -> bool:
        """Return True if all slots are taken, and something new may start in one of them."""
        return self.is_open and self._taken >= self.count

    @property
    def is_alone(self) -> bool:
        """Return True if one slot is taken and no conversion is paused."""
        return self._taken == 1 and self._paused == 0

    @property
    def yield_by(self) -> float:
        """Return the monotonic time by which what runs must end, or `NEVER`.

        A reservation or a stop sets it.
        """
        return min(self._yield_by, self._drained_at)

    @property
    def is_turn_of_others(self) -> bool:
        """Return True until others have had as much time as the last reservation took."""
        return self._timer() < self._next_reservation

    def acquire(self) -> bool:
        """Take a free slot, and return True if there was one."""
        with self._changed:
            if not self.is_open or self._taken >= self.count:
                return False
            self._taken += 1
            return True

    def release(self) -> None:
        """Free a slot that was taken."""
        with self._changed:
            self._taken -= 1
            self._changed.notify_all()

    def count_paused(self, difference: int) -> None:
        """Add `difference` to the number of paused conversions: they need memory, but no slot."""
        with self._changed:
            self._paused += difference
            self._changed.notify_all()

    def close(self, drained_at: float = NEVER) -> None:
        """Let nothing start any more. What runs must end by `drained_at`, a monotonic time."""
        with self._changed:
            self._drained_at = drained_at
            self._closed = True
            self._changed.notify_all()

    @contextmanager
    def reserve_all(self, patience: float) -> Iterator[bool]:
        """Wait until the caller's slot is the only one taken, and let nothing start beside it.

        `yield_by` gives the others `patience` seconds to finish. Yields False if they still run
        after twice that time, if another caller has reserved all slots, or when the worker stops.
        """
        reservation, began = object(), self._timer()
        with self._changed:
            if self.is_open:
                self._reservation = reservation
                self._yield_by = began + patience
                self._changed.wait_for(lambda: self.is_alone or self._closed, 2 * patience)
                self._yield_by = NEVER
                self._alone_until = self._timer() + ALONE_AT_MOST
            granted = self._reservation is reservation and self.is_alone and not self._closed
        try:
            yield granted
        finally:
            with self._changed:
                if self._reservation is reservation:
                    self._end_reservation(self._timer() - began)

    def share_slots_if_overdue(self, prepare: Callable[[], bool]) -> None:
        """Let others start beside one that has run alone for long, if `prepare` returns True."""
        with self._changed:
            overdue = self._reservation is not None and self._timer() > self._alone_until
        if overdue and prepare():
            with self._changed:
                self._end_reservation(ALONE_AT_MOST)

    def _end_reservation(self, taken: float) -> None:
        """End it, and give the others the slots for as many seconds as it has taken."""
        self._reservation = None
        self._alone_until = NEVER
        self._next_reservation = self._timer() + taken
