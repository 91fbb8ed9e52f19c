"""Define the JSON documents of the sweep."""

from typing import Annotated

from msgspec import Meta, Struct

from libs.core.web.schemas import Schema
from services.janitor.sweep_run import SweepResult


class SweepRequest(Struct, forbid_unknown_fields=True):
    """Ask for a sweep; with `dry_run` it counts what it would do, and does nothing."""

    dry_run: bool = False


class SweepFailureSchema(Schema):
    """Name what could not be removed: by the id of its item, or the step that failed."""

    id: Annotated[
        str,
        Meta(
            description="of an upload or conversion; or the step `expired`, `uploads/`, `outputs/`"
        ),
    ]
    reason: str


class SweepResultSchema(Schema):
    """Count what a sweep did; `complete` is false where it stopped at its time limit.

    `foreign_objects` counts what lies under our prefixes without an id of ours. It is kept.
    `unreadable_items` counts removed items that only another version of the service can read.
    """

    expired_uploads: int
    expired_conversions: int
    erased_objects: int
    erased_bytes: int
    aborted_multipart_uploads: int
    foreign_objects: int
    unreadable_items: int
    failed: list[SweepFailureSchema]
    dry_run: bool
    complete: bool
    took_seconds: float

    @classmethod
    def of(cls, result: SweepResult) -> "SweepResultSchema":
        """Return the document of a sweep."""
        return cls(
            expired_uploads=result.expired_uploads,
            expired_conversions=result.expired_conversions,
            erased_objects=result.deleted.objects,
            erased_bytes=result.deleted.bytes,
            aborted_multipart_uploads=result.deleted.multipart_uploads,
            foreign_objects=result.foreign,
            unreadable_items=result.unreadable,
            failed=[
                SweepFailureSchema(id=failed.id, reason=failed.reason)
                for failed in result.deleted.failed
            ],
            dry_run=result.dry_run,
            complete=result.complete,
            took_seconds=result.took_seconds,
        )
