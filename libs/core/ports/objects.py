"""Define the object store: read, write, list and delete whole objects."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ObjectInfo:
    """Describe an object: size in bytes, ETag without quotes, time in epoch seconds."""

    key: str
    size: int
    etag: str = ""
    modified_at: float = field(default=0.0, compare=False)
    """0 if unknown."""


@dataclass(frozen=True)
class UndeletedObject:
    """Name an object that could not be deleted, and the store's reason."""

    key: str
    reason: str


class ObjectStore(ABC):
    """Store objects by key. All methods raise StorageUnavailable."""

    @abstractmethod
    def head(self, key: str) -> ObjectInfo:
        """Return size and ETag of an object. Raises ObjectMissing."""

    @abstractmethod
    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to but not including `end`, by one ranged GET.

        Blocks have any size. The request starts when the first block is taken, and closing the
        iterator ends it. StorageUnavailable may be raised between two blocks: the caller can
        continue with another read from that position.

        Raises:
            ObjectMissing: there is no object under this key.
        """

    @abstractmethod
    def put(self, key: str, body: bytes, media_type: str, metadata: Mapping[str, str]) -> str:
        """Store an object in one request and return its ETag without quotes.

        An existing object is replaced.
        """

    @abstractmethod
    def list(self, prefix: str, after: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key begins with `prefix` and follows `after`, by key."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> Sequence[UndeletedObject]:
        """Delete any number of objects and return those that could not be deleted.

        A missing object counts as deleted. A failure does not stop the deletion of the others.
        """
