"""Keep the platform from stopping a process that converts."""

import time
from collections.abc import Callable
from threading import Event as StopEvent

from libs.core.ports.task_protection import TaskProtection

PROTECTION_MINUTES = 30
"""Length of one protection. A process that dies protected delays a deployment by at most this."""

RENEW_AFTER = PROTECTION_MINUTES * 60 / 2
"""Seconds after which a protection is extended while conversions run."""

CHECK_EVERY = 1.0
"""Seconds between two checks. A task that is stopped in this gap loses an attempt, not a file."""


class ProtectWhileConverting:
    """Protect the process while conversions run, and no longer."""

    def __init__(
        self,
        protection: TaskProtection,
        is_busy: Callable[[], bool],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._protection = protection
        self._is_busy = is_busy
        self._timer = timer
        self._protected_at: float | None = None

    def __call__(self, _stop: StopEvent) -> None:
        """Bring the protection into line with the work. Raises StorageUnavailable."""
        now, since = self._timer(), self._protected_at
        if self._is_busy():
            if since is None or now - since >= RENEW_AFTER:
                self._protection.protect(PROTECTION_MINUTES)
                self._protected_at = now
        elif since is not None:
            self._protection.release()
            self._protected_at = None
