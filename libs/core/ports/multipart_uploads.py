"""Define S3 multipart uploads: parts, completion, abort."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A part that the store has: number from 1, bytes, ETag without quotes."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True)
class OpenMultipartUpload:
    """A multipart upload that was neither completed nor aborted; `started_at` in epoch seconds."""

    key: str
    multipart_id: str
    started_at: float


class MultipartUploads(ABC):
    """S3 multipart uploads. A multipart upload that the store does not know raises MultipartUploadGone."""

    @abstractmethod
    def create(self, key: str, media_type: str, metadata: Mapping[str, str]) -> str:
        """Begins one and returns its id. Several may be open for one key."""

    @abstractmethod
    def put_part(self, key: str, multipart_id: str, number: int, body: bytes | memoryview) -> str:
        """Stores part `number` (1 to 10,000), over an earlier one of that number, and returns its ETag without quotes."""

    @abstractmethod
    def list_parts(self, key: str, multipart_id: str) -> Sequence[Part]:
        """All parts the store has, by number: every page of the listing."""

    @abstractmethod
    def complete(self, key: str, multipart_id: str, parts: Sequence[Part]) -> str:
        """Makes the parts one object and returns its ETag; the object is there when this returns.

        Raises MultipartUploadGone also where an earlier call for it succeeded: then ObjectStore.head decides.
        """

    @abstractmethod
    def abort(self, key: str, multipart_id: str) -> None:
        """Ends one and frees its parts, also those that were on their way. Unknown ones count as aborted."""

    @abstractmethod
    def list_open(self, prefix: str) -> Iterator[OpenMultipartUpload]:
        """Every open multipart upload whose key begins with `prefix`."""
