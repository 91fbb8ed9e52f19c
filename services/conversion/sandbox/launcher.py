"""Locks itself in and becomes FFmpeg: run as a script, `python -I -S launcher.py SOCKET PARENT LIMITS FILTER NOTIFY PROGRAM ARGUMENT…`.

A script of its own, because code between fork and exec of a threaded Python is not safe, and standing alone, because every import
costs its child a few milliseconds: `json` and `signal` would double them. LIMITS is `NAME=VALUE,…` (names of RLIMIT; bytes, seconds
or count), FILTER is hex and may be empty, NOTIFY is 1 where the parent answers the filter's questions: it gets their listener by SOCKET.
"""

import _socket
import ctypes
import os
import resource
import struct
import sys

_SIGKILL = 9
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SECCOMP_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    socket_fd, parent, limits, program, notify, *command = sys.argv[1:]
    for setting in limits.split(",") if limits else ():
        name, _, value = setting.partition("=")
        limit = getattr(resource, name, None)
        if limit is not None:
            _limit(limit, int(value))
    if sys.platform == "linux":
        _lock_in(int(socket_fd), int(parent), bytes.fromhex(program), notify == "1")
    os.execve(command[0], command, {})  # noqa: S606 - an argument list of our own making, no shell


def _limit(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # At the hard limit of time the kernel kills without a word; the signal that says why comes at the soft one, before.
    most = value + 2 if limit == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else value
    try:
        resource.setrlimit(limit, (value, most))
    except (ValueError, OSError):
        if sys.platform == "linux":
            raise


def _lock_in(socket_fd: int, parent: int, program: bytes, notify: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the signal was ordered
        os._exit(1)
    machine = os.uname().machine
    header, none = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
    libc.syscall(
        _CAPSET.get(machine, -1), header, none
    )  # drops a root's capabilities; nothing to drop for others
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if not program:
        return
    lines = ctypes.create_string_buffer(program, len(program))
    sock_fprog = ctypes.create_string_buffer(
        struct.pack("@HP", len(program) // 8, ctypes.addressof(lines))
    )
    listener = libc.syscall(
        _SECCOMP[machine], _SECCOMP_SET_MODE_FILTER, _NEW_LISTENER if notify else 0, sock_fprog
    )
    if listener < 0:
        sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
    if notify:
        channel = _socket.socket(fileno=socket_fd)
        channel.sendmsg(
            [b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("=i", listener))]
        )
        channel.close()
        os.close(listener)


main()
