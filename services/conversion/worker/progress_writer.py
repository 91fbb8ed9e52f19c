"""Write the progress of a running attempt, which also renews its lease."""

import time
from collections.abc import Callable

from libs.core.domain.conversions import Conversion, OutputUpload, Phase, Source
from libs.core.errors import StorageUnavailable
from libs.core.ports.leases import ConversionLeases, ProgressReport
from services.conversion.ports import EngineProgress
from services.conversion.worker.heartbeat import Heartbeat

REPORT_EVERY = 1.0
"""Seconds between two writes. Trade-off: write cost against the delay until a cancellation is
detected."""

LEAST_LEFT = 0.1
"""Seconds left that the heartbeat is told in place of 0 until the conversion is being stored, since
0 means that it is. The engine's estimate is 0 already at the end of the duration that a header
states, and may stay so for hours."""


class ProgressWriter:
    """Turn the engine's many progress reports into one write a second.

    One write stores progress, renews the lease and detects a cancellation. Progress is dropped
    while the table does not answer; a lease that cannot be renewed is given up before it ends.
    """

    def __init__(
        self,
        conversion: Conversion,
        leases: ConversionLeases,
        lease: float,
        heartbeat: Heartbeat,
        claimed_at: float,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Hold a lease of `lease` seconds, which was requested at `claimed_at` on the `timer`."""
        self._conversion = conversion
        self._leases = leases
        self._lease = lease
        self._heartbeat = heartbeat
        self._timer = timer
        self._held_until = claimed_at + lease
        # The claim has just written all that is known.
        self._next = timer() + REPORT_EVERY
        self._output_upload: OutputUpload | None = None
        self.source: Source | None = None

    def on_output_upload(self, output_upload: OutputUpload) -> None:
        """Put the multipart upload on the item with the next report, which is due at once.

        The next attempt uses it to find the stored parts, even if this attempt ends a moment later.
        """
        self._output_upload = output_upload
        self._next = 0.0

    def on_progress(self, progress: EngineProgress) -> None:
        """Write progress if a write is due.

        Raises:
            LeaseLost: The conversion is no longer this attempt's.
            ReleaseRequested: The conversion must go back to the queue, because the worker stops or
                needs the slot.
            StorageUnavailable: The lease ends before another write could renew it.
        """
        self.source = progress.source or self.source
        now = self._timer()
        if now < self._next:
            return
        self._next = now + REPORT_EVERY
        report = ProgressReport(
            Phase(progress.phase),
            progress.percent,
            progress.speed,
            progress.eta_seconds,
            self.source,
            self._output_upload,
        )
        try:
            self._leases.report(self._conversion, report, self._lease)
            self._held_until = now + self._lease
        except StorageUnavailable:
            if self._timer() + REPORT_EVERY >= self._held_until:
                raise
        # This comes after the report, because the report stores the parts that the next attempt can
        # reuse, and the heartbeat may end this attempt. A conversion that is being stored has 0 s
        # left, and only that one.
        eta = progress.eta_seconds
        if progress.phase == Phase.STORING:
            eta = 0.0
        elif eta is not None:
            eta = max(eta, LEAST_LEFT)
        self._heartbeat(eta, is_guess=not progress.is_last_pass)
