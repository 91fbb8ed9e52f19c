"""Cache the source in a sparse memory file, filled by ranged reads on demand.

FFmpeg sees a complete, seekable file, so its own demuxers find an index at the end, tags behind the
audio, or the last page of an Ogg file. Only the blocks in use are in memory. The sandbox supervisor
calls `require` before each of FFmpeg's reads.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from libs.core.domain.uploads import MIB
from services.conversion.ports import SourceBytes
from services.conversion.storage import memory_file

BLOCK_SIZE = 4 * MIB
"""Bytes that are fetched and freed together, small against the memory."""
BLOCKS_OF_A_READ = 2
"""Most blocks of one ranged read. A request costs the processor as much as two megabytes do."""
CONCURRENT_READS = 4
READ_AHEAD = 4
"""Blocks fetched ahead once FFmpeg's reads are sequential."""
MAX_BLOCKS = 9
"""Most blocks in memory: 36 MiB. Two readers that both read on may keep a few more."""


@dataclass(eq=False)
class _Block:
    """Hold how many bytes of a block are present, from its beginning.

    A block that was freed is not the block that is fetched in its place: a read that began before
    must not say that bytes are present which were freed.
    """

    number: int
    present: int = 0


class SourceReader:
    """Read the cached source by a descriptor with a file position of its own.

    A process inherits `fd`, which can only be read, and shares its position. Only one process at a
    time may use a reader. What it required last stays in memory.
    """

    def __init__(self, cache: "SourceCache", fd: int) -> None:
        self.fd = fd
        self.highest_offset = 0
        """The highest offset that was required: it grows while the process makes progress."""
        self.is_waiting = False
        """True while `require` waits for bytes."""
        self.is_interrupted = False
        self.kept = range(0)
        """Numbers of the blocks that stay in memory."""
        self.last_block, self.sequential_blocks = -1, 0
        self._cache = cache

    @property
    def error(self) -> Exception | None:
        """Return why the source cannot be read."""
        return self._cache.error

    def rewind(self) -> None:
        """Set the file position to 0, for the next process."""
        self.is_interrupted = False
        os.lseek(self.fd, 0, os.SEEK_SET)

    @property
    def position(self) -> int:
        """Return the current file position: the progress of a run whose duration is unknown."""
        return min(self._cache.size, os.lseek(self.fd, 0, os.SEEK_CUR))

    def require(self, position: int, count: int) -> bool:
        """Wait until the bytes [position, position + count) are present, as far as they exist.

        Returns False if they never will be: the source failed, or `interrupt` was called.
        """
        return self._cache.load(self, position, count)

    def interrupt(self) -> None:
        """Make all calls of `require` return False, until the next `rewind`."""
        self._cache.interrupt(self)


class SourceCache:
    """Hold the source as a memory file, of which readers fetch what they need.

    Thread-safe; must be closed.
    """

    def __init__(self, source: SourceBytes) -> None:
        self.size = source.size
        self._file = memory_file.create("source")
        os.ftruncate(self._file, self.size)
        self.reader = SourceReader(self, memory_file.reopen(self._file, os.O_RDONLY))
        self.fd = self.reader.fd
        self.error: Exception | None = None
        """The reason why the source cannot be read. Once set, all reads fail."""
        self.origin = source
        self._readers = [self.reader]
        self._reopened: list[int] = []
        # By number; the least recently used block is the first.
        self._blocks: dict[int, _Block] = {}
        self._changed = threading.Condition()
        self._is_closed = self._is_complete = False
        self._fetchers = ThreadPoolExecutor(CONCURRENT_READS, thread_name_prefix="source")

    @contextlib.contextmanager
    def another_reader(self) -> Iterator[SourceReader]:
        """Provide a reader for a process that runs beside the one that uses `reader`.

        Not for systems without memfd, where all descriptors share one position.
        """
        reader = SourceReader(self, memory_file.reopen(self._file, os.O_RDONLY))
        with self._changed:
            self._readers.append(reader)
        try:
            yield reader
        finally:
            with self._changed:
                self._readers.remove(reader)
            os.close(reader.fd)

    def load(self, reader: SourceReader, position: int, count: int) -> bool:
        """Fetch bytes for a reader, see `SourceReader.require`."""
        end = min(position + count, self.size)
        first = position // BLOCK_SIZE
        with self._changed:
            reader.highest_offset = max(reader.highest_offset, min(position, self.size))
            while position < end:
                block = position // BLOCK_SIZE
                # No read of an honest process spans more than two blocks.
                self._request(reader, max(first, block - 1), block)
                until = min(end, (block + 1) * BLOCK_SIZE)
                while (
                    not (reader.is_interrupted or self._is_closed)
                    and self.error is None
                    and self._present(block) < until - block * BLOCK_SIZE
                ):
                    reader.is_waiting = True
                    self._changed.wait()
                reader.is_waiting = False
                if reader.is_interrupted or self._is_closed or self.error is not None:
                    return False
                position = until
        return True

    def peek(self, start: int, count: int) -> bytes:
        """Return bytes without moving the file position. Raises what the source raised."""
        start = max(0, start)
        self.reader.is_interrupted = False
        if not self.load(self.reader, start, count) and self.error is not None:
            raise self.error
        return os.pread(self.fd, count, start)

    def prefetch(self) -> None:
        """Start to fetch the first block, while FFmpeg is being started."""
        with self._changed:
            self._request(self.reader, 0, 0)

    def fetch_all(self, on_piece: Callable[[], None]) -> None:
        """Fetch the whole source: where reads cannot wait, or several descriptors read.

        The supervisor makes only the reads of one descriptor wait. `on_piece` is called after each
        piece.
        """
        for start in range(0, self.size, BLOCK_SIZE):
            at = start
            for piece in self.origin.read(start, min(start + BLOCK_SIZE, self.size)):
                os.pwrite(self._file, piece, at)
                at += len(piece)
                on_piece()
        self._is_complete = True

    def reopen(self) -> int:
        """Return another descriptor with a file position of its own; `close` closes it."""
        self._reopened.append(memory_file.reopen(self._file, os.O_RDONLY))
        return self._reopened[-1]

    def count_reopened(self) -> int:
        """Return the number of further descriptors."""
        return len(self._reopened)

    def interrupt(self, reader: SourceReader) -> None:
        """Wake a reader that waits, see `SourceReader.interrupt`."""
        with self._changed:
            reader.is_interrupted = True
            self._changed.notify_all()

    def close(self) -> None:
        """Free the memory. Fetches in progress end at their next piece."""
        self._fetchers.shutdown(wait=False, cancel_futures=True)
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            memory_file.close(self.fd, self._file, *self._reopened)

    def _request(self, reader: SourceReader, first: int, block: int) -> None:
        """Schedule fetches of a block and of those after it, and free the least recently used.

        The reader is about to read from the block `first` on.
        """
        if self._is_complete:
            return
        if block != reader.last_block:
            is_next = block == reader.last_block + 1
            reader.sequential_blocks = reader.sequential_blocks + 1 if is_next else 0
            reader.last_block = block
        count = -(-self.size // BLOCK_SIZE)
        ahead = min(reader.sequential_blocks, READ_AHEAD)
        reader.kept = range(first, min(block + 1 + ahead, count))
        missing = []
        for each in range(block, reader.kept.stop):
            if each in self._blocks:
                self._blocks[each] = self._blocks.pop(each)  # now the most recently used
            else:
                missing.append(each)
        # The last one waits for the one behind it, and both are fetched by one read.
        if len(missing) % BLOCKS_OF_A_READ and missing[-1] > block + 1 and ahead == READ_AHEAD:
            missing.pop()
        for run in _runs(missing):
            blocks = [_Block(number) for number in run]
            self._blocks |= {block.number: block for block in blocks}
            self._fetchers.submit(self._fetch, blocks)
        kept = {each for reader in self._readers for each in reader.kept}
        unwanted = [each for each in self._blocks if each not in kept]
        for oldest in unwanted[: max(0, len(self._blocks) - MAX_BLOCKS)]:
            del self._blocks[oldest]
            memory_file.free_range(self._file, oldest * BLOCK_SIZE, BLOCK_SIZE)

    def _present(self, number: int) -> int:
        """Return how many bytes of a block are present, from its beginning."""
        if self._is_complete:
            return BLOCK_SIZE
        return self._blocks[number].present if number in self._blocks else 0

    def _fetch(self, blocks: Sequence[_Block]) -> None:
        """Fetch blocks that follow each other."""
        at = blocks[0].number * BLOCK_SIZE
        end = min((blocks[-1].number + 1) * BLOCK_SIZE, self.size)
        try:
            for piece in self.origin.read(at, end):
                if not self._write(blocks, at, piece):
                    return
                at += len(piece)
            if at < end:
                raise EOFError("the source ended before its size")
        except Exception as error:
            with self._changed:
                self.error = self.error or error
                self._changed.notify_all()

    def _write(self, blocks: Sequence[_Block], at: int, piece: bytes) -> bool:
        """Write bytes of these blocks, and return False if nobody needs more of them."""
        with self._changed:
            needed = [block for block in blocks if self._blocks.get(block.number) is block]
            if self._is_closed or not needed:
                return False
            for block in needed:
                first = block.number * BLOCK_SIZE
                start, end = max(at, first), min(at + len(piece), first + BLOCK_SIZE)
                if start < end:
                    os.pwrite(self._file, piece[start - at : end - at], start)
                    block.present = end - first
            self._changed.notify_all()
            return True


def _runs(numbers: Iterable[int]) -> list[list[int]]:
    """Group numbers that follow each other, at most `BLOCKS_OF_A_READ` of them."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1 and len(runs[-1]) < BLOCKS_OF_A_READ:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs
