"""ConversionStore and ConversionQueue on the table."""

from dataclasses import replace

from boto3.dynamodb.conditions import Attr

from libs.core.adapters.aws.dynamodb.codec import (
    decode_conversion,
    decode_upload,
    encode_conversion,
    open_kind,
    to_plain,
)
from libs.core.adapters.aws.dynamodb.pagination import list_by_owner
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import Conflict, Update
from libs.core.adapters.aws.uploads import closed, not_found
from libs.core.domain.conversions import Conversion, ConversionStatus, Phase
from libs.core.domain.uploads import Upload, UploadStatus
from libs.core.errors import ConversionFinished, ConversionNotFound, StorageUnavailable
from libs.core.ports.conversions import ConversionPage, ConversionStore

ACTIVE = Attr("status").is_in([ConversionStatus.QUEUED, ConversionStatus.CONVERTING])

ENDED = ("open_kind", "lease_until", "worker", "output_upload", "eta_seconds")
"""Attributes that a terminal state takes away."""

PLACES = {UploadStatus.UPLOADING: Phase.WAITING, UploadStatus.UPLOADED: Phase.QUEUED}


class DynamoDbConversionStore(ConversionStore):
    """One item a conversion. Its `phase` becoming `queued` is what the stream's filter tells the workers."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def create(self, conversion: Conversion, upload: Upload) -> Conversion:
        for _ in range(3):
            if upload.status not in PLACES:
                raise closed(upload)
            placed = replace(conversion, phase=PLACES[upload.status])
            try:
                self._table.write_together(
                    [encode_conversion(placed)], {upload.id: self._joining(placed, upload)}
                )
            except Conflict as conflict:
                if conflict.item and conflict.item["pk"] == conversion.id:
                    return decode_conversion(conflict.item)
                # The upload arrived, or went, since it was read: what it is now decides.
                upload = self._upload_now(upload)
            else:
                return placed
        raise StorageUnavailable(
            "This upload is changing too fast. Please try again.", retry_after=1
        )

    def _joining(self, conversion: Conversion, upload: Upload) -> Update:
        until = max(upload.expires_at, conversion.expires_at)
        as_read = Attr("owner").eq(conversion.owner) & Attr("status").eq(upload.status)
        return Update(
            # Another conversion may have prolonged the upload since it was read.
            as_read & Attr("expires_at").lte(until) & self._table.live(),
            set={"updated_at": to_plain(self._table.now()), "expires_at": until},
            append={"conversions": [conversion.id]},
        )

    def _upload_now(self, upload: Upload) -> Upload:
        item = self._table.get_live(upload.id)
        if item is None or item["owner"] != upload.owner:
            raise not_found()
        return decode_upload(item)

    def get(self, conversion_id: str, owner: str | None = None) -> Conversion:
        item = self._table.get_live(conversion_id)
        if item is None or owner not in (None, item["owner"]):
            raise _no_conversion()
        return decode_conversion(item)

    def list(self, owner: str, limit: int, cursor: str | None = None) -> ConversionPage:
        items, following = list_by_owner(self._table, owner, "conversion", limit, cursor)
        return ConversionPage([decode_conversion(item) for item in items], following)

    def queue(self, conversion_id: str) -> None:
        waiting = (
            Attr("phase").eq(Phase.WAITING)
            & Attr("status").eq(ConversionStatus.QUEUED)
            & self._table.live()
        )
        queued = {
            "phase": Phase.QUEUED,
            "open_kind": open_kind(Phase.QUEUED),
            "updated_at": to_plain(self._table.now()),
        }
        try:
            self._table.update(conversion_id, Update(waiting, set=queued))
        except Conflict:
            return

    def cancel(self, conversion_id: str, owner: str) -> Conversion:
        now = to_plain(self._table.now())
        cancelled = {
            "status": ConversionStatus.CANCELLED,
            "phase": Phase.DONE,
            "updated_at": now,
            "finished_at": now,
        }
        change = Update(
            ACTIVE & Attr("owner").eq(owner) & self._table.live(), set=cancelled, remove=ENDED
        )
        try:
            return decode_conversion(self._table.update(conversion_id, change))
        except Conflict as conflict:
            item = conflict.item
            if item is None or item["owner"] != owner or item["expires_at"] <= self._table.now():
                raise _no_conversion() from conflict
            if item["status"] != ConversionStatus.CANCELLED:
                raise ConversionFinished(
                    f"This conversion is {item['status']} already."
                ) from conflict
            return decode_conversion(item)

    def remove(self, conversion_id: str, owner: str) -> Conversion:
        try:
            return decode_conversion(
                self._table.delete(conversion_id, Attr("owner").eq(owner) & self._table.live())
            )
        except Conflict as conflict:
            raise _no_conversion() from conflict


def _no_conversion() -> ConversionNotFound:
    return ConversionNotFound("There is no such conversion. It may have expired, or been deleted.")
