"""Define an upload: a file that is sent to S3 in parts, as one multipart upload."""

from dataclasses import dataclass, field, replace
from math import ceil

from libs.core.domain.open_enum import OpenEnum
from libs.core.errors import (
    FileEmpty,
    FileTooLarge,
    PartNumberInvalid,
    TooManyConversions,
    UploadClosed,
)

MIB = 1024 * 1024
GIB = 1024 * MIB

MIN_PART_SIZE = 5 * MIB
"""Bytes. S3 completes no upload that has smaller parts, except the last."""
MAX_PART_SIZE = 5 * GIB
"""Bytes. S3 refuses larger parts."""
MAX_PARTS = 1_000
"""Maximum number of parts of an upload that is created with a known size, unless it is larger than
4.88 TiB (1,000 × 5 GiB) or joined by tus. One call of ListParts returns no more.

`choose_part_size` makes the parts large enough. `Upload.size_of_part` refuses parts beyond the
upload's own `part_count`."""
S3_MAX_PARTS = 10_000
"""Maximum number of parts of an upload that is larger than 4.88 TiB, joined by tus, or created with
an unknown size, as Uppy's are. It is the highest part number that S3 takes. Uppy's uploads have a
further limit: see `SignCompanionParts` in `services/upload/companion/parts.py`.

The part numbers of a tus upload may go up to it, however few its parts are: each interrupted
request leaves a number unused."""

MAX_CONVERSIONS = 500
"""Conversions of one upload, with those that were deleted or have expired.

The upload's item holds their ids, each conversion extends its life, and every read and write of the
upload pays for all of them: decoding 500 takes about 1 ms."""


class UploadStatus(OpenEnum):
    """List the states: `uploading`, then one of the others, which are terminal."""

    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    FAILED = "failed"
    ABORTED = "aborted"

    @property
    def is_terminal(self) -> bool:
        """Return True if the status never changes again."""
        return self.is_known and self is not UploadStatus.UPLOADING


@dataclass(frozen=True)
class Failure:
    """Say why something failed: a stable code, and a sentence for the user.

    `reason` is stable, too. It tells apart the meanings of a code that has several, and is None for
    its first one. docs/api.md lists both.
    """

    code: str
    detail: str
    reason: str | None = None


@dataclass(frozen=True)
class TusState:
    """Hold what only an upload by tus needs (https://tus.io/protocols/resumable-upload)."""

    offset: int = 0
    """Bytes that are stored; the next byte goes here."""
    writer: str = ""
    """Random token of the request that may append; writes with another token are refused."""
    remainder: str = ""
    """SHA-256, in hex, of the stored bytes that do not fill a part; empty where there are none."""
    remainder_writer: str = ""
    """Token of the request that stored the remainder, which is part of its key."""
    metadata: str = ""
    """`Upload-Metadata` as the client sent it."""
    concat: str = ""
    """`Upload-Concat` as the client sent it; empty for an ordinary upload."""
    next_part: int = 1
    """Lowest part number that no request has been given yet."""

    @property
    def is_joined(self) -> bool:
        """Return True if the upload was made of partial uploads."""
        return self.concat.startswith("final")


@dataclass(frozen=True)
class Upload:
    """Hold the state of one upload. Sizes are in bytes, times in epoch seconds.

    There are four kinds, which these attributes tell apart while the status is `uploading`. When an
    upload is completed, its size is stored if it was unknown.

    - `POST /api/uploads`: `size` is known from the beginning, and all parts but the last have
      `part_size`. The client completes it.
    - tus: `tus` is set; `size` may be None at first. The service cuts the bytes into parts of
      `part_size`, and completes it when the last byte has come. A joined upload is also of this
      kind: the service makes it of other uploads at once, in parts of several sizes.
    - Companion (Uppy's multipart uploads): `size` is None, and the client chooses the sizes of the
      parts. It completes the upload; the quotas count its bytes as they are stored.
    - Form: `size` is None, and `multipart_id` is empty. S3 stores one object, whose event
      completes it.
    """

    id: str
    owner: str
    filename: str
    size: int | None
    """None while unknown, which is possible for all kinds but that of `POST /api/uploads`."""
    content_type: str
    part_size: int
    """Bytes. Fixed at creation, because a deployment with other settings must not change the part
    boundaries of an upload that has begun."""
    multipart_id: str
    """S3's UploadId; empty for a form, which S3 stores without parts."""
    created_at: float
    updated_at: float
    expires_at: int
    status: UploadStatus = UploadStatus.UPLOADING
    completed_parts: frozenset[int] = frozenset()
    """Part numbers in S3 while `uploading`, then 1 to `part_count`. Those of a tus upload may have
    gaps until it is uploaded: see `claimed_state`."""
    conversions: tuple[str, ...] = ()
    error: Failure | None = None
    version: int = 1
    trace: str | None = field(default=None, compare=False)
    """W3C traceparent of the request that created the upload."""
    tus: TusState | None = None
    request_digest: str | None = None
    """Hash of the request that created the upload. It tells whether a request with the same
    Idempotency-Key is that one, repeated."""
    sha256: str | None = None
    """SHA-256 of the whole file in hex, as the client declared it; nobody else has checked it."""
    counted_bytes: int = 0
    """Bytes that quotas have counted for an upload of Uppy, because it began without a size."""

    @property
    def key(self) -> str:
        """Return the key of the object in the bucket."""
        return source_key(self.id)

    @property
    def part_count(self) -> int | None:
        """Return the number of parts of `part_size`, None while the size is unknown.

        Uploads of Uppy and joined ones are stored in parts of other sizes. A form has no parts.
        """
        return None if self.size is None else ceil(self.size / self.part_size)

    @property
    def completed_positions(self) -> list[int]:
        """Return the positions in the file, from 1, of the stored parts.

        Those of a tus upload are counted in order, because their numbers may have gaps.
        """
        if self.tus is not None:
            return list(range(1, len(self.completed_parts) + 1))
        return sorted(self.completed_parts)

    @property
    def uploaded_bytes(self) -> int:
        if self.tus is not None and self.status is not UploadStatus.UPLOADED:
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
        """Return the length of a part in bytes if the file is cut into parts of `part_size`.

        While the size is unknown, this is `part_size` for every part, though the last one may be
        shorter. Parts of Uppy may have any length, because Uppy chooses it.

        Raises:
            PartNumberInvalid: The number is below 1 or above `part_count`; while the size is
                unknown, above 10,000.
        """
        count = S3_MAX_PARTS if self.part_count is None else self.part_count
        if not 1 <= number <= count:
            raise PartNumberInvalid(
                f"Part {number} does not exist: this upload has the parts 1 to {count}.",
                part_count=count,
            )
        if self.size is None:
            return self.part_size
        return min(self.part_size, self.size - (number - 1) * self.part_size)


def claimed_state(upload: Upload, writer: str) -> TusState:
    """Return the state of a tus upload after `writer` has claimed it.

    The writer gets a part number that no other writer has: `next_part`, which is increased then. An
    earlier writer that is still sending cannot replace a part that counts, because it has other
    numbers.
    """
    state = upload.tus
    assert state is not None, "only tus uploads are claimed"
    # An upload of a release that did not store `next_part` has numbered its parts without gaps.
    number = max(state.next_part, state.offset // upload.part_size + 1)
    return replace(state, writer=writer, next_part=number + 1)


def upload_prefix(upload_id: str) -> str:
    """Return the key prefix of all objects of an upload. The janitor deletes by it."""
    return f"uploads/{upload_id}/"


def source_key(upload_id: str) -> str:
    """Return the key of the uploaded file."""
    return f"{upload_prefix(upload_id)}source"


def remainder_key(upload_id: str, writer: str) -> str:
    """Return the key of the bytes of a tus upload that do not fill a part."""
    return f"{upload_prefix(upload_id)}remainder-{writer}"


def upload_id_of(key: str) -> str | None:
    """Return the id of the upload whose source has this key; None for any other key."""
    folder, _, rest = key.partition("/")
    upload_id, _, name = rest.partition("/")
    return upload_id if folder == "uploads" and name == "source" else None


def check_size(size: int, limit: int) -> None:
    """Raise FileEmpty, or FileTooLarge above `limit` bytes."""
    if size <= 0:
        raise FileEmpty("The file is empty. Check that you chose the right one.")
    if size > limit:
        raise FileTooLarge(
            f"The file is too large: the limit is {_format_size(limit)}.", limit=limit
        )


def closed_to_parts(upload: Upload) -> UploadClosed:
    """Return the error that refuses parts of an upload that has ended."""
    return UploadClosed(
        f"This upload has ended ({upload.status}), so it takes no more parts. "
        "Upload the file again to start over."
    )


def closed_to_conversions() -> UploadClosed:
    """Return the error that refuses conversions of an upload that has failed."""
    return UploadClosed("This upload has failed, so it cannot be converted. Upload the file again.")


def too_many_conversions() -> TooManyConversions:
    """Return the error that refuses conversions beyond `MAX_CONVERSIONS`."""
    return TooManyConversions(
        f"This upload was converted {MAX_CONVERSIONS} times, which is the limit. "
        "Upload the file again.",
        limit=MAX_CONVERSIONS,
    )


def choose_part_size(size: int | None, limit: int = 0) -> int:
    """Return the size of all parts except the last, in bytes.

    The result is a whole number of MiB. A file of up to 4.88 TiB has at most `MAX_PARTS`
    parts. A larger file, or one of unknown size, has at most `S3_MAX_PARTS`.

    Args:
        size: Size of the file in bytes; None if it is unknown.
        limit: Maximum size of a file in bytes, used if `size` is None.
    """
    if size is None:
        return max(MIN_PART_SIZE, ceil(limit / S3_MAX_PARTS / MIB) * MIB)
    fits = size <= MAX_PARTS * MAX_PART_SIZE
    max_parts = MAX_PARTS if fits else S3_MAX_PARTS
    return max(MIN_PART_SIZE, ceil(size / max_parts / MIB) * MIB)


def _format_size(size: int) -> str:
    return f"{size / GIB:g} GiB" if size >= GIB else f"{size / MIB:g} MiB"
