"""Answer the notifications of a sandboxed process's seccomp filter.

Reads wait until their bytes are in the memory file: FFmpeg sees a complete, seekable file of which
only a part is in memory. The process never opens a file itself. Until its first read of something
that a stranger sent, the supervisor opens shared libraries for the dynamic loader; afterwards it
opens nothing, and every call that FFmpeg does not need while it converts is refused.
"""

import contextlib
import errno
import fcntl
import logging
import os
import platform
import select
import signal
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from services.conversion.sandbox.child_access import ChildAccess, pack_stat
from services.conversion.sandbox.libraries import OUR_LACK, open_library
from services.conversion.sandbox.processor_budget import ProcessorBudget
from services.conversion.sandbox.syscall_table import names_by_number

log = logging.getLogger(__name__)

# linux/seccomp.h: struct seccomp_notif {id, pid, flags, {nr, arch, ip, args[6]}},
# struct seccomp_notif_resp {id, val, error, flags} and
# struct seccomp_notif_addfd {id, flags, srcfd, newfd, newfd_flags}
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_ADD_DESCRIPTOR = struct.Struct("=QIIII")
_RECEIVE, _SEND, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
_ADD, _SET_FLAGS = 0x40182103, 0x40082104
_SYNC_WAKE_UP = 1
"""Linux 6.6: both sides take turns on one processor. Measured: 17 instead of 45 µs a call."""
_AT_EMPTY_PATH = 0x1000
_POLL_MILLISECONDS = 100
"""For kernels that do not report the end of the process on the listener."""
_MAX_NAMES = 20
_MAX_REFUSALS = 200
"""Refused calls after which the process is killed: FFmpeg makes none, and each costs processor
time of the worker."""
MAX_THREADS = 16 + 2 * (os.cpu_count() or 1)
"""Threads of one process. FFmpeg starts six, and one for each processor in each graph of filters.
In a container, all threads share the processors alike: the more hostile code has, the less is left
for the worker."""
THREADS_OF_INPUT = 2
"""Further threads of FFmpeg for each of its inputs: a demuxer and a decoder."""
_LOOK_UPS = frozenset({
    "access", "faccessat", "faccessat2", "newfstatat", "stat", "lstat", "statx", "readlink",
    "readlinkat", "statfs", "getcwd", "openat2",
})  # fmt: skip
"""Calls by which loaders search for libraries. Before the source is read, all of them fail with
ENOENT."""
_EXPECTED_PATHS = (
    b"/proc/sys/vm/overcommit_memory",
    b"/sys/devices/system/cpu/online",
    b"/proc/stat",
    b"/etc/localtime",
)
"""Files that the C library can do without, opened by malloc and for dates. Refused quietly."""

WaitForBytes = Callable[[int, int], bool]
"""Wait for the source's bytes [position, position + count); return False if they never come."""


class _Notification(NamedTuple):
    id: int
    number: int
    args: tuple[int, ...]


@dataclass(frozen=True)
class _CallResult:
    """Hold the outcome of a call: it continues, fails with `error`, or returns `value`."""

    error: int = 0
    value: int = 0
    is_continued: bool = False


_CONTINUE = _CallResult(is_continued=True)


class SandboxSupervisor:
    """Answer the notifications of one process in a thread, until it ends or `close`.

    Args:
        pid: The process, which must be a child of this one.
        listener: The descriptor of its notifications; it is closed by the supervisor.
        source_fd: The source; its file position is shared with the process.
        wait_for_bytes: Called before each read, with the position in the source and the count.
        inputs: The number of FFmpeg's inputs, each of which has threads of its own.
        budget: What the process may take of this one's time; by default one of its own.
    """

    def __init__(
        self,
        pid: int,
        listener: int,
        source_fd: int,
        wait_for_bytes: WaitForBytes,
        inputs: int = 0,
        budget: ProcessorBudget | None = None,
    ) -> None:
        self.refused: dict[str, None] = {}
        """Names of the calls that were refused.

        The packaged FFmpeg makes none; another build may, and so does a compromised process.
        """
        self.error: OSError | None = None
        """Why a call failed for lack of a descriptor or memory: the program is not to blame."""
        self._child, self._budget = ChildAccess(pid), budget or ProcessorBudget()
        self._listener, self._source_fd, self._wait_for_bytes = listener, source_fd, wait_for_bytes
        self._max_threads = MAX_THREADS + THREADS_OF_INPUT * inputs
        self._machine = platform.machine()
        self._names = names_by_number(self._machine)
        self._handlers: dict[str, Callable[[_Notification], _CallResult]] = {
            "read": self._read,
            "pread64": self._read,
            "open": lambda call: self._open(call, path=call.args[0], flags=call.args[1]),
            "openat": lambda call: self._open(call, path=call.args[1], flags=call.args[2]),
            "execve": self._execve,
            "mmap": self._mmap,
            "clone": lambda _call: self._clone(),
            "newfstatat": self._newfstatat,
        }
        self._libraries: set[tuple[int, int]] = set()  # device and inode
        self._executed = self._source_was_read = False
        self._refusals = 0
        self._stop = threading.Event()
        with contextlib.suppress(OSError):  # an older kernel
            fcntl.ioctl(listener, _SET_FLAGS, _SYNC_WAKE_UP)
        self._thread = threading.Thread(target=self._serve, name="sandbox-supervisor", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering. The process must be dead, or its next notified call fails."""
        self._stop.set()
        self._thread.join()

    def _serve(self) -> None:
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        # Waiting for the source takes no processor time, so a slow network costs nothing.
        used = time.thread_time()
        try:
            while not self._stop.is_set():
                for _, event in poll.poll(_POLL_MILLISECONDS):
                    if not event & select.POLLIN:
                        return
                    self._answer_one()
                    before, used = used, time.thread_time()
                    if pause := self._budget.spend(used - before):
                        self._stop.wait(pause)
        finally:
            os.close(self._listener)

    def _answer_one(self) -> None:
        buffer = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(self._listener, _RECEIVE, buffer)
        except OSError:  # the calling thread has died or was interrupted
            return
        identifier, _, _, number, _, _, *arguments = _NOTIFICATION.unpack(buffer)
        call = _Notification(identifier, number, tuple(arguments))
        name = self._names.get(number, f"system call {number}")
        try:
            answer = self._handlers.get(name, self._unknown)(call)
        except OSError as error:
            if error.errno in OUR_LACK:
                self.error = self.error or error
            answer = _CallResult(error.errno or errno.EPERM)
        flags = 1 if answer.is_continued else 0
        response = _RESPONSE.pack(identifier, answer.value, -answer.error, flags)
        with contextlib.suppress(OSError):
            self._ioctl(_SEND, response)

    def _read(self, call: _Notification) -> _CallResult:
        if not self._source_was_read:
            if self._is_library(call.args[0]):
                return _CONTINUE
            # Set before the read is answered: it may be the one that compromises the process.
            self._source_was_read = True
        position = os.lseek(self._source_fd, 0, os.SEEK_CUR)
        return _CONTINUE if self._wait_for_bytes(position, call.args[2]) else _CallResult(errno.EIO)

    def _open(self, call: _Notification, path: int, flags: int) -> _CallResult:
        if self._source_was_read:
            name = b""  # also of an address that cannot be read
            with contextlib.suppress(OSError):
                name = self._child.read_string(path)
            if name in _EXPECTED_PATHS:
                return _CallResult(errno.EPERM)
            return self._refuse(f"open {os.fsdecode(name[:100])!a}")
        library = open_library(self._child.read_string(path), flags)
        if library is None:
            return _CallResult(errno.ENOENT)
        try:
            found = os.fstat(library)
            self._libraries.add((found.st_dev, found.st_ino))
            return self._send_descriptor(call, library)
        finally:
            os.close(library)

    def _execve(self, call: _Notification) -> _CallResult:
        """Let the launcher execute the program, once."""
        if self._executed or self._source_was_read:
            return self._unknown(call)
        self._executed = True
        return _CONTINUE

    def _mmap(self, call: _Notification) -> _CallResult:
        """Let the loader map libraries, which is how they become executable."""
        if not self._source_was_read and self._is_library(call.args[4]):
            return _CONTINUE
        return self._unknown(call)

    def _clone(self) -> _CallResult:
        """Limit the threads. The filter has checked the flags: it is not a process."""
        if self._child.count_threads() < self._max_threads:
            return _CONTINUE
        self._refuse("clone")
        return _CallResult(errno.EAGAIN)

    def _newfstatat(self, call: _Notification) -> _CallResult:
        """Answer fstat(2), which glibc 2.33 to 2.38 calls in this way, and look up no path.

        The path is not looked at: between a look and the kernel's own, the process could change it.
        """
        descriptor, _, result, flags, *_ = call.args
        if flags & 0xFFFFFFFF != _AT_EMPTY_PATH:
            return self._unknown(call)
        found = self._child.stat_descriptor(descriptor & 0xFFFFFFFF)
        self._ioctl(_IS_VALID, struct.pack("=Q", call.id))
        self._child.write(result, pack_stat(found, self._machine))
        return _CallResult()

    def _unknown(self, call: _Notification) -> _CallResult:
        name = self._names.get(call.number)
        if name is None:
            # What is newer than the table has a fallback in the C library, for older kernels.
            self._refuse(f"system call {call.number}")
            return _CallResult(errno.ENOSYS)
        if name in _LOOK_UPS and not self._source_was_read:
            return _CallResult(errno.ENOENT)
        return self._refuse(name)

    def _refuse(self, name: str) -> _CallResult:
        self._refusals += 1
        if len(self.refused) < _MAX_NAMES:
            self.refused[name] = None
        if self._refusals == _MAX_REFUSALS:
            log.error(
                "sandbox.killed after %d refused calls: %s", self._refusals, list(self.refused)
            )
            os.kill(self._child.pid, signal.SIGKILL)
        return _CallResult(errno.EPERM)

    def _is_library(self, descriptor: int) -> bool:
        try:
            found = self._child.stat_descriptor(descriptor & 0xFFFFFFFF)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) in self._libraries

    def _send_descriptor(self, call: _Notification, descriptor: int) -> _CallResult:
        """Give the process a descriptor of its own, which its call returns.

        It takes two steps. SECCOMP_ADDFD_FLAG_SEND would take one, but if this process is stopped
        meanwhile, the kernel may answer without the descriptor.
        """
        request = _ADD_DESCRIPTOR.pack(call.id, 0, descriptor, 0, os.O_CLOEXEC)
        return _CallResult(value=self._ioctl(_ADD, request))

    def _ioctl(self, command: int, argument: bytes) -> int:
        """Call ioctl(2) for the listener, again if a stop of this process interrupts it."""
        while True:
            with contextlib.suppress(InterruptedError):
                # Only with a mutable argument, Python returns the number that the call returned.
                result: int = fcntl.ioctl(self._listener, command, bytearray(argument))
                return result
