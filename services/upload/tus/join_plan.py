"""Plan the parts of an upload that is joined of other objects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from libs.core.domain.uploads import MIB, MIN_PART_SIZE, S3_MAX_PARTS

JOINED_PART_SIZE = 256 * MIB
"""Bytes of most parts of a joined upload of up to 1.2 TiB. S3 copies several at the same time."""

MAX_FULL_PARTS = S3_MAX_PARTS // 2
"""Maximum number of parts that have the full size: `JOINED_PART_SIZE`, or more for a file of more
than 1.2 TiB. The other half of S3's limit is for the smaller parts at the ends of the joined
objects."""


@dataclass(frozen=True)
class Range:
    """Name the bytes `start` up to but not including `end` of an object."""

    key: str
    start: int
    end: int
    is_whole: bool = False
    """These are all bytes of the object."""

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return self.end - self.start


def plan_parts(objects: Sequence[tuple[str, int]]) -> list[list[Range]]:
    """Return the parts of an object that consists of these objects in order, as lists of ranges.

    S3 itself copies a range, or a whole object, of 5 MiB or more. Every part but the last needs
    that size, so a smaller range is read by this service and stored together with the beginning of
    the next object, as one part of several ranges. A file of more than 1.2 TiB has larger ranges,
    so that it has no more parts than S3 takes.

    Args:
        objects: Keys and sizes in bytes.
    """
    full_size = max(JOINED_PART_SIZE, -(-sum(size for _, size in objects) // MAX_FULL_PARTS))
    parts: list[list[Range]] = []
    small: list[Range] = []
    for key, size in objects:
        start = 0
        if small:
            start = min(size, MIN_PART_SIZE - sum(each.size for each in small))
            small.append(Range(key, 0, start))
            if sum(each.size for each in small) < MIN_PART_SIZE:
                continue
            parts.append(small)
            small = []
        if size - start >= MIN_PART_SIZE:
            parts += [[each] for each in _divide(key, start, size, full_size)]
        elif size > start:
            small = [Range(key, start, size)]
    return [*parts, small] if small else parts


def can_be_copied(part: Sequence[Range]) -> bool:
    """Return True if S3 can copy a part by itself."""
    return len(part) == 1 and part[0].size >= MIN_PART_SIZE


def _divide(key: str, start: int, end: int, max_size: int) -> Iterator[Range]:
    """Yield ranges of up to `max_size` bytes, all of about the same size: none is too small."""
    count = -(-(end - start) // max_size)
    limits = [start + (end - start) * number // count for number in range(count + 1)]
    for first, last in pairwise(limits):
        yield Range(key, first, last, is_whole=count == 1 and start == 0)
