"""Present ranges of a source as one file."""

from collections.abc import Iterator, Sequence

from services.conversion.ports import SourceBytes


class SplicedSource(SourceBytes):
    """Join the byte ranges [start, end) of another source, in their order."""

    def __init__(self, source: SourceBytes, ranges: Sequence[tuple[int, int]]) -> None:
        self._source, self._ranges = source, ranges
        self.size = sum(end - start for start, end in ranges)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        offset = 0
        for first, last in self._ranges:
            length = last - first
            low, high = max(start - offset, 0), min(end - offset, length)
            if low < high:
                yield from self._source.read(first + low, first + high)
            offset += length
