"""Assemble the seccomp filter of a sandboxed FFmpeg, as a classic BPF program.

The filter is an allow-list: a system call that it does not name is refused. It has these groups:

- *Allowed*: what FFmpeg calls while it converts. `CHECKED` ones only with harmless arguments.
- *Notified*: the supervisor decides (seccomp user notification, Linux 5.9), because the decision
  depends on the past or on memory that a filter cannot see. Everything unknown is notified, too,
  so that the supervisor can report its name.
- *Answered*: calls that fail with an errno that FFmpeg expects.

`readv` and `preadv` are refused: the supervisor waits for the source's bytes only at `read` and
`pread64`.

Without a supervisor the notified calls are allowed, restricted to reading, or refused. No
privilege is needed. seccomp(2) describes the program, linux/filter.h its instructions. See
decision 10 for the reasons why this is not a library.
"""

import errno
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.conversion.sandbox.syscall_table import numbers_by_name

ALLOWED = (
    # Bytes of open files, most frequent first. `writev` is how musl writes its logs.
    "futex", "write", "lseek", "fstat", "close", "pwrite64", "writev", "dup",
    # The process's own memory.
    "munmap", "madvise", "brk", "mremap",
    # Threads and signal handlers of its own.
    "rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "sigaltstack", "set_robust_list", "rseq",
    "set_tid_address", "exit", "exit_group", "restart_syscall", "sched_yield", "getpid", "gettid",
    # Time and randomness. The first two are vDSO calls where the machine has a usable clock.
    "clock_gettime", "gettimeofday", "clock_getres", "clock_nanosleep", "nanosleep", "getrusage",
    "getrandom",
)  # fmt: skip
"""Allowed with any arguments: they reach nothing but the process and the files that it has open."""


@dataclass(frozen=True)
class Check:
    """Allow a call if one of its arguments, masked, has one of these values.

    `is_pointer` compares all 64 bits. Other arguments are C ints, of which the kernel sees 32.
    """

    argument: int
    values: Sequence[int]
    mask: int = 0xFFFFFFFF
    is_pointer: bool = False


_PROT_EXEC, _MAP_ANONYMOUS = 0x4, 0x20
_AT_EMPTY_PATH = 0x1000
_READING = Check(2, [0], mask=0o20001103)
"""`openat` flags without O_WRONLY, O_RDWR, O_CREAT, O_TRUNC and O_TMPFILE."""
_THREAD_FLAGS = 0x3D0F00
"""Flags that pthread_create passes to clone: VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, …"""
_CLONE_DETACHED = 0x400000
"""Set by musl; the kernel ignores it."""
_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_DUPFD_CLOEXEC = 0, 1, 2, 3, 1030
_PR_SET_NAME = 15
_ARCH_SET_FS = 0x1002

CHECKED: Mapping[str, Sequence[Check]] = {
    # Anonymous memory that cannot be executed. The loader's mappings of libraries are notified.
    "mmap": (Check(2, [0], mask=_PROT_EXEC), Check(3, [_MAP_ANONYMOUS], mask=_MAP_ANONYMOUS)),
    "mprotect": (Check(2, [0], mask=_PROT_EXEC),),
    # Neither F_SETOWN and F_SETSIG, which send signals, nor locks and leases.
    "fcntl": (Check(1, [_F_DUPFD, _F_GETFD, _F_SETFD, _F_GETFL, _F_DUPFD_CLOEXEC]),),
    "prctl": (Check(0, [_PR_SET_NAME]),),
    "arch_prctl": (Check(0, [_ARCH_SET_FS]),),
    "sched_getaffinity": (Check(0, [0]),),
    # Read the process's own limits; do not set them.
    "prlimit64": (Check(0, [0]), Check(2, [0], is_pointer=True)),
}
"""Allowed if all checks hold; otherwise treated as unknown."""

_CLONE = Check(0, [_THREAD_FLAGS], mask=0xFFFFFFFF ^ _CLONE_DETACHED)

ANSWERED = {
    # It passes its flags in memory, where no filter can see them. The C library then uses clone.
    "clone3": errno.ENOSYS,
    # FFmpeg asks whether its log is a terminal.
    "ioctl": errno.ENOTTY,
    # The C library asks how much memory there is before it sorts a thousand chapters.
    "sysinfo": errno.EPERM,
}
"""Calls that the filter itself refuses, with the errno that makes FFmpeg go on."""

UNSUPERVISED: Mapping[str, Sequence[Check]] = {
    "read": (), "pread64": (), "execve": (), "openat": (_READING,),
    "open": (Check(1, [0], mask=_READING.mask),), "clone": (_CLONE,),
    "newfstatat": (Check(3, [_AT_EMPTY_PATH]),),
    # The loader maps libraries. Memory that is writable and executable stays refused.
    "mmap": (Check(2, [0, 1, 2, 3, 5]),),
}  # fmt: skip
"""Checks that replace the supervisor's decisions where the kernel has no notifications."""

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_FIRST_X32_NUMBER = 0x40000000
"""On x86-64 the same calls exist again from here on, with another layout of their arguments."""

_ALLOW, _ERRNO, _NOTIFY, _KILL = 0x7FFF0000, 0x00050000, 0x7FC00000, 0x80000000
_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_Instruction = tuple[int, int, int, int]


def assemble(machine: str, *, supervised: bool, channel: int | None = None) -> bytes:
    """Return the filter as an array of struct sock_filter.

    Args:
        machine: The machine's name, as uname(2) returns it.
        supervised: True if there is a supervisor for notifications.
        channel: A descriptor that `sendmsg` is allowed on: the launcher hands the listener of the
            notifications over by it, and closes it.

    Raises:
        NotImplementedError: The machine is neither x86-64 nor 64-bit ARM.
    """
    numbers = numbers_by_name(machine)
    default = (_RETURN, 0, 0, _NOTIFY if supervised else _ERRNO | errno.EPERM)
    program = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        (_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        (_AT_LEAST, 0, 1, _FIRST_X32_NUMBER),
        (_RETURN, 0, 0, _KILL),
    ]
    for name, block in _blocks(supervised=supervised, channel=channel, default=default):
        if name in numbers:
            program += [(_EQUAL, 0, len(block), numbers[name]), *block]
    return b"".join(
        struct.pack("=HBBI", code, if_true, if_false, value)
        for code, if_true, if_false, value in [*program, default]
    )


def _blocks(
    *, supervised: bool, channel: int | None, default: _Instruction
) -> Iterator[tuple[str, Sequence[_Instruction]]]:
    """Yield the instructions for each system call; each block ends with a return."""
    allow = (_RETURN, 0, 0, _ALLOW)
    for name in ALLOWED:
        yield name, [allow]
    unsupervised = {} if supervised else UNSUPERVISED
    for name, checks in {**CHECKED, **unsupervised}.items():
        yield name, [*_compare_all(checks, default), allow]
    if supervised:
        yield "clone", [*_compare_all([_CLONE], (_RETURN, 0, 0, _ERRNO | errno.EPERM)), default]
    for name, error in ANSWERED.items():
        yield name, [(_RETURN, 0, 0, _ERRNO | error)]
    if channel is not None:
        yield "sendmsg", [*_compare_all([Check(0, [channel])], default), allow]


def _compare_all(checks: Sequence[Check], otherwise: _Instruction) -> Iterator[_Instruction]:
    """Yield instructions that go on if all checks hold, and else return `otherwise`."""
    for check in checks:
        low = _ARGUMENTS_OFFSET + 8 * check.argument
        yield _LOAD, 0, 0, low
        if check.mask != 0xFFFFFFFF:
            yield _AND, 0, 0, check.mask
        for index, value in enumerate(check.values):
            yield _EQUAL, len(check.values) - index, 0, value
        yield otherwise
        if check.is_pointer:
            yield _LOAD, 0, 0, low + 4
            yield _EQUAL, 1, 0, 0
            yield otherwise
