"""Sweep by the service's own timer: one janitor of many, once in each interval."""

import time
from collections.abc import Callable

from libs.core.ports.named_leases import NamedLeases
from services.janitor.sweep import Sweep
from services.janitor.sweep_run import SweepResult

LEASE_NAME = "sweep"

MARGIN = 30.0
"""Seconds that a sweep may take beyond its limit, until its last calls have ended."""

SHARE = 0.9
"""Fraction of the interval after which the next sweep is due. Less than one, so that a timer that
fires a moment early does not skip a whole interval."""


class SweepWhenDue:
    """Sweep, unless a janitor is sweeping or has swept in this interval."""

    def __init__(
        self,
        sweep: Sweep,
        leases: NamedLeases,
        holder: str,
        every: float,
        limit: float,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set the shortest time between the beginnings of two sweeps: 0.9 × `every`, in seconds."""
        self._sweep = sweep
        self._leases = leases
        self._holder = holder
        self._interval = every * SHARE
        self._longest = limit + MARGIN
        self._timer = timer

    def __call__(self) -> SweepResult | None:
        """Return the result, or None if the sweep is not due. Raises StorageUnavailable.

        If the process dies while it sweeps, the next sweep is due when the lease has ended.
        """
        began = self._timer()
        if not self._leases.acquire(LEASE_NAME, self._holder, max(self._interval, self._longest)):
            return None
        try:
            result = self._sweep()
        except Exception:
            self._leases.release(LEASE_NAME, self._holder)
            raise
        left = max(0.0, self._interval - (self._timer() - began))
        self._leases.acquire(LEASE_NAME, self._holder, left)
        return result
