"""An upload: a file on its way into S3 as a multipart upload, part by part."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import ceil

from libs.core.errors import FileEmpty, FileTooLarge, PartNumberInvalid

MIB = 1024 * 1024
GIB = 1024 * MIB

MIN_PART_SIZE = 5 * MIB
"""Bytes: S3 refuses smaller parts, but for the last."""
MAX_PART_SIZE = 5 * GIB
"""Bytes: S3 refuses larger ones."""
USUAL_PARTS = 1_000
"""ListParts answers with up to 1,000 parts a page: one call shows the whole upload."""
MAX_PARTS = 10_000
"""S3's own limit, used only where 1,000 parts of 5 GiB would not do."""


class UploadStatus(StrEnum):
    """`uploading → uploaded`, or `→ failed`, or `→ aborted`; all but the first are terminal."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    FAILED = "failed"
    ABORTED = "aborted"


@dataclass(frozen=True)
class Failure:
    """Why something failed: a stable code and a sentence that a person understands."""

    code: str
    detail: str


@dataclass(frozen=True)
class TusState:
    """Hold what only an upload by tus needs (https://tus.io/protocols/resumable-upload)."""

    offset: int = 0
    """Bytes that are stored; the next byte goes here."""
    writer: str = ""
    """Random token of the request that may append: a fencing token."""
    remainder: str = ""
    """SHA-256, in hex, of the stored bytes that do not fill a part; empty where there are none."""
    remainder_writer: str = ""
    """Token of the request that stored the remainder, which is part of its key."""
    metadata: str = ""
    """`Upload-Metadata` as the client sent it."""
    concat: str = ""
    """`Upload-Concat` as the client sent it; empty for an ordinary upload."""


@dataclass(frozen=True)
class Upload:
    """The state of one upload, as the table holds it. All sizes in bytes, all times in epoch seconds."""

    id: str
    owner: str
    filename: str
    size: int | None
    """None while the client has not said it: tus and the S3 dialect allow that."""
    content_type: str
    part_size: int
    """Frozen at creation: a later change of the settings must not shift the parts of a running upload."""
    multipart_id: str
    """S3's UploadId of the multipart upload under `key`."""
    created_at: float
    updated_at: float
    expires_at: int
    status: UploadStatus = UploadStatus.UPLOADING
    completed_parts: frozenset[int] = frozenset()
    conversions: tuple[str, ...] = ()
    error: Failure | None = None
    version: int = 1
    trace: str | None = field(default=None, compare=False)
    """W3C traceparent of the request that created it."""
    tus: TusState | None = None

    @property
    def key(self) -> str:
        """Where the bytes are in the bucket."""
        return source_key(self.id)

    @property
    def part_count(self) -> int | None:
        """Parts of the whole file; None while its size is not known."""
        return None if self.size is None else ceil(self.size / self.part_size)

    @property
    def uploaded_bytes(self) -> int:
        if self.tus is not None and self.status is UploadStatus.UPLOADING:
            return self.tus.offset
        return sum(self.size_of_part(n) for n in self.completed_parts)

    @property
    def percent(self) -> float:
        if self.status is UploadStatus.UPLOADED:
            return 100.0
        return round(100 * self.uploaded_bytes / self.size, 1) if self.size else 0.0

    @property
    def missing_parts(self) -> list[int]:
        count = self.part_count or 0
        return [n for n in range(1, count + 1) if n not in self.completed_parts]

    def size_of_part(self, number: int) -> int:
        """Bytes of part `number` (from 1). Raises PartNumberInvalid outside 1 to `part_count`."""
        count = MAX_PARTS if self.part_count is None else self.part_count
        if not 1 <= number <= count:
            raise PartNumberInvalid(
                f"Part {number} does not exist: this upload has the parts 1 to {count}.",
                part_count=count,
            )
        if self.size is None:
            return self.part_size
        return min(self.part_size, self.size - (number - 1) * self.part_size)


def upload_prefix(upload_id: str) -> str:
    """Everything of one upload lies under this prefix; the janitor erases it as a whole."""
    return f"uploads/{upload_id}/"


def source_key(upload_id: str) -> str:
    """The key of an upload's bytes."""
    return f"{upload_prefix(upload_id)}source"


def remainder_key(upload_id: str, writer: str) -> str:
    """Return the key of the bytes of a tus upload that do not fill a part."""
    return f"{upload_prefix(upload_id)}remainder-{writer}"


def upload_id_of(key: str) -> str | None:
    """The id of the upload whose bytes lie under `key`; None for a key that is not ours."""
    folder, _, rest = key.partition("/")
    upload_id, _, name = rest.partition("/")
    return upload_id if folder == "uploads" and name == "source" else None


def check_size(size: int, limit: int) -> None:
    """Raises FileEmpty or FileTooLarge."""
    if size <= 0:
        raise FileEmpty("The file is empty: there is nothing to convert.")
    if size > limit:
        raise FileTooLarge(
            f"The file is larger than the {_human(limit)} that we take.", limit=limit
        )


def choose_part_size(size: int | None, limit: int = 0) -> int:
    """Bytes of each part but the last: whole MiB, at least 5, so that there are at most 1,000 parts (5 TiB: 10,000)."""
    if size is None:  # the client will say it, or choose parts of its own
        return max(MIN_PART_SIZE, ceil(limit / MAX_PARTS / MIB) * MIB)
    parts = USUAL_PARTS if size <= USUAL_PARTS * MAX_PART_SIZE else MAX_PARTS
    return max(MIN_PART_SIZE, ceil(size / parts / MIB) * MIB)


def _human(size: int) -> str:
    return f"{size / GIB:g} GiB" if size >= GIB else f"{size / MIB:g} MiB"
