"""The output on its way: FFmpeg writes to a memory file, finished parts go to the sink while it grows and are freed behind.

The parts that a muxer patches when it ends are held back and go last. FFmpeg is told to wait when it runs too far ahead.
"""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import chain, islice
from typing import TypeVar

from libs.core.domain.uploads import MIB
from libs.core.ports.multipart_uploads import Part
from services.conversion.ports import PART_SIZE, MediaError, OutputSink
from services.conversion.storage import memory_file

SENDERS = 4
"""Parts on their way at once."""
AHEAD = 2
"""Parts that may wait for a sender before FFmpeg is held."""
KEPT = 64 * MIB
"""Bytes that stay in memory after they were sent: an output up to this size is hashed without reading it back from S3."""
READ_BACK = 2 * MIB
"""Bytes of one read for the hash: as many as there are senders are on their way, or held, at once."""
_WAIT = 0.1

T = TypeVar("T")


class MultipartWriter:
    """`fd` is the file to give to FFmpeg. `held` parts at the front are sent last; 0: the muxer never goes back."""

    def __init__(self, sink: OutputSink, held: int) -> None:
        self.fd = memory_file.create("output")
        self._sink, self._held = sink, held
        self._stored = {part.number: part for part in sink.stored_parts()}
        self._next = held  # index of the first part that was not given to a sender
        # Parts before this one are no longer in memory, but for those held, and for the first: the output is opened again at the end.
        self._freed = self._kept_front = max(1, held)
        self._on_their_way: dict[int, Future[Part]] = {}
        self._parts: dict[int, Part] = {}
        self._running_hash = hashlib.sha256()  # where the parts go in their order
        self._closed = threading.Event()
        self._senders = ThreadPoolExecutor(SENDERS + 1, thread_name_prefix="output")

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return os.fstat(self.fd).st_size

    def room(self) -> bool:
        """Whether FFmpeg may go on, or is too far ahead. For any thread."""
        return self.size < (self._next + AHEAD) * PART_SIZE

    def pump(self) -> bool:
        """Sends what is finished and frees what was sent; False when FFmpeg should wait. Raises what the sink raised."""
        self._collect()
        size = self.size
        while len(self._on_their_way) < SENDERS and (self._next + 1) * PART_SIZE <= size:
            self._send(self._next, PART_SIZE)
            self._next += 1
        while (self._freed + 1) in self._parts and size - (
            self._freed - self._kept_front
        ) * PART_SIZE > KEPT:
            memory_file.free(self.fd, self._freed * PART_SIZE, PART_SIZE)
            self._freed += 1
        return self.room()

    def seal(self) -> None:
        """FFmpeg writes no more; leaves `fd` at its beginning. Raises MediaError where a part was written to after it was sent: in S3
        it would be wrong. Such a part has data again where it was freed.
        """
        start, end = self._kept_front * PART_SIZE, self._freed * PART_SIZE
        if (
            start < end
            and hasattr(os, "SEEK_DATA")
            and os.lseek(self.fd, start, os.SEEK_DATA) < end
        ):
            raise MediaError(
                "internal",
                "Something went wrong on our side while converting. Please try again.",
                "a sent part was changed",
            )
        os.lseek(self.fd, 0, os.SEEK_SET)

    def finish(self, step: Callable[[float], None]) -> tuple[str, int, str]:
        """Sends the rest and makes the object: key, size, SHA-256 in hex. `step` is called with the share stored, 0 to 1."""
        size = self.size
        if size <= PART_SIZE:
            body = os.pread(self.fd, size, 0)
            storing = self._senders.submit(self._sink.finish_small, body)
            return self._wait(storing, lambda: step(0.0)), size, hashlib.sha256(body).hexdigest()
        all_here = self._freed == self._kept_front
        hashing = self._senders.submit(self._whole_hash, size) if self._held and all_here else None
        count = -(-size // PART_SIZE)
        waiting = [*range(self._next, count), *range(min(self._held, count))]
        while waiting or self._on_their_way:
            while waiting and len(self._on_their_way) < SENDERS:
                index = waiting.pop(0)
                self._send(index, min(PART_SIZE, size - index * PART_SIZE))
            wait(self._on_their_way.values(), _WAIT, FIRST_COMPLETED)
            self._collect()
            step(len(self._parts) / count)
        parts = [self._parts[number] for number in range(1, count + 1)]
        key = self._wait(self._senders.submit(self._sink.finish, parts, size), lambda: step(1.0))
        if not self._held:
            return key, size, self._running_hash.hexdigest()
        hashing = hashing or self._senders.submit(self._whole_hash, size)
        return key, size, self._wait(hashing, lambda: step(1.0))

    def close(self) -> None:
        """Frees everything. A part that is being sent now may still arrive: its bytes are a copy."""
        self._closed.set()
        self._senders.shutdown(wait=False, cancel_futures=True)
        memory_file.close(self.fd)

    def _send(self, index: int, length: int) -> None:
        body = os.pread(self.fd, length, index * PART_SIZE)
        if not self._held:
            self._running_hash.update(body)
        self._on_their_way[index + 1] = self._senders.submit(self._store, index + 1, body)

    def _store(self, number: int, body: bytes) -> Part:
        there = self._stored.get(number)
        if (
            there is not None
            and there.size == len(body)
            and there.etag == hashlib.md5(body, usedforsecurity=False).hexdigest()
        ):
            return there
        return self._sink.put_part(number, body)

    def _wait(self, future: Future[T], step: Callable[[], None]) -> T:
        """Its result; it may take longer than a lease, which is renewed by stepping on."""
        while not wait([future], _WAIT).done:
            step()
        return future.result()

    def _collect(self) -> None:
        for number, future in list(self._on_their_way.items()):
            if future.done():
                del self._on_their_way[number]
                self._parts[number] = future.result()

    def _whole_hash(self, size: int) -> str:
        whole = hashlib.sha256()
        gone, back = min(size, self._kept_front * PART_SIZE), min(size, self._freed * PART_SIZE)
        for piece in chain(
            self._in_memory(0, gone), self._read_back(), self._in_memory(back, size)
        ):
            if self._closed.is_set():  # nobody waits for it any more
                break
            whole.update(piece)
        return whole.hexdigest()

    def _in_memory(self, start: int, end: int) -> Iterator[bytes]:
        for at in range(start, end, MIB):
            yield os.pread(self.fd, min(MIB, end - at), at)

    def _read_back(self) -> Iterator[bytes]:
        """What was freed, in its order; a few pieces are on their way at once."""
        starts = iter(range(self._kept_front * PART_SIZE, self._freed * PART_SIZE, READ_BACK))
        coming = deque(
            self._senders.submit(self._fetch, start) for start in islice(starts, SENDERS)
        )
        while coming:
            piece = coming.popleft().result()
            coming.extend(self._senders.submit(self._fetch, start) for start in islice(starts, 1))
            yield piece

    def _fetch(self, start: int) -> bytes:
        return b"".join(
            self._sink.read_back(start, min(start + READ_BACK, self._freed * PART_SIZE))
        )
