"""Objects in the bucket: reading, erasing, multipart uploads, presigned URLs.

All of them raise StorageUnavailable when the store does not answer in time or says that it cannot now.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ObjectInfo:
    """An object as the store describes it: `size` in bytes, `etag` without quotes, `modified_at` in epoch seconds."""

    key: str
    size: int
    etag: str = ""
    modified_at: float = field(default=0.0, compare=False)
    """0 where it is not known."""


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


@dataclass(frozen=True)
class NotErased:
    """An object that could not be erased, and why."""

    key: str
    reason: str


class ObjectStore(ABC):
    """Whole objects."""

    @abstractmethod
    def head(self, key: str) -> ObjectInfo:
        """Size and ETag of an object. Raises ObjectMissing."""

    @abstractmethod
    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` up to but not including `end`, in blocks of any size, by one ranged GET.

        Nothing is asked for before the first block is taken; closing the iterator ends the request. It may break off
        in the middle (StorageUnavailable); who needs the rest asks again from where it got to. Raises ObjectMissing.
        """

    @abstractmethod
    def put(self, key: str, body: bytes, media_type: str, metadata: Mapping[str, str]) -> str:
        """Stores an object in one request, over whatever was there, and returns its ETag without quotes."""

    @abstractmethod
    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key begins with `prefix`, however many."""

    @abstractmethod
    def erase(self, keys: Iterable[str]) -> Sequence[NotErased]:
        """Erases objects, however many; a missing one counts as erased. Returns those that could not be, and goes on past them."""


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


class UrlSigner(ABC):
    """Presigned URLs, as a browser can reach them. Making one asks nobody."""

    @abstractmethod
    def sign_part(self, key: str, multipart_id: str, number: int, size: int, lifetime: int) -> str:
        """A URL to PUT exactly `size` bytes to as part `number`, good for `lifetime` seconds."""

    @abstractmethod
    def sign_download(self, key: str, filename: str, media_type: str, lifetime: int, *, inline: bool = False) -> str:
        """A URL to GET an object from for `lifetime` seconds, saved as `filename` or, inline, shown in place."""
