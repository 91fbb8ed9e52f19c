"""Release or excuse attempts whose end could not be written, as soon as the table answers."""

import threading

import structlog

from libs.core.domain.conversions import Conversion
from libs.core.errors import LeaseLost, StorageUnavailable
from libs.core.ports.leases import ConversionLeases

log = structlog.get_logger(__name__)


class UnfinishedAttempts:
    """Keep attempts whose end could not be written, until the table knows of it. Thread-safe.

    The end of an attempt cannot be written while the table does not answer, or if the attempt has
    lost its lease. As soon as the table answers, there are three cases. If nobody has changed the
    conversion, the attempt is released, and the conversion runs again: a result that could not be
    written is lost. If another worker has taken the conversion over, the attempt is excused: the
    file has not killed this worker. If the conversion has ended or is gone, nothing is done.
    """

    def __init__(self, leases: ConversionLeases) -> None:
        self._leases = leases
        self._lock = threading.Lock()
        self._attempts: list[Conversion] = []

    def add(self, conversion: Conversion) -> None:
        """Remember the attempt of a conversion, which may still hold its lease."""
        with self._lock:
            self._attempts.append(conversion)

    def settle(self) -> None:
        """Release or excuse all of them, as far as the table answers."""
        with self._lock:
            attempts, self._attempts = self._attempts, []
        try:
            while attempts:
                conversion = attempts.pop()
                try:
                    self._settle(conversion)
                except StorageUnavailable:
                    attempts.append(conversion)
                    return
        finally:
            with self._lock:
                self._attempts += attempts

    def _settle(self, conversion: Conversion) -> None:
        try:
            self._leases.release(conversion)
        except LeaseLost:
            self._leases.excuse(conversion)
        else:
            log.info("conversion.released", conversion=conversion.id, reason="late")
