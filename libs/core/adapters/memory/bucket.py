"""Hold the objects and multipart uploads of one bucket in memory."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import md5
from itertools import count


@dataclass(frozen=True)
class StoredObject:
    """Hold an object with its headers."""

    body: bytes
    etag: str
    media_type: str
    metadata: Mapping[str, str]
    modified_at: float = 0.0


@dataclass
class OpenMultipart:
    """Hold an open multipart upload; `parts` has body and ETag by number."""

    key: str
    media_type: str
    metadata: Mapping[str, str]
    started_at: float
    parts: dict[int, tuple[bytes, str]] = field(default_factory=dict)


class MemoryBucket:
    """Hold objects and multipart uploads. Adapters that share one see the same objects."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.Lock()
        self.clock = clock
        self.objects: dict[str, StoredObject] = {}
        self.multiparts: dict[str, OpenMultipart] = {}
        self.serial = count(1)


def etag_of(body: bytes) -> str:
    return md5(body, usedforsecurity=False).hexdigest()
