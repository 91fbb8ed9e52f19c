"""Wait for a request, restrict the current process, and execute a program in it.

Run as a script: `python -I -S launcher.py SOCKET PARENT [PATH MODULE]`. It is a script because code
between fork and exec of a threaded Python is unsafe. It imports nothing of the project because each
import takes milliseconds: `json` and `signal` would double the start time.

SOCKET is the descriptor of a Unix socket, PARENT the process id of the parent. If a module is
named, it is imported from this `sys.path` at once, because imports open files: after the request,
its function `main` gets the arguments in place of a program.

A request is its length in bytes (4 bytes in the order of this machine), then texts with NUL between
them: NUMBERS, LIMITS, FILTER, NOTIFY, PROGRAM, ARGUMENT… The descriptors that the program inherits
come with it. NUMBERS are those of the socket and of these descriptors from now on (`4,3,7`), LIMITS
is `NAME=VALUE,…` (names of RLIMIT; bytes, seconds or a count), FILTER is the seccomp filter in hex
and may be empty, NOTIFY is 1 if the filter uses user notifications: then its listener is sent back.
Without PROGRAM and module, the process tries what a program needs before it runs, and exits with 0
if that works, or with 3.
"""

import _socket
import ctypes
import os
import resource
import struct
import sys

_MAX_DESCRIPTORS = 253
"""Linux sends no more of them at once (SCM_MAX_FD)."""
_TRANSIENT = (11, 12, 23, 24)
"""EAGAIN, ENOMEM, ENFILE and EMFILE, which say nothing about the system."""
_TRIED_IN_VAIN = 3
_SIGKILL = 9
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SECCOMP_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_CAPABILITY_VERSION_3 = 0x20080522


def main() -> None:
    """Wait for a request, apply its limits and its filter, then execute its program."""
    socket_fd, parent, *module = sys.argv[1:]
    run_module = _import_module(*module) if module else None
    command = restrict(int(socket_fd), int(parent))
    if run_module is not None:
        run_module(command)
        os._exit(0)
    if not command:
        _try_out()
    os.execve(command[0], command, {})  # noqa: S606 - an argument list of our own, no shell


def _import_module(path: str, name: str):  # type: ignore[no-untyped-def]
    """Import a module, and return its function `main`."""
    sys.path += [folder for folder in path.split(os.pathsep) if folder not in sys.path]
    __import__(name)
    return sys.modules[name].main


def restrict(socket_fd: int, parent: int) -> list[str]:
    """Wait for a request, apply its limits and its filter, and return the program's command."""
    if sys.platform == "linux":
        _die_with(parent)
    channel, fields = _receive(_socket.socket(fileno=socket_fd))
    limits, filter_program, notify, *command = fields
    for setting in limits.split(",") if limits else ():
        name, _, value = setting.partition("=")
        limit = getattr(resource, name, None)
        if limit is not None:
            _set_limit(limit, int(value))
    if sys.platform == "linux":
        _give_up_privileges()
        if filter_program:
            _install(channel, bytes.fromhex(filter_program), notify == "1")
    return command


def _receive(channel: _socket.socket) -> tuple[int, list[str]]:
    """Return the descriptor that the socket has from now on, and the texts behind NUMBERS."""
    length, ancillary, _, _ = channel.recvmsg(4, _socket.CMSG_SPACE(4 * _MAX_DESCRIPTORS))
    if not length:  # nobody needs this process any more
        os._exit(0)
    request = b""
    while len(request) < int.from_bytes(length, sys.byteorder):
        piece = channel.recv(1 << 20)
        if not piece:  # the parent has died
            os._exit(1)
        request += piece
    numbers, *fields = request.decode(errors="surrogateescape").split("\0")
    received = [channel.detach()]
    for _, _, data in ancillary:
        received += struct.unpack(f"={len(data) // 4}i", data)
    wanted = [int(number) for number in numbers.split(",")]
    for index, number in enumerate(wanted):
        if number in received[index + 1 :]:
            received[received.index(number)] = os.dup(number)
        if received[index] != number:
            os.dup2(received[index], number)
            os.close(received[index])
        os.set_inheritable(number, index > 0)  # the program does not inherit the socket
    return wanted[0], fields


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


def _die_with(parent: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above
        os._exit(1)


def _give_up_privileges() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
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
        error = ctypes.get_errno()
        sys.exit(f"{'for now, ' if error in _TRANSIENT else ''}seccomp: {os.strerror(error)}")
    if notify:
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("=i", listener))]
        channel.sendmsg([b"."], rights)
        os.close(listener)
    channel.close()


def _try_out() -> None:
    """Open and read a library, as the loader of a program does."""
    try:
        library = os.open(sys.executable, os.O_RDONLY)
        os._exit(0 if os.read(library, 4) == b"\x7fELF" else _TRIED_IN_VAIN)
    except OSError as error:
        os._exit(1 if error.errno in _TRANSIENT else _TRIED_IN_VAIN)


if __name__ == "__main__":
    main()
