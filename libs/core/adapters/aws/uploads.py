"""Store uploads in DynamoDB."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from boto3.dynamodb.conditions import Attr

from libs.core.adapters.aws.dynamodb.attributes import DecodeError, log_unreadable
from libs.core.adapters.aws.dynamodb.decoding import decode_readable, decode_upload
from libs.core.adapters.aws.dynamodb.encoding import (
    encode_conversion,
    encode_fields,
    encode_upload,
    to_dynamodb,
)
from libs.core.adapters.aws.dynamodb.pagination import list_by_owner
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import ConditionFailed, RawItem, Update
from libs.core.domain.conversions import Conversion
from libs.core.domain.uploads import Failure, Upload, UploadStatus, closed_to_parts
from libs.core.errors import UploadNotFound
from libs.core.ports.uploads import IdTaken, UploadPage, UploadStore

UPLOADING = Attr("status").eq(UploadStatus.UPLOADING)


class DynamoDbUploadStore(UploadStore):
    """Keep each upload in one item.

    `completed_parts` is a set of numbers in DynamoDB, so parts can be added at once without a read
    before each write.
    """

    def __init__(self, table: Table) -> None:
        self._table = table.of_kind("upload")

    def create(self, upload: Upload, conversions: Sequence[Conversion]) -> None:
        try:
            self._table.write_together(
                [encode_upload(upload), *map(encode_conversion, conversions)]
            )
        except ConditionFailed as conflict:
            raise IdTaken("An id of this upload or its conversions is taken.") from conflict

    def get(self, upload_id: str, owner: str | None = None, paths: Sequence[str] = ()) -> Upload:
        """Return the upload. With `paths`, only these attributes of its item are read."""
        item = self._table.get_live(upload_id, paths)
        if item is None or (owner is not None and owner != item.get("owner")):
            raise upload_not_found()
        return read_upload(item)

    def list(self, owner: str, limit: int, cursor: str | None = None) -> UploadPage:
        items, following = list_by_owner(self._table, owner, "upload", limit, cursor)
        return UploadPage(list(decode_readable(decode_upload, items)), following)

    def add_parts(self, upload_id: str, *numbers: int) -> Upload:
        change = Update(
            UPLOADING & self._table.live(),
            set=self._timestamp(),
            add={"completed_parts": set(numbers)},
        )
        try:
            return read_upload(self._table.update(upload_id, change))
        except ConditionFailed as conflict:
            raise closed_to_parts(self._current(conflict)) from conflict

    def set_parts(self, upload: Upload, parts: Collection[int]) -> Upload:
        unchanged = Attr("version").eq(upload.version) & UPLOADING & self._table.live()
        # DynamoDB has no empty sets, so the attribute is removed instead.
        sets = {"completed_parts": set(parts)} if parts else {}
        change = Update(
            unchanged, set=self._timestamp() | sets, remove=() if parts else ("completed_parts",)
        )
        try:
            return read_upload(self._table.update(upload.id, change))
        except ConditionFailed as conflict:
            return self._current(conflict)

    def set_counted_bytes(self, upload_id: str, size: int) -> Upload:
        counted = Attr("counted_bytes")
        fewer = counted.not_exists() | counted.lt(size)
        change = Update(
            UPLOADING & self._table.live() & fewer, set=self._timestamp() | {"counted_bytes": size}
        )
        try:
            return read_upload(self._table.update(upload_id, change))
        except ConditionFailed as conflict:
            return self._current(conflict)

    def mark_uploaded(self, upload_id: str, size: int | None = None) -> Upload:
        upload = self.get(upload_id)
        upload = replace(upload, size=upload.size or size)
        done = {
            "status": UploadStatus.UPLOADED,
            "completed_parts": set(range(1, (upload.part_count or 0) + 1)),
            "size": upload.size,
        }
        change = Update(
            UPLOADING & self._table.live(), set=self._timestamp() | done, remove=("open_kind",)
        )
        try:
            return read_upload(self._table.update(upload_id, change))
        except ConditionFailed as conflict:
            current = self._current(conflict)
            if current.status is not UploadStatus.UPLOADED:
                raise closed_to_parts(current) from conflict
            return current

    def mark_failed(self, upload_id: str, error: Failure) -> Upload:
        failed = {"status": UploadStatus.FAILED, "error": encode_fields(error)}
        change = Update(
            UPLOADING & self._table.live(), set=self._timestamp() | failed, remove=("open_kind",)
        )
        try:
            return read_upload(self._table.update(upload_id, change))
        except ConditionFailed as conflict:
            return self._current(conflict)

    def remove(self, upload_id: str, owner: str) -> Upload:
        try:
            return read_upload(
                self._table.delete(upload_id, Attr("owner").eq(owner) & self._table.live())
            )
        except ConditionFailed as conflict:
            raise upload_not_found() from conflict

    def _timestamp(self) -> dict[str, object]:
        return {"updated_at": to_dynamodb(self._table.now())}

    def _current(self, conflict: ConditionFailed) -> Upload:
        """Return the upload whose state made a write fail. Raises UploadNotFound."""
        if conflict.item is None or not self._table.is_live(conflict.item):
            raise upload_not_found() from conflict
        return read_upload(conflict.item)


def read_upload(item: RawItem) -> Upload:
    """Decode an upload. One that this version cannot read counts as absent."""
    try:
        return decode_upload(item)
    except DecodeError as error:
        log_unreadable(error)
        raise upload_not_found() from error


def upload_not_found() -> UploadNotFound:
    return UploadNotFound("There is no such upload. It may have expired or been deleted.")
