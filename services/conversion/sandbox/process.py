"""Start a program in a sandbox that needs no privilege.

The launcher restricts the new process, the seccomp filter decides about its system calls, and the
supervisor answers those that the filter passes on. Kernels without user notification (before Linux
5.5, and some container runtimes) still refuse the network and other processes. Systems without
seccomp (macOS) have resource limits, an empty environment and FFmpeg's own allow-lists.
"""

import array
import contextlib
import functools
import os
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


class SandboxLevel(StrEnum):
    """Name how strong a sandbox is, from the strongest to the weakest."""

    SUPERVISED = "supervised"
    """Seccomp with user notification: no file can be opened, and reads wait for the source."""
    FILTERED = "filtered"
    """Seccomp without user notification."""
    NONE = "none"


@dataclass
class SandboxedProcess:
    """Hold a sandboxed process.

    `listener` is the descriptor of its seccomp notifications; None unless it is supervised.
    """

    process: subprocess.Popen[bytes]
    listener: int | None

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

    `limits` maps names of RLIMIT to values. Raises OSError if the process cannot be started.
    """
    is_supervised = level is SandboxLevel.SUPERVISED
    program = b""
    if level is not SandboxLevel.NONE:
        program = seccomp_filter.program(notify=is_supervised)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
        arguments = [
            str(theirs.fileno()),
            str(os.getpid()),
            ",".join(f"{name}={value}" for name, value in limits.items()),
            program.hex(),
            "1" if is_supervised else "0",
        ]
        process = subprocess.Popen(  # noqa: S603 - an argument list of our own, no shell
            [*launcher, *arguments, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[theirs.fileno(), *descriptors],
            env={},
            cwd="/",
            start_new_session=True,
        )
        child = SandboxedProcess(process, None)
        theirs.close()
        if is_supervised:
            child.listener = _receive_listener(ours, child)
        return child


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


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    """Close this side of the process's stdout and stderr."""
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@functools.cache
def best_sandbox_level() -> SandboxLevel:
    """Return the strongest sandbox that works on this system, found by trying."""
    if sys.platform != "linux":
        return SandboxLevel.NONE
    for level in (SandboxLevel.SUPERVISED, SandboxLevel.FILTERED):
        if _works(level):
            return level
    return SandboxLevel.NONE


def _works(level: SandboxLevel) -> bool:
    with open(os.devnull, "rb") as source:
        try:
            child = start([sys.executable, "-I", "-S", "-c", "pass"], [], {}, level)
        except (OSError, NotImplementedError):
            return False
        supervisor = None
        if child.listener is not None:
            supervisor = SandboxSupervisor(child.listener, source.fileno(), lambda *_: True)
        try:
            return child.process.wait(_START_TIMEOUT) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            child.kill()
            close_pipes(child.process)
            if supervisor is not None:
                supervisor.close()
