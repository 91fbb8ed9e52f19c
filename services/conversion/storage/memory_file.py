"""Create files in memory: by memfd_create(2), or as unlinked temporary files (macOS)."""

import ctypes
import fcntl
import functools
import logging
import os
import tempfile
import threading

log = logging.getLogger(__name__)

_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h
_ALL_SEALS = 0xF  # linux/fcntl.h: F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE


def create(name: str) -> int:
    """Create an empty, anonymous file and return its descriptor, which is not inheritable."""
    if is_in_memory():
        return os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    _warn_once()
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def is_in_memory() -> bool:
    """Return False if the files are on a disk, as on macOS."""
    return hasattr(os, "memfd_create")


def create_with_content(name: str, content: bytes) -> int:
    """Create a file with this content, positioned at its beginning; it cannot be changed."""
    fd = create(name)
    written = 0
    try:
        while written < len(content):
            written += os.pwrite(fd, content[written:], written)
    except OSError:
        # Memory is exhausted, and no caller knows the descriptor: the file would stay.
        os.close(fd)
        raise
    if is_in_memory():
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _ALL_SEALS)
    return fd


def reopen(fd: int, flags: int) -> int:
    """Open the file once more, with a file position and an access mode of its own.

    Without memfd, both are shared.
    """
    if is_in_memory():
        return os.open(f"/proc/self/fd/{fd}", flags | os.O_CLOEXEC)
    return os.dup(fd)


def free_range(fd: int, start: int, count: int) -> None:
    """Free the memory of a range, which reads as zeros afterwards; the file keeps its size.

    Does nothing without memfd.
    """
    if is_in_memory():
        _libc().fallocate(
            fd, _PUNCH_HOLE | _KEEP_SIZE, ctypes.c_int64(start), ctypes.c_int64(count)
        )


def close(*descriptors: int) -> None:
    """Close the descriptors of a file in another thread: freeing 64 MiB takes 8 ms."""

    def close_all() -> None:
        for fd in descriptors:
            os.close(fd)

    threading.Thread(target=close_all, name="memory-close", daemon=True).start()


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def _warn_once() -> None:
    log.warning("memory.no_memfd: conversions use unlinked temporary files instead")


class MemoryFile:
    """Hold a small memory file open within a `with` statement.

    With content it cannot be changed; without, it can be written to.
    """

    def __init__(self, name: str, content: bytes | None = None) -> None:
        self.fd = create(name) if content is None else create_with_content(name, content)

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
