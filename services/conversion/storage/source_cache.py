"""The source as FFmpeg sees it: a memory file of full size, of which only a window is filled.

Blocks are fetched by ranged reads when the gate asks for them, ahead of need where the reading is sequential, and are freed again behind
it. FFmpeg may seek as in any file: an index at the end, tags behind the audio, the last page of an Ogg are found by its own demuxers.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from libs.core.domain.uploads import MIB
from services.conversion.ports import SourceBytes
from services.conversion.storage import memory_file

BLOCK = 4 * MIB
"""Bytes of one ranged read: large against the cost of a request, small against the memory."""
AHEAD = 3
"""Blocks fetched ahead, at the same time, once the reading has proved sequential."""
KEPT = 9
"""Blocks in memory at most: 36 MiB."""


class SourceCache:
    """Thread-safe. `fd` is the file to give to FFmpeg, positioned at 0 before each run; `close` it."""

    def __init__(self, source: SourceBytes) -> None:
        self.size = source.size
        self.fd = memory_file.create("source")
        os.ftruncate(self.fd, self.size)
        self.error: Exception | None = None
        """Why bytes could not be had: set once, the reads fail from then on."""
        self.furthest = 0
        """The highest offset that was asked for: a sign of life."""
        self.waiting = False
        """FFmpeg stands still because its bytes are not here yet."""
        self._source = source
        self._filled: dict[int, int] = {}  # bytes there are of each block, oldest use first
        self._changed = threading.Condition()
        self._closed = self._interrupted = self._whole = False
        self._last, self._run = -1, 0
        self._fetchers = ThreadPoolExecutor(AHEAD + 1, thread_name_prefix="source")

    def rewind(self) -> None:
        """Back to byte 0, for the next run."""
        self._interrupted = False
        os.lseek(self.fd, 0, os.SEEK_SET)

    @property
    def position(self) -> int:
        """Where the present run reads, for a progress where no duration is known."""
        return min(self.size, os.lseek(self.fd, 0, os.SEEK_CUR))

    def require(self, position: int, count: int) -> bool:
        """Waits until [position, position + count) is filled, as far as the source goes; False when it never will be."""
        end = min(position + count, self.size)
        with self._changed:
            self.furthest = max(self.furthest, min(position, self.size))
            while position < end:
                block = position // BLOCK
                self._want(block)
                until = min(end, (block + 1) * BLOCK)
                while (
                    not self._interrupted
                    and self.error is None
                    and self._filled.get(block, 0) < until - block * BLOCK
                ):
                    self.waiting = True
                    self._changed.wait()
                self.waiting = False
                if self._interrupted or self.error is not None:
                    return False
                position = until
        return True

    def peek(self, start: int, count: int) -> bytes:
        """Some bytes, waiting for them; without moving the position. Raises what the source raised."""
        start = max(0, start)
        self._interrupted = False
        if not self.require(start, count) and self.error is not None:
            raise self.error
        return os.pread(self.fd, count, start)

    def begin(self) -> None:
        """Fetches the first block, while FFmpeg is still being started."""
        with self._changed:
            self._want(0)

    def fill(self, step: Callable[[], None]) -> None:
        """Fetches everything, calling `step` after each piece: for systems where reads cannot be made to wait."""
        for piece_start in range(0, self.size, BLOCK):
            at = piece_start
            for piece in self._source.read(piece_start, min(piece_start + BLOCK, self.size)):
                os.pwrite(self.fd, piece, at)
                at += len(piece)
                step()
        self._filled = dict.fromkeys(range(-(-self.size // BLOCK)), BLOCK)
        self._whole = True

    def interrupt(self) -> None:
        """Lets go who waits in `require`, until the next `rewind`."""
        with self._changed:
            self._interrupted = True
            self._changed.notify_all()

    def close(self) -> None:
        """Frees everything. Reads under way end at their next piece."""
        self._fetchers.shutdown(wait=False, cancel_futures=True)
        with self._changed:
            self._closed = self._interrupted = True
            self._changed.notify_all()
            memory_file.close(self.fd)

    def _want(self, block: int) -> None:
        if self._whole:
            return
        if block != self._last:
            self._run = self._run + 1 if block == self._last + 1 else 0
            self._last = block
        wanted = range(block, min(block + 1 + min(self._run, AHEAD), -(-self.size // BLOCK)))
        for each in wanted:
            if each in self._filled:
                self._filled[each] = self._filled.pop(each)  # used last
            else:
                self._filled[each] = 0
                self._fetchers.submit(self._fetch, each)
        for oldest in [b for b in self._filled if b not in wanted][
            : max(0, len(self._filled) - KEPT)
        ]:
            del self._filled[oldest]
            memory_file.free(self.fd, oldest * BLOCK, BLOCK)

    def _fetch(self, block: int) -> None:
        try:
            at = block * BLOCK
            for piece in self._source.read(at, min(at + BLOCK, self.size)):
                with self._changed:
                    if self._closed or block not in self._filled:
                        return
                    os.pwrite(self.fd, piece, at)
                    at += len(piece)
                    self._filled[block] = max(self._filled[block], at - block * BLOCK)
                    self._changed.notify_all()
            if at < min((block + 1) * BLOCK, self.size):
                raise EOFError("the source ended before its size")
        except Exception as error:
            with self._changed:
                self.error = self.error or error
                self._changed.notify_all()
