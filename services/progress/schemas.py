"""Define the JSON documents of progress."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from libs.core.domain.ids import Kind
from libs.core.domain.progress import Progress
from libs.core.web.schemas import (
    FailureSchema,
    Percent,
    Schema,
    Timestamp,
    rfc3339,
    unless_none,
)


class ProgressSchema(Schema, kw_only=True):
    """Describe the progress of an upload or a conversion."""

    id: str
    kind: Kind
    status: str
    phase: str
    percent: Percent
    eta_seconds: float | UnsetType = UNSET
    speed: Annotated[float, Meta(description="seconds of audio a second")] | UnsetType = UNSET
    uploaded_bytes: int | UnsetType = UNSET
    size: Annotated[int, Meta(description="bytes")] | UnsetType = UNSET
    completed_parts: Annotated[int, Meta(description="their number")] | UnsetType = UNSET
    part_count: int | UnsetType = UNSET
    queue_position: int | UnsetType = UNSET
    error: FailureSchema | UnsetType = UNSET
    version: int
    updated_at: Timestamp

    @classmethod
    def of(cls, progress: Progress) -> "ProgressSchema":
        """Return the document of a progress."""
        return cls(
            id=progress.id,
            kind=progress.kind,
            status=str(progress.status),
            phase=str(progress.phase),
            percent=progress.percent,
            eta_seconds=unless_none(progress.eta_seconds),
            speed=unless_none(progress.speed),
            uploaded_bytes=unless_none(progress.uploaded_bytes),
            size=unless_none(progress.size),
            completed_parts=unless_none(progress.completed_parts),
            part_count=unless_none(progress.part_count),
            queue_position=unless_none(progress.queue_position),
            error=FailureSchema.of(progress.error),
            version=progress.version,
            updated_at=rfc3339(progress.updated_at),
        )


class EventSchema(Schema):
    """Describe a server-sent event; `data` is a Progress or a Removed, as text."""

    event: Literal["progress", "removed"]
    id: Annotated[str, Meta(description="<item>:<version>")]
    data: str


class RemovedSchema(Schema):
    """Say that an item is gone; the data of the event `removed`."""

    id: str
    kind: Kind
