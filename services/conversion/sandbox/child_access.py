"""Look into a sandboxed process: its memory, its descriptors, its threads.

The process is a child with the same user id, so no privilege is needed. Whatever it holds may have
been written by an attacker.
"""

import ctypes
import errno
import functools
import io
import os
import struct
from collections.abc import Callable

_CALL_REFUSED = (errno.EPERM, errno.ENOSYS)
"""The seccomp profiles of some container runtimes refuse process_vm_readv and process_vm_writev."""
_MAX_PATH = 4096
_PAGE = 4096
_STAT_LAYOUTS = {
    # struct stat: dev, ino, then nlink and mode in either order, uid, gid, rdev, size, …
    "x86_64": "=QQQIII4xQqqqQQQQQQ24x",
    "aarch64": "=QQIIIIQ8xqi4xqQQQQQQ8x",
}


class ChildAccess:
    """Read from and write to the child process `pid`. All methods raise OSError if it is gone."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def read_string(self, address: int) -> bytes:
        """Return the bytes up to the first NUL; at most the length of a path."""
        found = b""
        while len(found) < _MAX_PATH:
            # Up to the end of the page: the next one may not be mapped.
            piece = self._read(address, _PAGE - address % _PAGE)
            before, nul, _ = piece.partition(b"\0")
            found += before
            if nul:
                return found[:_MAX_PATH]
            address += len(piece)
        return found[:_MAX_PATH]

    def write(self, address: int, content: bytes) -> None:
        """Write to memory that the process itself could write to."""
        buffer = ctypes.create_string_buffer(content, len(content))
        try:
            self._transfer(_libc().process_vm_writev, buffer, address, len(content))
        except OSError as error:
            if error.errno not in _CALL_REFUSED:
                raise
            with self._open_memory(os.O_WRONLY) as memory:
                os.pwrite(memory.fileno(), content, address)

    def stat_descriptor(self, fd: int) -> os.stat_result:
        """Return what fstat(2) returns for the descriptor."""
        try:
            return os.stat(f"/proc/{self.pid}/fd/{fd}")
        except FileNotFoundError:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF)) from None

    def count_threads(self) -> int:
        """Return the number of threads."""
        return os.stat(f"/proc/{self.pid}/task").st_nlink - 2

    def _read(self, address: int, count: int) -> bytes:
        buffer = ctypes.create_string_buffer(count)
        try:
            done = self._transfer(_libc().process_vm_readv, buffer, address, count)
        except OSError as error:
            if error.errno not in _CALL_REFUSED:
                raise
            with self._open_memory(os.O_RDONLY) as memory:
                return os.pread(memory.fileno(), count, address)
        return buffer.raw[:done]

    def _open_memory(self, flags: int) -> "io.FileIO":
        """Open the process's memory as a file, which container runtimes do not refuse."""
        return io.FileIO(os.open(f"/proc/{self.pid}/mem", flags | os.O_CLOEXEC), closefd=True)

    def _transfer(
        self,
        call: Callable[..., int],
        buffer: "ctypes.Array[ctypes.c_char]",
        address: int,
        count: int,
    ) -> int:
        ours = struct.pack("@PN", ctypes.addressof(buffer), count)
        theirs = struct.pack("@PN", address, count)
        done = call(self.pid, ours, 1, theirs, 1, 0)
        if done <= 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        return done


def pack_stat(found: os.stat_result, machine: str) -> bytes:
    """Return the C struct stat of a machine."""
    links_and_mode = (found.st_nlink, found.st_mode)
    if machine == "aarch64":
        links_and_mode = (found.st_mode, found.st_nlink)
    times = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
    return struct.pack(
        _STAT_LAYOUTS[machine],
        found.st_dev,
        found.st_ino,
        *links_and_mode,
        found.st_uid,
        found.st_gid,
        found.st_rdev,
        found.st_size,
        found.st_blksize,
        found.st_blocks,
        *(part for time in times for part in divmod(time, 10**9)),
    )


@functools.cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (libc.process_vm_readv, libc.process_vm_writev):
        call.restype = ctypes.c_ssize_t
        call.argtypes = [
            ctypes.c_int, ctypes.c_char_p, ctypes.c_ulong,
            ctypes.c_char_p, ctypes.c_ulong, ctypes.c_ulong,
        ]  # fmt: skip
    return libc
