"""Create files in memory: by memfd_create(2), or as unlinked temporary files (macOS)."""

import ctypes
import functools
import logging
import os
import tempfile
import threading

_log = logging.getLogger(__name__)

_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h


def create(name: str) -> int:
    """Create an empty, anonymous file and return its descriptor, which is not inheritable."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create(name, os.MFD_CLOEXEC)
    _warn_once()
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def create_with_content(name: str, content: bytes) -> int:
    """Create a file with this content, positioned at its beginning."""
    fd = create(name)
    written = 0
    try:
        while written < len(content):
            written += os.pwrite(fd, content[written:], written)
    except OSError:
        # Memory is exhausted, and no caller knows the descriptor: the file would stay.
        os.close(fd)
        raise
    return fd


def free_range(fd: int, start: int, count: int) -> None:
    """Free the memory of a range, which reads as zeros afterwards; the file keeps its size.

    Does nothing without memfd.
    """
    if hasattr(os, "memfd_create"):
        _libc().fallocate(
            fd, _PUNCH_HOLE | _KEEP_SIZE, ctypes.c_int64(start), ctypes.c_int64(count)
        )


def close(fd: int) -> None:
    """Close the file in another thread: freeing 64 MiB takes 8 ms."""
    threading.Thread(target=os.close, args=(fd,), name="memory-close", daemon=True).start()


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _warn_once() -> None:
    _log.warning("This system has no memfd: conversions use unlinked temporary files instead.")


class MemoryFile:
    """Hold a small memory file open within a `with` statement."""

    def __init__(self, name: str, content: bytes = b"") -> None:
        self.fd = create_with_content(name, content)

    def __enter__(self) -> "MemoryFile":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def read(self, limit: int) -> bytes:
        """Return the content, but not more than `limit` bytes."""
        return os.pread(self.fd, min(limit, os.fstat(self.fd).st_size), 0)

    @property
    def size(self) -> int:
        """Return the size in bytes."""
        return os.fstat(self.fd).st_size
