"""Start a program in a sandbox that needs no privilege.

The launcher restricts the new process, the seccomp filter decides about its system calls, and the
supervisor answers those that the filter passes on. Kernels without user notification (before Linux
5.9, and some container runtimes) still refuse the network, other processes and writing to files.
Systems without seccomp (macOS) have resource limits, an empty environment and FFmpeg's own
allow-lists. See decision 10.
"""

import array
import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import platform
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from services.conversion.sandbox import seccomp_filter
from services.conversion.sandbox.supervisor import SandboxSupervisor

_LAUNCHER = Path(__file__).with_name("launcher.py")
_START_TIMEOUT = 10.0
_PR_SET_DUMPABLE = 4
_PIPE_BYTES = 1024 * 1024
"""Size of the log's pipe. In packet mode each write takes a page, and FFmpeg prints a line of a tag
by three writes."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM}
_FIXED_LIMITS = {
    # Crash dumps, locked memory, POSIX message queues, and priorities of its own choice.
    "RLIMIT_CORE": 0, "RLIMIT_MEMLOCK": 0, "RLIMIT_MSGQUEUE": 0, "RLIMIT_NICE": 0,
    "RLIMIT_RTPRIO": 0,
}  # fmt: skip


class SandboxLevel(StrEnum):
    """Name how strong a sandbox is, from the strongest to the weakest."""

    SUPERVISED = "supervised"
    """Seccomp with user notification: no file can be opened, and reads wait for the source."""
    FILTERED = "filtered"
    """Seccomp without user notification."""
    NONE = "none"


@dataclass
class SandboxedProcess:
    """Hold a process and the descriptor of its seccomp listener.

    `listener` is None unless the process is supervised.
    """

    process: subprocess.Popen[bytes]
    listener: int | None
    writes_are_packets: bool
    """Each read of stderr returns what one write wrote (at most a page of it)."""

    def kill(self) -> None:
        """Kill the whole process group and reap the child. May be repeated."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
        self.process.wait()


def start(
    command: Sequence[str],
    descriptors: Sequence[int],
    limits: Mapping[str, int],
    level: SandboxLevel,
) -> SandboxedProcess:
    """Start `command`; it inherits `descriptors` only, and stdout and stderr are pipes.

    `command` may be that of a Python module, see `module_command`.
    This process is hidden from it: see `hide_this_process`. `limits` maps names of RLIMIT to
    values. Raises OSError if the process cannot be started.
    """
    hide_this_process()
    is_supervised = level is SandboxLevel.SUPERVISED
    ours, theirs = socket.socketpair()
    stderr_read, stderr_write, writes_are_packets = _create_pipe()
    with ours, theirs, open(stderr_write, "wb", 0) as stderr, contextlib.ExitStack() as on_error:
        on_error.callback(os.close, stderr_read)
        program = b""
        if level is not SandboxLevel.NONE:
            channel = theirs.fileno() if is_supervised else None
            program = seccomp_filter.assemble(
                platform.machine(), supervised=is_supervised, channel=channel
            )
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
        arguments = [
            str(theirs.fileno()),
            str(os.getpid()),
            ",".join(f"{name}={value}" for name, value in {**_FIXED_LIMITS, **limits}.items()),
            program.hex(),
            "1" if is_supervised else "0",
        ]
        process = subprocess.Popen(  # noqa: S603 - an argument list of our own, no shell
            [*launcher, *arguments, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pass_fds=[theirs.fileno(), *descriptors],
            env={},
            cwd="/",
            start_new_session=True,
        )
        on_error.pop_all()
        process.stderr = open(stderr_read, "rb", 0)  # noqa: SIM115 - closed by close_pipes
        child = SandboxedProcess(process, None, writes_are_packets)
        stderr.close()
        theirs.close()
        if is_supervised:
            child.listener = _receive_listener(ours, child)
        return child


def module_command(name: str, *arguments: str) -> list[str]:
    """Return the command that imports a module in the sandbox, as here, and calls its `main`.

    The module may import whatever this process can. Nothing can be imported later.
    """
    path = os.pathsep.join(os.path.abspath(folder) for folder in sys.path)
    return ["-m", path, name, *arguments]


def _create_pipe() -> tuple[int, int, bool]:
    """Return both ends of a pipe, and whether it keeps writes apart (O_DIRECT, see pipe(2))."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            read, write = os.pipe2(os.O_CLOEXEC | os.O_DIRECT)
            with contextlib.suppress(OSError):  # beyond the limit of a user, see pipe(7)
                fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            return read, write, True
    return *os.pipe(), False


def _receive_listener(channel: socket.socket, child: SandboxedProcess) -> int:
    channel.settimeout(_START_TIMEOUT)
    numbers = array.array("i")
    try:
        _, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_LEN(numbers.itemsize))
    except TimeoutError:
        ancillary = []
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            numbers.frombytes(data)
            return numbers[0]
    child.kill()
    message = child.process.stderr.read() if child.process.stderr else b""
    close_pipes(child.process)
    raise OSError(f"the sandbox did not start: {message.decode(errors='replace')[-200:]}")


@functools.cache
def hide_this_process() -> None:
    """Hide memory, environment and descriptors from other processes of the same user.

    A process that is not dumpable has a `/proc` folder that belongs to root, and cannot be traced.
    It also writes no core dump, and debuggers need root to attach.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    """Close this side of the process's stdout and stderr."""
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@functools.cache
def best_sandbox_level() -> SandboxLevel:
    """Return the strongest sandbox that works on this system, found by trying.

    Raises OSError if it cannot be tried now.
    """
    if sys.platform != "linux":
        return SandboxLevel.NONE
    for level in (SandboxLevel.SUPERVISED, SandboxLevel.FILTERED):
        if _works(level):
            return level
    return SandboxLevel.NONE


def _works(level: SandboxLevel) -> bool:
    with open(os.devnull, "rb") as source:
        try:
            child = start([], [], {}, level)
        except NotImplementedError:
            return False
        except OSError as error:
            if error.errno in _EXHAUSTED:
                raise  # this says nothing about the system, and the answer would be remembered
            return False
        supervisor = None
        if child.listener is not None:
            supervisor = SandboxSupervisor(
                child.process.pid, child.listener, source.fileno(), lambda *_: True
            )
        try:
            return child.process.wait(_START_TIMEOUT) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            child.kill()
            close_pipes(child.process)
            if supervisor is not None:
                supervisor.close()
