"""Restrict the current process and execute a program in it.

Run as a script: `python -I -S launcher.py SOCKET PARENT LIMITS FILTER NOTIFY PROGRAM ARGUMENT…`.
It is a script because code between fork and exec of a threaded Python is unsafe. It imports
nothing of the project because each import takes milliseconds: `json` and `signal` would double
the start time.

SOCKET is the descriptor that the listener of the seccomp filter is sent to, PARENT the process id
of the parent, LIMITS is `NAME=VALUE,…` (names of RLIMIT; bytes, seconds or a count), FILTER is the
filter in hex and may be empty, NOTIFY is 1 if the filter uses user notifications. Without PROGRAM,
the process tries what a program needs before it runs, and exits with 0 if that works. If PROGRAM
is `-m`, the first two ARGUMENTs are the parent's `sys.path` and a module. It is imported before the
process is restricted, because imports open files; its function `main` gets the other ARGUMENTs.
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
    """Apply the limits and the filter of the command line, then execute its program."""
    run_module = _import_module(*sys.argv[7:9]) if sys.argv[6:7] == ["-m"] else None
    command = restrict(sys.argv[1:])
    if not command:
        _try_out()
    if run_module is not None:
        run_module(command[3:])
        os._exit(0)
    os.execve(command[0], command, {})  # noqa: S606 - an argument list of our own, no shell


def _import_module(path: str, name: str):  # type: ignore[no-untyped-def]
    """Import a module, and return its function `main`."""
    sys.path += [folder for folder in path.split(os.pathsep) if folder not in sys.path]
    __import__(name)
    return sys.modules[name].main


def restrict(arguments: list[str]) -> list[str]:
    """Apply the limits and the filter, and return the remaining arguments."""
    socket_fd, parent, limits, filter_program, notify, *command = arguments
    for setting in limits.split(",") if limits else ():
        name, _, value = setting.partition("=")
        limit = getattr(resource, name, None)
        if limit is not None:
            _set_limit(limit, int(value))
    if sys.platform == "linux":
        _give_up_privileges(int(parent))
        if filter_program:
            _install(int(socket_fd), bytes.fromhex(filter_program), notify == "1")
    return command


def _set_limit(limit: int, value: int) -> None:
    _, hard = resource.getrlimit(limit)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # At the hard limit of CPU time the kernel sends SIGKILL, at the soft one SIGXCPU, which names
    # the cause. So the hard limit is a little higher.
    is_raisable = limit == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY
    hard = value + 2 if is_raisable else value
    try:
        resource.setrlimit(limit, (value, hard))
    except (ValueError, OSError):
        if sys.platform == "linux":
            raise


def _give_up_privileges(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above
        os._exit(1)
    # Drop all capabilities, which only root has.
    header, none = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24)
    libc.syscall(_CAPSET.get(os.uname().machine, -1), header, none)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _install(socket_fd: int, filter_program: bytes, notify: bool) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    instructions = ctypes.create_string_buffer(filter_program, len(filter_program))
    sock_fprog = ctypes.create_string_buffer(
        struct.pack("@HP", len(filter_program) // 8, ctypes.addressof(instructions))
    )
    channel = _socket.socket(fileno=socket_fd)
    seccomp = _SECCOMP[os.uname().machine]
    flags = _NEW_LISTENER if notify else 0
    # From here on the filter holds: nothing may be imported, and few calls are allowed.
    listener = libc.syscall(seccomp, _SECCOMP_SET_MODE_FILTER, flags, sock_fprog)
    if listener < 0:
        sys.exit(f"seccomp: {os.strerror(ctypes.get_errno())}")
    if notify:
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("=i", listener))]
        channel.sendmsg([b"."], rights)
        os.close(listener)
    channel.close()


def _try_out() -> None:
    """Open and read a library, as the loader of a program does."""
    library = os.open(sys.executable, os.O_RDONLY)
    os._exit(0 if os.read(library, 4) == b"\x7fELF" else 1)


if __name__ == "__main__":
    main()
