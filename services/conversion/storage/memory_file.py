"""Files without a disk: memfd_create(2) where there is one, an unlinked temporary file elsewhere (macOS)."""

import ctypes
import functools
import logging
import os
import tempfile
import threading

_log = logging.getLogger(__name__)

_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h


def create(name: str) -> int:
    """A new, empty, anonymous file; its descriptor is not inherited unless it is passed on."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC)
    _say_once()
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def holding(name: str, content: bytes) -> int:
    """A file with this content, positioned at its beginning."""
    fd = create(name)
    written = 0
    try:
        while written < len(content):
            written += os.pwrite(fd, content[written:], written)
    except OSError:  # there is no more memory: not a moment to keep a file that nobody can name
        os.close(fd)
        raise
    return fd


def free(fd: int, start: int, count: int) -> None:
    """Gives the memory of a region back; it reads as zeros afterwards and the file keeps its size. Does nothing without memfd."""
    if hasattr(os, "memfd_create"):
        _libc().fallocate(
            fd, _PUNCH_HOLE | _KEEP_SIZE, ctypes.c_int64(start), ctypes.c_int64(count)
        )


def close(fd: int) -> None:
    """Closes the file, aside: to give back 64 MiB takes 8 ms, for which nobody need wait."""
    threading.Thread(target=os.close, args=(fd,), name="memory-close", daemon=True).start()


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _say_once() -> None:
    _log.warning(
        "this system has no memfd: unlinked temporary files stand in for memory while converting"
    )


class MemoryFile:
    """A small memory file for as long as a `with`."""

    def __init__(self, name: str, content: bytes = b"") -> None:
        self.fd = holding(name, content)

    def __enter__(self) -> "MemoryFile":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def read(self, most: int) -> bytes:
        return os.pread(self.fd, min(most, os.fstat(self.fd).st_size), 0)

    @property
    def size(self) -> int:
        """Bytes."""
        return os.fstat(self.fd).st_size
