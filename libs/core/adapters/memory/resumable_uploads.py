"""Keep the offset of tus uploads in the table in memory."""

from collections.abc import Collection

from libs.core.adapters.memory.table import MemoryTable
from libs.core.domain.uploads import TusState, Upload, UploadStatus, claimed_state, closed_to_parts
from libs.core.errors import OffsetMismatch, UploadLocked, UploadNotFound
from libs.core.ports.resumable_uploads import ResumableUploads


class MemoryResumableUploads(ResumableUploads):
    """Hold the table's lock from each check to its write."""

    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def claim(self, upload_id: str, owner: str, offset: int, writer: str) -> Upload:
        with self._table.lock:
            upload, state = self._open(self._table.upload(upload_id, owner))
            if state.offset != offset:
                raise OffsetMismatch(f"This upload is at byte {state.offset}, not {offset}.")
            return self._table.change(upload, tus=claimed_state(upload, writer))

    def advance(
        self, upload_id: str, state: TusState, parts: Collection[int], size: int | None = None
    ) -> Upload:
        with self._table.lock:
            upload, current = self._open(self._table.upload(upload_id))
            if current.writer != state.writer:
                raise UploadLocked("Another request writes to this upload.")
            completed = upload.completed_parts | frozenset(parts)
            return self._table.change(
                upload, tus=state, completed_parts=completed, size=size or upload.size
            )

    def _open(self, upload: Upload) -> tuple[Upload, TusState]:
        if upload.tus is None:
            raise UploadNotFound("There is no such upload. It may have expired.")
        if upload.status is not UploadStatus.UPLOADING:
            raise closed_to_parts(upload)
        return upload, upload.tus
