"""Keep the conversions that this process has claimed, and mark what the loss of each would mean."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from libs.core.domain.conversions import Conversion, LossMeaning
from libs.core.errors import LeaseLost, StorageUnavailable
from libs.core.ports.leases import ConversionLeases

log = structlog.get_logger(__name__)


class ClaimedConversions:
    """Hold the conversions whose attempts run in this process. Thread-safe."""

    def __init__(self, leases: ConversionLeases) -> None:
        self._leases = leases
        self._held: list[Conversion] = []
        self._lock = threading.Lock()
        self._is_leaving = False

    def leave(self) -> None:
        """Mark all attempts, present and future, as those of a worker that was told to stop."""
        self._is_leaving = True
        self.mark(LossMeaning.LEAVING)

    def by_id(self) -> dict[str, Conversion]:
        """Return the claimed conversions by their ids, as they were claimed."""
        with self._lock:
            return {conversion.id: conversion for conversion in self._held}

    def mark(self, loss_meaning: LossMeaning, conversion_id: str | None = None) -> bool:
        """Store what the loss of one or all attempts would mean; return True if all were stored."""
        with self._lock:
            held = [c for c in self._held if conversion_id in (None, c.id)]
        stored = 0
        for conversion in held:
            try:
                self._leases.set_loss_meaning(conversion, loss_meaning)
                stored += 1
            except (LeaseLost, StorageUnavailable) as error:
                log.info("conversion.not_marked", conversion=conversion.id, reason=error.code)
        return stored == len(held)

    @contextmanager
    def holding(self, conversion: Conversion) -> Iterator[None]:
        """Count a conversion as claimed while its attempt runs.

        An attempt that has lost its lease may still run when the next attempt at the same
        conversion has begun in this process, so one conversion may be held twice.
        """
        with self._lock:
            self._held.append(conversion)
        try:
            if self._is_leaving:
                self.mark(LossMeaning.LEAVING)
            yield
        finally:
            with self._lock:
                self._held.remove(conversion)
