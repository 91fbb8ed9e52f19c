"""Define progress: the view of an upload or conversion that polls and event streams send."""

from dataclasses import dataclass

from libs.core.domain.conversions import Conversion
from libs.core.domain.ids import Kind
from libs.core.domain.uploads import Failure, Upload, UploadStatus

Item = Upload | Conversion


@dataclass(frozen=True)
class UnreadableItem:
    """Identify an item that this version of the service cannot read, for its deletion.

    `expires_at` is in epoch seconds, 0 if unknown.
    """

    id: str
    expires_at: int


StoredItem = Item | UnreadableItem


@dataclass(frozen=True)
class Progress:
    """Describe how far an item is. Members that do not apply, or are unknown, are None."""

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
    """Epoch seconds. A repeated request may create a removed item again under the same id: this
    tells the two apart."""


def progress_of(item: Item, queue_position: int | None = None) -> Progress:
    """Return the progress of an item. `queue_position` counts from 1."""
    if isinstance(item, Upload):
        return Progress(
            id=item.id,
            kind="upload",
            status=item.status,
            phase="done" if item.status.is_terminal else UploadStatus.UPLOADING,
            percent=item.percent,
            version=item.version,
            updated_at=item.updated_at,
            terminal=item.status.is_terminal,
            uploaded_bytes=item.uploaded_bytes,
            size=item.size,
            completed_parts=len(item.completed_parts),
            part_count=item.part_count,
            error=item.error,
            created_at=item.created_at,
        )
    return Progress(
        id=item.id,
        kind="conversion",
        status=item.status,
        phase=item.phase,
        percent=item.percent,
        version=item.version,
        updated_at=item.updated_at,
        terminal=item.status.is_terminal,
        eta_seconds=item.eta_seconds,
        speed=item.speed,
        queue_position=queue_position,
        error=item.error,
        created_at=item.created_at,
    )
