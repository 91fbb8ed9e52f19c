"""Send FFmpeg's output to the sink in parts, while FFmpeg writes it to a memory file.

Parts that the muxer changes when it ends are sent last. Parts that were sent are freed.
"""

import errno
import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from typing import Protocol, TypeVar

from libs.core.domain.uploads import MIB, Failure
from libs.core.ports.multipart_uploads import Part
from services.conversion.ports import PART_SIZE, MediaError, OutputSink, never_paused
from services.conversion.storage import memory_file

CONCURRENT_PARTS = 3
"""Parts that are sent at the same time. Each is copied into Python's memory: 24 MiB together."""
PARTS_AHEAD = 2
"""Parts that may wait to be sent before FFmpeg is stopped."""
KEPT_BYTES = 64 * MIB
"""Bytes that stay in memory after they were sent, so that they can be hashed without a GET."""
READ_BACK_SIZE = 2 * MIB
"""Bytes of one read for the hash; as many reads run at the same time as there are senders."""
MAX_UNSENT_PARTS = 256
"""Parts that FFmpeg can write ahead at most: the kernel limits its files to that size (2 GiB).

It is stopped long before, at the next look at the file's size; but a machine with much other work
may not look for half a second, in which FFmpeg writes a gigabyte of silence.
"""
_POLL_SECONDS = 0.1

T = TypeVar("T")


class Patch(Protocol):
    """Change the file before the changed bytes are sent, as `tags.placement` does.

    It may change the first bytes and, once FFmpeg has ended, append others.
    """

    @property
    def size(self) -> int:
        """Return how many bytes must have been written before `apply`."""

    def apply(self, fd: int) -> None:
        """Change the file."""


class MultipartWriter:
    """Give FFmpeg the memory file `fd` to write to, and send its content to the sink.

    `deferred_parts` is the number of parts at the front that are sent last; 0 if the muxer never
    goes back. `patch` is applied once: when FFmpeg has ended, or, without deferred parts, as soon
    as its bytes are written. While `is_paused` returns True, nothing is read back.
    """

    def __init__(
        self,
        sink: OutputSink,
        deferred_parts: int,
        patch: Patch | None = None,
        is_paused: Callable[[], bool] = never_paused,
    ) -> None:
        self._file = memory_file.create("output")
        self.fd = memory_file.reopen(self._file, os.O_RDWR)
        self._sink, self._deferred, self._patch = sink, deferred_parts, patch
        self._is_paused = is_paused
        self._stored = {part.number: part for part in sink.stored_parts()}
        self._next = deferred_parts  # index of the first part that was not scheduled
        # The parts from _first_freeable up to _freed are no longer in memory. The first part of
        # the output always stays: the output is opened once more to verify it.
        self._freed = self._first_freeable = max(1, deferred_parts)
        self._in_flight: dict[int, Future[Part]] = {}
        self._parts: dict[int, Part] = {}
        self._running_hash = hashlib.sha256()  # used if parts are scheduled in their order
        self._closed = threading.Event()
        self._senders = ThreadPoolExecutor(CONCURRENT_PARTS + 1, thread_name_prefix="output")

    @property
    def size(self) -> int:
        """Return the bytes written so far."""
        return os.fstat(self._file).st_size

    def may_grow(self) -> bool:
        """Return False if FFmpeg is too far ahead of the sink. May be called by any thread."""
        held_back = self._patch.size if self._patch is not None else 0
        return self.size < (self._next + PARTS_AHEAD) * PART_SIZE + held_back

    @property
    def max_size(self) -> int:
        """Return the size that the file must not exceed now, in bytes."""
        return (self._next + MAX_UNSENT_PARTS) * PART_SIZE

    def send_finished_parts(self) -> bool:
        """Send what is complete and free what was sent; return `may_grow`.

        Raises:
            MediaError: `internal`, if a freed part was written to again.
            Exception: what the sink raised.
        """
        self._collect()
        self._check_freed_parts()
        size = self.size
        if self._patch is not None and not self._deferred:
            if size < self._patch.size:
                return self.may_grow()
            self._apply_patch()
        while len(self._in_flight) < CONCURRENT_PARTS and (self._next + 1) * PART_SIZE <= size:
            self._send(self._next, PART_SIZE)
            self._next += 1
        while self._freed + 1 in self._parts and size - self._freed_bytes > KEPT_BYTES:
            memory_file.free_range(self._file, self._freed * PART_SIZE, PART_SIZE)
            self._freed += 1
        return self.may_grow()

    def end_writing(self, *, is_empty: bool = False) -> None:
        """Check the file a last time, apply the patch, and rewind `fd`. FFmpeg must have ended.

        Without sound, FFmpeg writes no header that could be changed; then `is_empty` is true.

        Raises:
            MediaError: `internal`, if a freed part was written to again.
            Exception: what the patch raised.
        """
        self._check_freed_parts()
        if not is_empty:
            self._apply_patch()
        os.lseek(self.fd, 0, os.SEEK_SET)

    def finish(self, on_progress: Callable[[float], None]) -> tuple[str, int, str]:
        """Send the rest and complete the object; return its key, size and SHA-256 in hex.

        `on_progress` is called with the stored share, 0 to 1.
        """
        size = self.size
        if size <= PART_SIZE:
            body = os.pread(self._file, size, 0)
            storing = self._senders.submit(self._sink.finish_small, body)
            key = self._wait(storing, lambda: on_progress(0.0))
            return key, size, hashlib.sha256(body).hexdigest()
        hashing: Future[str] | None = None
        if self._deferred and not self._freed_bytes:
            hashing = self._senders.submit(self._hash_all, size)
        self._send_rest(size, on_progress)
        parts = [self._parts[number] for number in range(1, -(-size // PART_SIZE) + 1)]
        completing = self._senders.submit(self._sink.finish, parts, size)
        key = self._wait(completing, lambda: on_progress(1.0))
        if not self._deferred:
            return key, size, self._running_hash.hexdigest()
        hashing = hashing or self._senders.submit(self._hash_all, size)
        return key, size, self._wait(hashing, lambda: on_progress(1.0))

    def close(self) -> None:
        """Free the memory. A part that is being sent is a copy and may still arrive."""
        self._closed.set()
        self._senders.shutdown(wait=False, cancel_futures=True)
        memory_file.close(self.fd, self._file)

    def _apply_patch(self) -> None:
        if self._patch is not None:
            self._patch.apply(self._file)
            self._patch = None

    @property
    def _freed_bytes(self) -> int:
        return (self._freed - self._first_freeable) * PART_SIZE

    def _check_freed_parts(self) -> None:
        """Check that the freed range has no data: it would be wrong in S3, and take our memory."""
        start, end = self._first_freeable * PART_SIZE, self._freed * PART_SIZE
        if start == end or not hasattr(os, "SEEK_DATA"):
            return
        try:
            data = os.lseek(self._file, start, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:  # no data up to the end of the file
                raise
            return
        if data < end:
            raise MediaError(
                Failure(
                    "internal",
                    "Something went wrong on our side while converting. Please try again.",
                ),
                "a part was changed after it was sent",
            )

    def _send_rest(self, size: int, on_progress: Callable[[float], None]) -> None:
        count = -(-size // PART_SIZE)
        unsent = deque([*range(self._next, count), *range(min(self._deferred, count))])
        while unsent or self._in_flight:
            while unsent and len(self._in_flight) < CONCURRENT_PARTS:
                index = unsent.popleft()
                self._send(index, min(PART_SIZE, size - index * PART_SIZE))
            wait(self._in_flight.values(), _POLL_SECONDS, FIRST_COMPLETED)
            self._collect()
            on_progress(len(self._parts) / count)

    def _send(self, index: int, length: int) -> None:
        body = os.pread(self._file, length, index * PART_SIZE)
        if not self._deferred:
            self._running_hash.update(body)
        self._in_flight[index + 1] = self._senders.submit(self._store, index + 1, body)

    def _store(self, number: int, body: bytes) -> Part:
        """Send one part, unless an earlier attempt has stored the same bytes."""
        stored = self._stored.get(number)
        if (
            stored is not None
            and stored.size == len(body)
            and stored.etag == hashlib.md5(body, usedforsecurity=False).hexdigest()
        ):
            return stored
        return self._sink.put_part(number, body)

    def _wait(self, future: Future[T], on_wait: Callable[[], None]) -> T:
        """Return the result; `on_wait` renews the lease, since this may take longer than that."""
        while not wait([future], _POLL_SECONDS).done:
            on_wait()
        return future.result()

    def _collect(self) -> None:
        for number, future in list(self._in_flight.items()):
            if future.done():
                del self._in_flight[number]
                self._parts[number] = future.result()

    def _hash_all(self, size: int) -> str:
        digest = hashlib.sha256()
        freed_from = min(size, self._first_freeable * PART_SIZE)
        freed_to = min(size, self._freed * PART_SIZE)
        for piece in chain(
            self._read_memory(0, freed_from),
            self._read_back(),
            self._read_memory(freed_to, size),
        ):
            if self._closed.is_set():  # nobody waits for the digest any more
                break
            digest.update(piece)
        return digest.hexdigest()

    def _read_memory(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, MIB):
            yield os.pread(self._file, min(MIB, end - at), at)

    def _read_back(self) -> Iterator[bytes]:
        """Yield what was freed, in order; several reads run at the same time."""
        first, last = self._first_freeable * PART_SIZE, self._freed * PART_SIZE
        starts = self._in_turns(range(first, last, READ_BACK_SIZE))
        pending = deque(
            self._senders.submit(self._fetch, start) for start in islice(starts, CONCURRENT_PARTS)
        )
        while pending:
            piece = pending.popleft().result()
            pending.extend(self._senders.submit(self._fetch, start) for start in islice(starts, 1))
            yield piece

    def _in_turns(self, starts: Iterable[int]) -> Iterator[int]:
        """Yield each start, but none in a pause. Meanwhile `_wait` renews the lease."""
        for start in starts:
            while self._is_paused() and not self._closed.wait(_POLL_SECONDS):
                pass
            yield start

    def _fetch(self, start: int) -> bytes:
        end = min(start + READ_BACK_SIZE, self._freed * PART_SIZE)
        return b"".join(self._sink.read_back(start, end))
