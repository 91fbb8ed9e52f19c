"""Keep the offset of tus uploads on their items in DynamoDB."""

from collections.abc import Collection
from typing import Any

from boto3.dynamodb.conditions import Attr

from libs.core.adapters.aws.dynamodb.encoding import encode_tus
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import ConditionFailed, Update
from libs.core.adapters.aws.uploads import UPLOADING, read_upload, upload_not_found
from libs.core.domain.uploads import TusState, Upload, UploadStatus, claimed_state, closed_to_parts
from libs.core.errors import OffsetMismatch, UploadLocked
from libs.core.ports.resumable_uploads import ResumableUploads


class DynamoDbResumableUploads(ResumableUploads):
    """Store the tus state as one attribute that every write replaces."""

    def __init__(self, table: Table) -> None:
        self._table = table.of_kind("upload")

    def claim(self, upload_id: str, owner: str, offset: int, writer: str) -> Upload:
        item = self._table.get_live(upload_id)
        if item is None or item.get("owner") != owner:
            raise upload_not_found()
        upload = read_upload(item)
        while True:
            if upload.tus is None:
                raise upload_not_found()
            if upload.status is not UploadStatus.UPLOADING:
                raise closed_to_parts(upload)
            if upload.tus.offset != offset:
                raise OffsetMismatch(f"This upload is at byte {upload.tus.offset}, not {offset}.")
            # Two writers that read the same state must not get the same part number.
            unchanged = UPLOADING & self._table.live() & Attr("version").eq(upload.version)
            change = Update(unchanged, set={"tus": encode_tus(claimed_state(upload, writer))})
            try:
                return read_upload(self._table.update(upload_id, change))
            except ConditionFailed as conflict:
                upload = self._current(conflict)

    def advance(
        self, upload_id: str, state: TusState, parts: Collection[int], size: int | None = None
    ) -> Upload:
        sets: dict[str, Any] = {"tus": encode_tus(state)} | ({"size": size} if size else {})
        change = Update(
            UPLOADING & self._table.live() & Attr("tus.writer").eq(state.writer),
            set=sets,
            add={"completed_parts": set(parts)} if parts else {},
        )
        try:
            return read_upload(self._table.update(upload_id, change))
        except ConditionFailed as conflict:
            self._current(conflict)
            raise UploadLocked("Another request writes to this upload.") from conflict

    def _current(self, conflict: ConditionFailed) -> Upload:
        """Return the upload that a write failed on, if it is still open."""
        if conflict.item is None or not self._table.is_live(conflict.item):
            raise upload_not_found() from conflict
        current = read_upload(conflict.item)
        if current.status is not UploadStatus.UPLOADING:
            raise closed_to_parts(current) from conflict
        return current
