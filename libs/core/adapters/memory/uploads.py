"""Store uploads in memory."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.conversions import Conversion
from libs.core.domain.progress import Item
from libs.core.domain.uploads import Failure, Upload, UploadStatus, closed_to_parts
from libs.core.ports.uploads import IdTaken, UploadPage, UploadStore


class MemoryUploadStore(UploadStore):
    """Hold the table's lock from check to write in every method."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def create(self, upload: Upload, conversions: Sequence[Conversion]) -> None:
        with self._table.lock:
            new: list[Item] = [upload, *conversions]
            if any(self._table.is_live(item.id) for item in new):
                raise IdTaken("An id of this upload or its conversions is taken.")
            for item in new:
                self._table.insert(item)

    def get(self, upload_id: str, owner: str | None = None) -> Upload:
        return self._table.upload(upload_id, owner)

    def list(self, owner: str, limit: int, cursor: str | None = None) -> UploadPage:
        return UploadPage(*self._table.page(Upload, owner, limit, cursor))

    def add_parts(self, upload_id: str, *numbers: int) -> Upload:
        with self._table.lock:
            upload = self._table.upload(upload_id)
            if upload.status is not UploadStatus.UPLOADING:
                raise closed_to_parts(upload)
            if upload.completed_parts.issuperset(numbers):
                return upload
            return self._table.change(upload, completed_parts=upload.completed_parts.union(numbers))

    def set_parts(self, upload: Upload, parts: Collection[int]) -> Upload:
        with self._table.lock:
            now = self._table.upload(upload.id)
            if (
                now.version != upload.version
                or now.status is not UploadStatus.UPLOADING
                or now.completed_parts == set(parts)
            ):
                return now
            return self._table.change(now, completed_parts=frozenset(parts))

    def set_counted_bytes(self, upload_id: str, size: int) -> Upload:
        with self._table.lock:
            upload = self._table.upload(upload_id)
            if upload.status is not UploadStatus.UPLOADING or upload.counted_bytes >= size:
                return upload
            return self._table.change(upload, counted_bytes=size)

    def mark_uploaded(self, upload_id: str, size: int | None = None) -> Upload:
        with self._table.lock:
            upload = self._table.upload(upload_id)
            if upload.status is UploadStatus.UPLOADED:
                return upload
            if upload.status is not UploadStatus.UPLOADING:
                raise closed_to_parts(upload)
            sized = replace(upload, size=upload.size or size)
            every = frozenset(range(1, (sized.part_count or 0) + 1))
            return self._table.change(sized, status=UploadStatus.UPLOADED, completed_parts=every)

    def mark_failed(self, upload_id: str, error: Failure) -> Upload:
        with self._table.lock:
            upload = self._table.upload(upload_id)
            if upload.status is not UploadStatus.UPLOADING:
                return upload
            return self._table.change(upload, status=UploadStatus.FAILED, error=error)

    def remove(self, upload_id: str, owner: str) -> Upload:
        with self._table.lock:
            upload = self._table.upload(upload_id, owner)
            self._table.delete(upload_id)
            return upload
