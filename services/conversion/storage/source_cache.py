"""Cache the source in a sparse memory file, filled by ranged reads on demand.

FFmpeg sees a complete, seekable file, so its own demuxers find an index at the end, tags behind the
audio, or the last page of an Ogg file. Only the blocks in use are in memory. The sandbox supervisor
calls `require` before each of FFmpeg's reads.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from libs.core.domain.uploads import MIB
from services.conversion.ports import SourceBytes
from services.conversion.storage import memory_file

BLOCK_SIZE = 4 * MIB
"""Bytes of one ranged read: large against the cost of a request, small against the memory."""
READ_AHEAD = 3
"""Blocks fetched ahead, concurrently, once the reads are sequential."""
MAX_BLOCKS = 9
"""Most blocks in memory: 36 MiB."""


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
        # Bytes present of each block, the least recently used block first.
        self._present: dict[int, int] = {}
        self._changed = threading.Condition()
        self._is_closed = self._is_complete = False
        self._fetchers = ThreadPoolExecutor(READ_AHEAD + 1, thread_name_prefix="source")

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
                    and self._present.get(block, 0) < until - block * BLOCK_SIZE
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
        self._present = dict.fromkeys(range(-(-self.size // BLOCK_SIZE)), BLOCK_SIZE)
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
        for each in reader.kept[block - first :]:
            if each in self._present:
                self._present[each] = self._present.pop(each)  # now the most recently used
            else:
                self._present[each] = 0
                self._fetchers.submit(self._fetch, each)
        kept = {each for reader in self._readers for each in reader.kept}
        unwanted = [each for each in self._present if each not in kept]
        for oldest in unwanted[: max(0, len(self._present) - MAX_BLOCKS)]:
            del self._present[oldest]
            memory_file.free_range(self._file, oldest * BLOCK_SIZE, BLOCK_SIZE)

    def _fetch(self, block: int) -> None:
        try:
            at = block * BLOCK_SIZE
            for piece in self.origin.read(at, min(at + BLOCK_SIZE, self.size)):
                with self._changed:
                    if self._is_closed or block not in self._present:
                        return
                    os.pwrite(self._file, piece, at)
                    at += len(piece)
                    self._present[block] = max(self._present[block], at - block * BLOCK_SIZE)
                    self._changed.notify_all()
            if at < min((block + 1) * BLOCK_SIZE, self.size):
                raise EOFError("the source ended before its size")
        except Exception as error:
            with self._changed:
                self.error = self.error or error
                self._changed.notify_all()
