"""Progress: the one view of an upload or a conversion that polls and event streams show."""

from dataclasses import dataclass

from libs.core.domain.conversions import Conversion
from libs.core.domain.ids import Kind
from libs.core.domain.uploads import Failure, Upload, UploadStatus

Thing = Upload | Conversion


@dataclass(frozen=True)
class Progress:
    """How far a thing is. What does not apply to its kind, or is not known, is None."""

    id: str
    kind: Kind
    status: str
    phase: str
    percent: float
    version: int
    updated_at: float
    terminal: bool
    eta_seconds: float | None = None
    speed: float | None = None
    uploaded_bytes: int | None = None
    size: int | None = None
    completed_parts: int | None = None
    part_count: int | None = None
    queue_position: int | None = None
    error: Failure | None = None
    created_at: float = 0.0
    """Tells a thing from an earlier one of the same id: a repeated request may create anew what was removed."""


def progress_of(thing: Thing, queue_position: int | None = None) -> Progress:
    """The progress of a thing; `queue_position` counts from 1 and is known only to who asked the queue."""
    if isinstance(thing, Upload):
        return Progress(
            id=thing.id,
            kind="upload",
            status=thing.status,
            phase="uploading" if thing.status is UploadStatus.UPLOADING else "done",
            percent=thing.percent,
            version=thing.version,
            updated_at=thing.updated_at,
            terminal=thing.status is not UploadStatus.UPLOADING,
            uploaded_bytes=thing.uploaded_bytes,
            size=thing.size,
            completed_parts=len(thing.completed_parts),
            part_count=thing.part_count,
            error=thing.error,
            created_at=thing.created_at,
        )
    return Progress(
        id=thing.id,
        kind="conversion",
        status=thing.status,
        phase=thing.phase,
        percent=thing.percent,
        version=thing.version,
        updated_at=thing.updated_at,
        terminal=thing.status.terminal,
        eta_seconds=thing.eta_seconds,
        speed=thing.speed,
        queue_position=queue_position,
        error=thing.error,
        created_at=thing.created_at,
    )
