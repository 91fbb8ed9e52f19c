"""Store conversions in DynamoDB."""

from collections.abc import Sequence
from dataclasses import replace

from boto3.dynamodb.conditions import Attr

from libs.core.adapters.aws.dynamodb.attributes import DecodeError, log_unreadable
from libs.core.adapters.aws.dynamodb.decoding import decode_conversion, decode_readable
from libs.core.adapters.aws.dynamodb.encoding import (
    LOSS_MEANING,
    encode_conversion,
    open_kind,
    to_dynamodb,
)
from libs.core.adapters.aws.dynamodb.pagination import list_by_owner
from libs.core.adapters.aws.dynamodb.table import Table
from libs.core.adapters.aws.dynamodb.updates import ConditionFailed, RawItem, Update
from libs.core.adapters.aws.uploads import read_upload, upload_not_found
from libs.core.domain.conversions import Conversion, ConversionStatus, Phase, already_ended
from libs.core.domain.uploads import (
    MAX_CONVERSIONS,
    Upload,
    UploadStatus,
    closed_to_conversions,
    too_many_conversions,
)
from libs.core.errors import ConversionNotFound, StorageUnavailable
from libs.core.ports.conversions import ConversionPage, ConversionStore

ACTIVE = Attr("status").is_in([ConversionStatus.QUEUED, ConversionStatus.CONVERTING])

ACTIVE_ATTRIBUTES = (
    "open_kind",
    "lease_until",
    "worker",
    LOSS_MEANING,
    "output_upload",
    "eta_seconds",
    "blamed",
)
"""Attributes that are removed when a conversion gets a terminal status."""

INITIAL_PHASES = {UploadStatus.UPLOADING: Phase.WAITING, UploadStatus.UPLOADED: Phase.QUEUED}


class DynamoDbConversionStore(ConversionStore):
    """Keep each conversion in one item.

    The topic's filter passes a record whose `phase` is `queued` to the workers' inbox.
    """

    def __init__(self, table: Table) -> None:
        self._table = table.of_kind("conversion")
        self._uploads = table.of_kind("upload")

    def create(self, conversion: Conversion, upload: Upload) -> Conversion:
        for _ in range(3):
            if upload.status not in INITIAL_PHASES:
                raise closed_to_conversions()
            written = replace(conversion, phase=INITIAL_PHASES[upload.status])
            try:
                self._table.write_together(
                    [encode_conversion(written)],
                    {upload.id: self._add_to_upload(written, upload)},
                )
            except ConditionFailed as conflict:
                if conflict.item and conflict.item["pk"] == conversion.id:
                    return read_conversion(conflict.item)
                # The upload is full, or has changed since it was read: its new status decides.
                upload = self._read_upload(upload)
                if upload.status in INITIAL_PHASES and len(upload.conversions) >= MAX_CONVERSIONS:
                    raise too_many_conversions() from conflict
            else:
                return written
        raise StorageUnavailable(
            "This upload is being changed right now. Please try again.", retry_after=1
        )

    def _add_to_upload(self, conversion: Conversion, upload: Upload) -> Update:
        until = max(upload.expires_at, conversion.expires_at)
        as_read = Attr("owner").eq(conversion.owner) & Attr("status").eq(upload.status)
        has_room = Attr("conversions").size().lt(MAX_CONVERSIONS)
        return Update(
            # If another conversion has extended the expiry since the upload was read, this fails,
            # and `create` reads the upload again.
            as_read & has_room & Attr("expires_at").lte(until) & self._table.live(),
            set={"updated_at": to_dynamodb(self._table.now()), "expires_at": until},
            append={"conversions": [conversion.id]},
        )

    def _read_upload(self, upload: Upload) -> Upload:
        item = self._uploads.get_live(upload.id)
        if item is None or item.get("owner") != upload.owner:
            raise upload_not_found()
        return read_upload(item)

    def get(
        self, conversion_id: str, owner: str | None = None, paths: Sequence[str] = ()
    ) -> Conversion:
        """Return the conversion. With `paths`, only these attributes of its item are read."""
        item = self._table.get_live(conversion_id, paths)
        if item is None or (owner is not None and owner != item.get("owner")):
            raise _not_found()
        return read_conversion(item)

    def list(self, owner: str, limit: int, cursor: str | None = None) -> ConversionPage:
        items, following = list_by_owner(self._table, owner, "conversion", limit, cursor)
        return ConversionPage(list(decode_readable(decode_conversion, items)), following)

    def queue(self, conversion_id: str) -> None:
        waiting = (
            Attr("phase").eq(Phase.WAITING)
            & Attr("status").eq(ConversionStatus.QUEUED)
            & self._table.live()
        )
        queued = {
            "phase": Phase.QUEUED,
            "open_kind": open_kind(Phase.QUEUED),
            "updated_at": to_dynamodb(self._table.now()),
        }
        try:
            self._table.update(conversion_id, Update(waiting, set=queued))
        except ConditionFailed:
            return

    def cancel(self, conversion_id: str, owner: str) -> Conversion:
        now = to_dynamodb(self._table.now())
        cancelled = {
            "status": ConversionStatus.CANCELLED,
            "phase": Phase.DONE,
            "updated_at": now,
            "finished_at": now,
        }
        change = Update(
            ACTIVE & Attr("owner").eq(owner) & self._table.live(),
            set=cancelled,
            remove=ACTIVE_ATTRIBUTES,
        )
        try:
            return read_conversion(self._table.update(conversion_id, change))
        except ConditionFailed as conflict:
            item = conflict.item
            if item is None or item.get("owner") != owner or not self._table.is_live(item):
                raise _not_found() from conflict
            if item.get("status") != ConversionStatus.CANCELLED:
                raise already_ended(str(item.get("status"))) from conflict
            return read_conversion(item)

    def remove(self, conversion_id: str, owner: str) -> Conversion:
        try:
            return read_conversion(
                self._table.delete(conversion_id, Attr("owner").eq(owner) & self._table.live())
            )
        except ConditionFailed as conflict:
            raise _not_found() from conflict


def read_conversion(item: RawItem) -> Conversion:
    """Decode a conversion. One that this version cannot read counts as absent."""
    try:
        return decode_conversion(item)
    except DecodeError as error:
        log_unreadable(error)
        raise _not_found() from error


def _not_found() -> ConversionNotFound:
    return ConversionNotFound("There is no such conversion. It may have expired or been deleted.")
