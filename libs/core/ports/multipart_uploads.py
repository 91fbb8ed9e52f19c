"""Define S3 multipart uploads: parts, completion, abort."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from libs.core.domain.checksums import PartChecksum
from libs.core.domain.uploads import S3_MAX_PARTS


@dataclass(frozen=True)
class Part:
    """Describe a stored part: number from 1, size in bytes, ETag without quotes."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class OpenMultipartUpload:
    """Identify a multipart upload that is neither completed nor aborted.

    `started_at` is in epoch seconds.
    """

    key: str
    multipart_id: str
    started_at: float


class MultipartUploads(ABC):
    """Manage multipart uploads, from creation to completion or abort.

    Methods raise MultipartUploadGone for a multipart upload that the store does not know, because
    it was completed or aborted, and StorageUnavailable when the store does not answer.
    """

    @abstractmethod
    def create(self, key: str, media_type: str, metadata: Mapping[str, str]) -> str:
        """Start a multipart upload and return its id. A key may have several open ones."""

    @abstractmethod
    def put_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        body: bytes | memoryview,
        checksum: PartChecksum | None = None,
    ) -> str:
        """Store a part and return its ETag without quotes.

        Numbers are 1 to 10,000. A part of the same number is replaced.

        Raises:
            ChecksumMismatch: the bytes that arrived at the store have another checksum. Nothing is
                stored.
        """

    @abstractmethod
    def copy_part(
        self,
        key: str,
        multipart_id: str,
        number: int,
        source: str,
        start: int,
        end: int,
        *,
        is_whole: bool = False,
    ) -> Part:
        """Store the bytes `start` up to but not including `end` of the object `source` as a part.

        The store copies at most 5 GiB at once, and every part but the last needs 5 MiB. It copies a
        range only from an object larger than 5 MiB. With `is_whole`, the range is the whole object,
        which may have any size.

        Raises:
            ObjectMissing: there is no object `source`.
        """

    @abstractmethod
    def list_parts(
        self, key: str, multipart_id: str, first: int = 1, last: int = S3_MAX_PARTS
    ) -> Sequence[Part]:
        """Return the stored parts with the numbers `first` to `last`, ordered by number."""

    @abstractmethod
    def complete(self, key: str, multipart_id: str, parts: Sequence[Part]) -> str:
        """Assemble the parts into one object and return its ETag without quotes.

        The object exists when this returns. A repeated call may raise MultipartUploadGone although
        the first succeeded: ask ObjectStore.head then.

        Raises:
            PartsChanged: one of the parts is missing, or was stored again since it was listed. The
                multipart upload is still open.
            PartSizeMismatch: a part other than the last is smaller than the store allows.
        """

    @abstractmethod
    def abort(self, key: str, multipart_id: str) -> None:
        """Abort a multipart upload and delete its parts, also those still being sent.

        An unknown one counts as aborted.
        """

    @abstractmethod
    def list_open(self, prefix: str, after: str = "") -> Iterator[OpenMultipartUpload]:
        """Yield every open multipart upload whose key begins with `prefix` and follows `after`.

        They are ordered by key.
        """
