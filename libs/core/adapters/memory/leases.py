"""Grant leases in memory."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from libs.core.adapters.memory.conversions import finish
from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.conversions import (
    Conversion,
    ConversionStatus,
    ConversionWarning,
    LossMeaning,
    Output,
    Phase,
    Source,
    changes_by_loss,
)
from libs.core.domain.uploads import Failure
from libs.core.errors import ConversionNotFound, LeaseLost
from libs.core.ports.leases import ConversionLeases, ProgressReport


class MemoryConversionLeases(ConversionLeases):
    """Hold the table's lock from check to write in every method."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def claim(
        self,
        conversion_id: str,
        worker: str,
        lease: float,  # noqa: ARG002 -- nobody compares wall clocks here
        takeover_version: int | None = None,
        *,
        alone: bool = False,
    ) -> Conversion | None:
        with self._table.lock:
            try:
                conversion = self._table.conversion(conversion_id)
            except ConversionNotFound:
                return None
            if conversion.unsupported or not _is_claimable(conversion, takeover_version):
                return None
            if conversion.must_run_alone and not alone:
                return None
            return self._table.change(
                replace(conversion, **changes_by_loss(conversion)),
                status=ConversionStatus.CONVERTING,
                phase=Phase.PROBING,
                attempts=conversion.attempts + 1,
                worker=worker,
                loss_meaning=LossMeaning.ALONE if alone else LossMeaning.SHARED,
                started_at=conversion.started_at or self._table.clock(),
            )

    def report(
        self,
        conversion: Conversion,
        report: ProgressReport,
        lease: float,  # noqa: ARG002 -- the write itself renews the lease
    ) -> None:
        with self._table.lock:
            held = self._held(conversion)
            values = {
                "phase": max(report.phase, held.phase, key=lambda phase: phase.rank),
                "percent": max(report.percent, held.percent),
                "speed": report.speed,
                "eta_seconds": report.eta_seconds,
                "source": report.source,
                "output_upload": report.output_upload,
                "warnings": report.warnings or None,
            }
            changes: dict[str, Any] = {
                name: value for name, value in values.items() if value is not None
            }
            self._table.change(held, **changes)

    def publish(
        self,
        conversion: Conversion,
        output: Output,
        warnings: Sequence[ConversionWarning],
        source: Source | None = None,
    ) -> Conversion:
        with self._table.lock:
            held = self._held(conversion, ConversionStatus.COMPLETED)
            if held.status is ConversionStatus.COMPLETED:
                return held
            changes = {
                "percent": 100.0,
                "output": output,
                "warnings": tuple(warning.detail for warning in warnings),
                "warning_details": tuple(warnings),
                "source": source or held.source,
            }
            return finish(self._table, held, ConversionStatus.COMPLETED, **changes)

    def fail(self, conversion: Conversion, error: Failure) -> Conversion:
        with self._table.lock:
            held = self._held(conversion, ConversionStatus.FAILED)
            if held.status is ConversionStatus.FAILED:
                return held
            return finish(self._table, held, ConversionStatus.FAILED, error=error)

    def set_loss_meaning(self, conversion: Conversion, loss_meaning: LossMeaning) -> None:
        with self._table.lock:
            self._table.change(self._held(conversion), loss_meaning=loss_meaning)

    def release(self, conversion: Conversion, *, yielded: bool = False) -> None:
        with self._table.lock:
            held = self._held(conversion, ConversionStatus.QUEUED)
            if held.status is ConversionStatus.QUEUED:
                return
            self._table.change(
                held,
                status=ConversionStatus.QUEUED,
                phase=Phase.QUEUED,
                unblamed_count=held.unblamed_count + 1,
                yielded=held.yielded + yielded,
                worker=None,
                loss_meaning=None,
                eta_seconds=None,
            )

    def excuse(self, conversion: Conversion) -> None:
        with self._table.lock, suppress(ConversionNotFound):
            now = self._table.conversion(conversion.id)
            if conversion.attempts in now.blamed and not now.status.is_terminal:
                blamed = now.blamed - {conversion.attempts}
                self._table.change(now, unblamed_count=now.unblamed_count + 1, blamed=blamed)

    def _held(
        self, conversion: Conversion, reached: ConversionStatus = ConversionStatus.CONVERTING
    ) -> Conversion:
        """Return the stored conversion if it is still in that attempt. Raises LeaseLost.

        It may have reached the status `reached` already, by an earlier call of the same attempt.
        """
        try:
            now = self._table.conversion(conversion.id)
        except ConversionNotFound:
            raise LeaseLost("The conversion does not exist.") from None
        if (
            now.status not in (ConversionStatus.CONVERTING, reached)
            or now.attempts != conversion.attempts
        ):
            raise LeaseLost(f"The conversion is {now.status} in attempt {now.attempts}.")
        return now


def _is_claimable(conversion: Conversion, takeover_version: int | None) -> bool:
    if conversion.status is ConversionStatus.CONVERTING:
        return conversion.version == takeover_version
    return conversion.status is ConversionStatus.QUEUED and conversion.phase is Phase.QUEUED
