"""Store conversions in memory."""

from dataclasses import replace
from typing import Any

from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.conversions import Conversion, ConversionStatus, Phase, already_ended
from libs.core.domain.uploads import (
    MAX_CONVERSIONS,
    Upload,
    UploadStatus,
    closed_to_conversions,
    too_many_conversions,
)
from libs.core.errors import ConversionNotFound
from libs.core.ports.conversions import ConversionPage, ConversionStore


class MemoryConversionStore(ConversionStore):
    """Hold the table's lock from check to write in every method."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def create(self, conversion: Conversion, upload: Upload) -> Conversion:
        with self._table.lock:
            try:
                return self._table.conversion(conversion.id)
            except ConversionNotFound:
                return self._create(conversion, self._table.upload(upload.id))

    def get(self, conversion_id: str, owner: str | None = None) -> Conversion:
        return self._table.conversion(conversion_id, owner)

    def list(self, owner: str, limit: int, cursor: str | None = None) -> ConversionPage:
        return ConversionPage(*self._table.page(Conversion, owner, limit, cursor))

    def queue(self, conversion_id: str) -> None:
        with self._table.lock:
            try:
                conversion = self._table.conversion(conversion_id)
            except ConversionNotFound:
                return
            if conversion.phase is Phase.WAITING:
                self._table.change(conversion, phase=Phase.QUEUED)

    def cancel(self, conversion_id: str, owner: str) -> Conversion:
        with self._table.lock:
            conversion = self._table.conversion(conversion_id, owner)
            if conversion.status is ConversionStatus.CANCELLED:
                return conversion
            if conversion.status.is_terminal:
                raise already_ended(conversion.status)
            return finish(self._table, conversion, ConversionStatus.CANCELLED)

    def remove(self, conversion_id: str, owner: str) -> Conversion:
        with self._table.lock:
            conversion = self._table.conversion(conversion_id, owner)
            self._table.delete(conversion_id)
            return conversion

    def _create(self, conversion: Conversion, upload: Upload) -> Conversion:
        if upload.status in (UploadStatus.FAILED, UploadStatus.ABORTED):
            raise closed_to_conversions()
        if len(upload.conversions) >= MAX_CONVERSIONS:
            raise too_many_conversions()
        phase = Phase.QUEUED if upload.status is UploadStatus.UPLOADED else Phase.WAITING
        written = replace(conversion, phase=phase)
        self._table.insert(written)
        ids = tuple(dict.fromkeys((*upload.conversions, conversion.id)))
        self._table.change(
            upload, conversions=ids, expires_at=max(upload.expires_at, conversion.expires_at)
        )
        return written


def finish(
    table: MemoryTable, conversion: Conversion, status: ConversionStatus, **changes: Any
) -> Conversion:
    """Write a terminal state, which ends the lease."""
    return table.change(
        conversion,
        status=status,
        phase=Phase.DONE,
        finished_at=table.clock(),
        worker=None,
        loss_meaning=None,
        output_upload=None,
        eta_seconds=None,
        blamed=frozenset(),
        **changes,
    )
