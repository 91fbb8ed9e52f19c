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
class UndeletedObject:
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
    def erase(self, keys: Iterable[str]) -> Sequence[UndeletedObject]:
        """Erases objects, however many; a missing one counts as erased. Returns those that could not be, and goes on past them."""
